// A model's tool call goes through the boundary. Its arguments arrive as a JSON text inside a JSON string, and its nonce
// is made from the call's id, so that a retry of the same call is answered and not run again.
#include <iostream>
#include <string>

#include <openexec/openexec.hpp>

namespace {

// As the model's client library hands it over.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;
};

openexec::Outcome run(openexec::Executor& executor, const ToolCall& call) {
  const std::string nonce = "tool-call:" + call.id;  // a random one would make every retry a new action
  return executor.execute({.action = call.name, .payload = call.arguments, .nonce = nonce});
}

void show(const char* what, const openexec::Outcome& outcome) {
  std::cout << what << ": " << openexec::name(outcome.code) << (outcome.replayed ? ", replayed" : "") << "\n  "
            << outcome.result << '\n';
  if (!outcome.detail.empty()) std::cout << "  " << outcome.detail << '\n';
}

}  // namespace

int main() {
  int sent = 0;
  openexec::HandlerTable handlers;
  const openexec::Status added = handlers.add("send_email", [&sent](const openexec::Invocation&) {
    ++sent;
    return openexec::HandlerResult::result(R"({"sent":true})");
  });
  if (!added.ok()) return 1;
  auto executor = openexec::Executor::assemble(
      {.allowed_actions = {{"send_email"}}},
      {.store = openexec::memory_ledger(), .verifier = std::make_shared<openexec::DemoVerifier>()}, std::move(handlers));
  if (!executor.ok()) return 1;

  const ToolCall call{"call_8a1f", "send_email", R"({"to": "ada@example.com", "subject": "Minutes"})"};
  const openexec::Outcome first = run(*executor, call);
  show("the call", first);

  // The same call as POST /execute takes it: the payload is a string that holds the arguments, in another spacing.
  const openexec::Outcome retry = executor->execute_json(R"({
    "action": "send_email", "nonce": "tool-call:call_8a1f",
    "payload": "{\"subject\":\"Minutes\",\"to\":\"ada@example.com\"}"})");
  show("a retry of it", retry);

  ToolCall changed = call;
  changed.arguments = R"({"to": "mallory@example.com", "subject": "Minutes"})";
  const openexec::Outcome mutated = run(*executor, changed);
  show("the same call with other arguments", mutated);

  const openexec::Outcome other = run(*executor, {"call_8a20", "delete_everything", "{}"});
  show("a tool that nobody allowed", other);

  const bool as_promised = first.ok() && retry.ok() && retry.replayed && retry.receipt == first.receipt &&
                           mutated.code == openexec::Code::nonce_conflict &&
                           other.code == openexec::Code::action_not_allowed && sent == 1;
  return as_promised ? 0 : 1;
}
