// SPDX-License-Identifier: Apache-2.0
// Run it twice: the first process executes and exits, the second finds the outcome in the ledger and runs nothing.
//   02_restart [ledger file]
#include <iostream>
#include <string>

#include <openexec/openexec.hpp>

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "02_restart.db";
  auto ledger = openexec::sqlite_ledger(path);
  if (!ledger.ok()) {
    std::cerr << "cannot open the ledger: " << ledger.status().detail() << '\n';
    return 1;
  }

  openexec::HandlerTable handlers;
  const openexec::Status added = handlers.add("charge_card", [](const openexec::Invocation& call) {
    std::cout << "the handler runs: charging, with idempotency key " << call.exec_id << '\n';
    return openexec::HandlerResult::result(R"({"charged":true})");
  });
  if (!added.ok()) return 1;

  auto executor = openexec::Executor::assemble(
      {}, {.store = *ledger, .verifier = std::make_shared<openexec::DemoVerifier>()}, std::move(handlers));
  if (!executor.ok()) {
    std::cerr << "cannot assemble: " << executor.status().detail() << '\n';
    return 1;
  }
  // A process that died inside a handler leaves its nonce in doubt: known, with a receipt, and never run again.
  if (const std::size_t lost = executor->recovered().in_doubt; lost > 0) std::cout << lost << " in doubt\n";

  const openexec::Outcome outcome =
      executor->execute({.action = "charge_card", .payload = R"({"cents":1250})", .nonce = "order-1001"});
  std::cout << (outcome.replayed ? "replayed " : "executed ") << outcome.result << " receipt " << outcome.receipt
            << '\n';
  return outcome.ok() ? 0 : 1;
}
