// SPDX-License-Identifier: Apache-2.0
// What a log sends to a witness, out of a real ledger, and out of a second one that was forked from it: log_requests
// FOLDER
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include "support/parts.hpp"
#include "support/real_log.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: log_requests FOLDER");
  const std::filesystem::path folder = argv[1];
  TemporaryFolder ledgers;
  RealLog log(ledgers.file("one.db"));
  write(folder / "log.vkey", log.verifier_key() + "\n");
  log.grow(3);
  write(folder / "first", log.request(0));
  RealLog fork = log.fork(ledgers.file("two.db"));
  log.grow(297, 1);
  write(folder / "second", log.request(3));
  write(folder / "receipt.tlog-proof", log.ledger().prove(257).value());
  fork.grow(297, 2);
  write(folder / "other-history-equal", fork.request(3));
  write(folder / "other-history-equal-now", fork.request(300));
  fork.grow(1, 2);
  write(folder / "other-history-longer", fork.request(300));
  return 0;
} catch (const std::exception& failed) {
  std::cerr << "log_requests: " << failed.what() << "\n";
  return 1;
}
