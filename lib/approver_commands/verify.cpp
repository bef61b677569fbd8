// SPDX-License-Identifier: Apache-2.0
// openexec-approve review and verify: show what is asked for, and whether a trust policy accepts its approval.
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <openexec/policy_verifier.hpp>

#include "approval/proposal.hpp"
#include "approver_commands/approver_commands.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"

namespace openexec::terminal {
namespace {

using canon::JsonObject;

/// Returns why the executor could refuse the step although its signatures are enough. The executor asks the action's
/// handler for the cost, and under openexecd that handler is a command of the handlers file.
Status held_to(const Approval& approval, std::string_view action, const std::optional<canon::Document>& handlers) {
  if (!approval.constraints.max_cost_usd) return Status::success();
  const auto unmet = [](const std::string& why) {
    return Status(Code::approval_constraint, "constraints.max_cost_usd: " + why);
  };
  if (!handlers)
    return unmet(
        "the executor's handlers file was not given (--handlers), so whether it can tell the cost is not known");
  const auto row = handlers->root().find(action);
  if (!row || !row->is(canon::Type::object) || !row->find("cost"))
    return unmet("the handlers file has no cost command for the action, and the executor refuses it");
  return Status::success();
}

std::optional<canon::Document> read_handlers(const Console& console, const std::string& file) {
  if (file.empty()) return std::nullopt;
  Result<canon::Document> document = canon::parse(read_input(console, file));
  if (!document.ok() || !document->root().is(canon::Type::object))
    throw Stop(cannot, "the handlers file " + shown(file) + " is not one JSON object");
  return *std::move(document);
}

}  // namespace

int review(const ApproveOptions& options, const Console& console) {
  const Subject subject = read_subject(read_input(console, options.file), options.tenant);
  const std::optional<Subject> before = earlier(options, console);
  if (options.json) {
    print(console, review_json(subject));
  } else {
    console.out << review(Style(console), subject, before ? &*before : nullptr);
  }
  return yes;
}

int verify(const ApproveOptions& options, const Console& console) {
  const std::optional<canon::Document> handlers = read_handlers(console, options.handlers_file);
  const Subject subject = read_subject(read_input(console, options.file), options.tenant);
  if (subject.artifact.empty()) throw Stop(no, "it carries no approval_artifact");
  TrustPolicyOptions trust{.policy = std::nullopt, .executor = options.executor, .tenant = options.tenant};
  trust.policy = or_stop(TrustPolicy::parse(read_input(console, options.policy_file)), cannot,
                         "the trust policy " + shown(options.policy_file));
  const auto verifier = or_stop(trust_policy_verifier(std::move(trust)), cannot, "the trust policy");
  Timestamp at = now();
  if (!options.at.empty()) {
    const auto parsed = base::parse_time(options.at, base::TimeForm::rfc3339);
    if (!parsed) throw Stop(cannot, "--at: expected a time such as 2026-01-01T00:00:00Z");
    at = *parsed;
  }
  const Style style(console);
  std::vector<std::vector<std::string>> rows;
  std::string json;
  bool good = true;
  for (const Proposal& step : subject.steps) {
    const auto proposal = or_stop(Proposal::parse({.action = step.action(),
                                                   .payload = step.payload(),
                                                   .nonce = step.nonce(),
                                                   .approval_artifact = subject.artifact},
                                                  options.tenant),
                                  no, "the request");
    auto approval = verifier->verify(proposal, at);
    if (approval.ok())
      if (Status unmet = held_to(*approval, step.action(), handlers); !unmet.ok()) approval = unmet;
    good = good && approval.ok();
    const std::string_view code = name(approval.status().code());
    std::string by = shown(approval.status().detail());
    if (approval.ok()) {
      by.clear();
      for (const std::string& key : approval->keys) by += (by.empty() ? "by " : ", ") + shown(key);
    }
    rows.push_back({std::to_string(rows.size()), std::string(step.action()), shown(step.nonce()),
                    approval.ok() ? style.good("approved") : style.bad(code), by});
    json += (json.empty() ? "" : ",") + JsonObject()
                                            .text("nonce", step.nonce())
                                            .text("code", code)
                                            .text_or_null("detail", approval.status().detail())
                                            .take();
  }
  if (options.json) {
    print(console, JsonObject().boolean("approved", good).raw("steps", "[" + json + "]").take());
  } else {
    console.out << table(style, {"STEP", "ACTION", "NONCE", "", ""}, rows);
  }
  return good ? yes : no;
}

}  // namespace openexec::terminal
