// SPDX-License-Identifier: Apache-2.0
// One action, one executor, and the same request twice: the second answer is the first one, told again.
#include <iostream>

#include <openexec/openexec.hpp>

int main() {
  openexec::HandlerTable handlers;
  const openexec::Status added = handlers.add("echo", [](const openexec::Invocation& call) {
    return openexec::HandlerResult::result("{\"echo\":" + std::string(call.payload) + "}");
  });
  if (!added.ok()) return 1;

  // DemoVerifier lets everybody run everything: for demonstrations. clawshield_v1() asks for a signed approval.
  auto executor = openexec::Executor::assemble(
      {}, {.store = openexec::memory_ledger(), .verifier = std::make_shared<openexec::DemoVerifier>()}, handlers);
  if (!executor.ok()) return 1;

  bool ok = true;
  for (int attempt = 0; attempt < 2; ++attempt) {
    const openexec::Outcome outcome =
        executor->execute({.action = "echo", .payload = R"({"msg":"hello world"})", .nonce = "unique-1"});
    std::cout << (outcome.replayed ? "replayed" : "executed") << ' ' << outcome.result << '\n'
              << "receipt  " << outcome.receipt << '\n';
    ok = ok && outcome.ok() && outcome.replayed == (attempt == 1);
  }
  return ok ? 0 : 1;
}
