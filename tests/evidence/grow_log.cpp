// SPDX-License-Identifier: Apache-2.0
// Makes a ledger's log longer by entries of requests that are refused before anything is claimed: grow_log LEDGER FROM
// TO
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

int main(int argc, char** argv) try {
  if (argc != 4) throw std::runtime_error("usage: grow_log LEDGER FROM TO");
  auto ledger = sqlite_ledger(argv[1]);
  if (!ledger.ok()) throw std::runtime_error(ledger.status().detail());
  Config config;
  config.limits.max_refusals_per_second = 1'000'000;  // each refusal has an entry of its own
  Executor executor = assemble({.store = *ledger,
                                .log = nullptr,
                                .verifier = std::make_shared<DemoVerifier>(),
                                .hasher = nullptr,
                                .clock = nullptr},
                               echo_table(), config);
  for (int i = std::stoi(argv[2]); i < std::stoi(argv[3]); ++i) {
    const std::string nonce = "g-" + std::to_string(i);
    if (executor.execute({.action = "nobody", .nonce = nonce}).code != Code::unknown_action)
      throw std::runtime_error("a request was not refused as expected");
  }
  return 0;
} catch (const std::exception& failed) {
  std::cerr << "grow_log: " << failed.what() << "\n";
  return 1;
}
