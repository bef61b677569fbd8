// SPDX-License-Identifier: Apache-2.0
// What run.py times, in C++: the least that the other languages could take. See run.py for what is asked and answered.
#include <chrono>
#include <iostream>
#include <string>

#include <openexec/openexec.hpp>

int main(int count, char** arguments) {
  if (count != 2) return 2;
  openexec::HandlerTable handlers;
  const openexec::Status added = handlers.add(
      "send", [](const openexec::Invocation&) { return openexec::HandlerResult::result(R"({"sent":true})"); });
  auto store = openexec::open_ledger(arguments[1]);
  if (!added.ok() || !store.ok()) return 1;
  auto executor = openexec::Executor::assemble(
      {}, {.store = *store, .verifier = std::make_shared<openexec::DemoVerifier>()}, handlers);
  if (!executor.ok()) return 1;

  std::string what;
  std::uint64_t made = 0;
  for (std::size_t calls = 0; std::cin >> what >> calls;) {
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < calls; ++i) {
      const std::string nonce = what == "replay" ? "same" : "n-" + std::to_string(made++);
      const openexec::Outcome outcome =
          executor->execute({.action = "send", .payload = R"({"amount":42,"to":"ada@example.com"})", .nonce = nonce});
      if (!outcome.ok() || outcome.receipt.size() != 64) return 1;
    }
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - start;
    std::cout << took.count() << std::endl;
  }
}
