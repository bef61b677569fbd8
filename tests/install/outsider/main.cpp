// SPDX-License-Identifier: Apache-2.0
// Executes one action and says so.
#include <cstdio>

#include <openexec/openexec.hpp>

int main() {
  openexec::HandlerTable handlers;
  const auto added = handlers.add("echo", [](const openexec::Invocation& call) {
    return openexec::HandlerResult::result("{\"echo\":" + std::string(call.payload) + "}");
  });
  if (!added.ok()) return 1;
  openexec::Parts parts;
  parts.store = openexec::memory_ledger();
  parts.verifier = std::make_shared<openexec::DemoVerifier>();
  auto executor = openexec::Executor::assemble({}, std::move(parts), std::move(handlers));
  if (!executor.ok()) return 1;
  const openexec::Outcome outcome = executor->execute({"echo", R"({"msg":"hi"})", "unique-1", {}});
  std::printf("%s %s\n", outcome.result.c_str(), outcome.receipt.c_str());
  return outcome.ok() ? 0 : 1;
}
