// SPDX-License-Identifier: Apache-2.0
// The log of a real ledger, as it was at each of its sizes, for others to read: go_tlog_ledger FOLDER. The files are
// those of go_tlog_writer.cpp, which writes a larger log that no ledger holds.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "merkle/lines.hpp"
#include "merkle/tile.hpp"
#include "merkle/tlog_proof.hpp"
#include "support/parts.hpp"
#include "support/real_log.hpp"

namespace {

using namespace openexec;
using namespace openexec::merkle;
namespace fs = std::filesystem;

constexpr std::uint64_t most = 300;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

void write_resource(const fs::path& folder, Ledger& ledger, const std::string& path) {
  if (!fs::exists(folder / path)) write(folder / path, ledger.resource(path).value().value());
}

void write_proof(std::ostream& out, const char* kind, std::uint64_t a, std::uint64_t b, const Hashes& proof) {
  out << kind << ' ' << a << ' ' << b;
  for (const Digest& hash : proof) out << ' ' << hash_text(hash);
  out << '\n';
}

void write_log(const fs::path& folder) {
  const std::string witness = "witness.example/1";
  test::TemporaryFolder files;
  test::RealLog log(files.file("ledger.db"));
  write(folder / "log.vkey", log.verifier_key() + "\n");
  write(folder / "witness.vkey", test::witness_named(witness).verifier_key().write() + "\n");
  std::ofstream proofs(folder / "proofs.txt");
  for (std::uint64_t size = 0; size <= most; ++size) {
    if (size > 0) log.grow(1);
    if (log.size() != size) throw std::runtime_error("the ledger has another size");
    const std::string checkpoint = test::SignedLog::cosign(log.note(), {witness});
    if (size > 0 && !log.ledger().keep_cosigned(checkpoint).ok()) throw std::runtime_error("not kept");
    write(folder / "checkpoints" / std::to_string(size), checkpoint);
    for (unsigned level = 0; level < levels_of(size); ++level)
      for (std::uint64_t index = 0; width_of(size, level, index) > 0; ++index)
        write_resource(folder, log.ledger(), tile_path({level, index, width_of(size, level, index)}));
    for (std::uint64_t index = 0; index < size; ++index) {
      const std::string receipt = log.ledger().prove(index).value();
      write_proof(proofs, "inclusion", index, size, TlogProof::parse(receipt).value().hashes);
      if (size == most) write(folder / "receipts" / (std::to_string(index) + ".tlog-proof"), receipt);
    }
    for (std::uint64_t from = 0; from <= size; ++from)
      write_proof(proofs, "consistency", from, size, log.ledger().prove_consistency(from, size).value());
  }
  for (std::uint64_t first = 0; first < most; first += tile_width)
    write_resource(folder, log.ledger(), entries_path(first / tile_width, width_of(most, 0, first / tile_width)));
  std::ofstream leaves(folder / "leaves.txt");
  const std::vector<LogLine> lines = log.ledger().read(0, most).value();
  for (const LogLine& line : lines) leaves << hash_text(line.leaf_hash) << '\n';
  if (!leaves.flush() || !proofs.flush()) throw std::runtime_error("cannot write proofs");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw std::runtime_error("usage: go_tlog_ledger FOLDER");
  write_log(argv[1]);
  return 0;
} catch (const std::exception& failure) {
  std::cerr << "go_tlog_ledger: " << failure.what() << '\n';
  return 1;
}
