// SPDX-License-Identifier: Apache-2.0
// A model's tool calls go through the boundary. Their arguments arrive as JSON texts inside JSON strings. The nonce is
// made of the conversation, the turn and what the call says, so that a turn that is delivered again is answered and not
// run again, whatever ids the provider gives its calls.
#include <iostream>
#include <string>
#include <vector>

#include <openexec/openexec.hpp>

namespace {

// As the model's client library hands it over. The id goes back to the provider with the answer, and nowhere else.
struct ModelCall {
  std::string id;
  std::string name;
  std::string arguments;
};

// A whole response: what says why it ended belongs to it.
struct ModelResponse {
  std::string finish_reason;
  std::vector<ModelCall> calls;
};

using Outcomes = std::vector<openexec::Outcome>;

// Runs a turn's calls. A response that was cut may end in a call that the model never finished, so none of it runs.
Outcomes run(openexec::Executor& executor, const std::string& turn_name, const ModelResponse& response) {
  Outcomes outcomes;
  if (response.finish_reason != "tool_calls") return outcomes;
  openexec::ToolCallTurn turn("thread-17", turn_name);  // the host's own names, the same when the turn is sent again
  for (const ModelCall& call : response.calls) {
    const auto nonce = turn.next(call.name, call.arguments);
    if (!nonce.ok()) return {};
    outcomes.push_back(executor.execute({.action = call.name, .payload = call.arguments, .nonce = *nonce}));
  }
  return outcomes;
}

void show(const char* what, const Outcomes& outcomes) {
  std::cout << what << ":\n";
  for (const openexec::Outcome& outcome : outcomes) {
    std::cout << "  " << openexec::name(outcome.code) << (outcome.replayed ? ", replayed" : "") << ' ' << outcome.result
              << '\n';
    if (!outcome.detail.empty()) std::cout << "    " << outcome.detail << '\n';
    std::cout << "    " << openexec::advice(outcome) << '\n';  // for the model: whether it ran, and may be tried again
  }
}

openexec::HandlerTable mail_table(int& sent) {
  openexec::HandlerTable handlers;
  openexec::HandlerTable::Row row{[&sent](const openexec::Invocation&) {
                                    ++sent;
                                    return openexec::HandlerResult::result(R"({"sent":true})");
                                  },
                                  nullptr};
  // What the model was told of the tool, and what is refused before anything is spent on it.
  const auto schema = openexec::PayloadSchema::compile(
      R"({"type": "object", "required": ["to", "subject"], "additionalProperties": false,
          "properties": {"to": {"type": "string"}, "subject": {"type": "string", "maxLength": 200}}})");
  if (schema.ok()) row.schema = *schema;
  if (!schema.ok() || !handlers.add("send_email", std::move(row)).ok()) return {};
  return handlers;
}

}  // namespace

int main() {
  int sent = 0;
  auto executor = openexec::Executor::assemble(
      {.allowed_actions = {{"send_email"}}},
      {.store = openexec::memory_ledger(), .verifier = std::make_shared<openexec::DemoVerifier>()}, mail_table(sent));
  if (!executor.ok()) return 1;

  const std::string minutes = R"({"to": "ada@example.com", "subject": "Minutes"})";
  const std::string agenda = R"({"to": "ada@example.com", "subject": "Agenda"})";
  // One id for both, as some providers do.
  const Outcomes first = run(*executor, "turn-1",
                             {"tool_calls", {{"search:0", "send_email", minutes}, {"search:0", "send_email", agenda}}});
  show("two calls with one id", first);

  const std::string respelled = R"({"subject":"Minutes","to":"ada@example.com"})";
  const Outcomes again =
      run(*executor, "turn-1", {"tool_calls", {{"call_8", "send_email", respelled}, {"call_9", "send_email", agenda}}});
  show("the turn delivered again, with other ids", again);

  const Outcomes cut = run(*executor, "turn-2", {"length", {{"call_10", "send_email", minutes}}});
  show("a response that was cut", cut);

  const Outcomes other =
      run(*executor, "turn-3",
          {"tool_calls", {{"call_11", "send_email", R"({"to": 17})"}, {"call_12", "delete_everything", "{}"}}});
  show("what does not fit, and what nobody allowed", other);

  const bool as_promised = first.size() == 2 && first[0].ok() && first[1].ok() && !first[1].replayed &&  //
                           again.size() == 2 && again[0].replayed && again[0].receipt == first[0].receipt &&
                           again[1].replayed && again[1].receipt == first[1].receipt && cut.empty() &&
                           other.size() == 2 && other[0].code == openexec::Code::payload_schema &&
                           other[1].code == openexec::Code::action_not_allowed && sent == 2;
  return as_promised ? 0 : 1;
}
