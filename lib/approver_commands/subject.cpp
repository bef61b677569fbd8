// SPDX-License-Identifier: Apache-2.0
#include "approver_commands/subject.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string_view>

#include "approval/proposal.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "commands/reading.hpp"

namespace openexec::terminal {
namespace {

using canon::JsonObject;

constexpr canon::ParseLimits limits{std::size_t{8} << 20, 128};
constexpr std::size_t long_value = 88;

bool is_plain_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string quoted(std::string_view text) {
  std::string json;
  canon::append_jcs_string(text, json);
  return shown(json);
}

/// A parameter with its path, such as `to`, `items[0].price` or `["a name with dots.and spaces"]`. A name cannot look
/// like another path.
struct Parameter {
  std::string path;
  std::string value;  ///< as JSON, on one line, shown
};

void flatten(canon::View value, const std::string& path, std::vector<Parameter>& parameters) {
  const bool object = value.is(canon::Type::object);
  if ((!object && !value.is(canon::Type::array)) || value.size() == 0) {
    parameters.push_back({path, value.is(canon::Type::string) ? quoted(value.string()) : canon::clawshield_v1(value)});
    return;
  }
  std::size_t index = 0;
  for (const auto& [key, member] : value) {
    const std::string name = !object              ? "[" + std::to_string(index++) + "]"
                             : is_plain_name(key) ? (path.empty() ? "" : ".") + std::string(key)
                                                  : "[" + quoted(key) + "]";
    flatten(member, path + name, parameters);
  }
}

std::vector<Parameter> parameters_of(const Proposal& proposal) {
  std::vector<Parameter> parameters;
  if (proposal.parts().payload && proposal.parts().payload->size() > 0)
    flatten(*proposal.parts().payload, "", parameters);
  return parameters;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string payload_text(const Proposal& proposal) {
  return proposal.parts().payload ? canon::clawshield_v1(*proposal.parts().payload) : "{}";
}

std::string request_json(const Subject& subject, const Proposal& proposal) {
  JsonObject json;
  json.text("action", proposal.action()).raw("payload", payload_text(proposal));
  if (subject.has_nonce) json.text("nonce", proposal.nonce());
  return json.take();
}

using Rows = std::vector<std::pair<std::string, std::string>>;

/// Returns the parameters as rows. If an earlier version is given, the rows have marks for what changed.
void add_parameters(const Style& style, const Proposal& proposal, const Proposal* before, Rows& rows) {
  std::map<std::string, std::string> was;
  if (before != nullptr)
    for (auto& [path, value] : parameters_of(*before)) was.emplace(std::move(path), std::move(value));
  for (const auto& [path, value] : parameters_of(proposal)) {
    const auto old = was.find(path);
    if (before == nullptr || (old != was.end() && old->second == value)) {
      rows.emplace_back("  " + path, value);
    } else if (old == was.end()) {
      rows.emplace_back("+ " + path, style.good(value) + "  (new)");
    } else {
      rows.emplace_back("~ " + path, style.good(value) + "\nwas " + style.bad(old->second));
    }
    if (old != was.end()) was.erase(old);
  }
  for (const auto& [path, value] : was) rows.emplace_back("- " + path, style.bad(value) + "  (gone)");
}

std::string step_text(const Style& style, const Subject& subject, const Proposal& proposal, const Proposal* before) {
  Rows rows{{"action", before != nullptr && before->action() != proposal.action()
                           ? std::string(proposal.action()) + "  (was " + std::string(before->action()) + ")"
                           : std::string(proposal.action())}};
  rows.emplace_back("tenant", shown(subject.tenant));
  if (subject.has_nonce) rows.emplace_back("nonce", quoted(proposal.nonce()));
  const std::size_t count = parameters_of(proposal).size();
  rows.emplace_back("parameters", count == 0 ? "none" : std::to_string(count));
  add_parameters(style, proposal, before, rows);
  rows.emplace_back("parameters hash", to_hex(proposal.parameters_hash()));
  rows.emplace_back("action hash", to_hex(proposal.action_hash()));
  return fields(style, rows);
}

/// Returns a summary of the parameters above it, since these may have scrolled off the screen.
std::string counted(const Style& style, const Subject& subject) {
  std::size_t count = 0, size = 0, longest = 0;
  std::string name;
  for (std::size_t step = 0; step < subject.steps.size(); ++step) {
    for (const auto& [path, value] : parameters_of(subject.steps[step])) {
      ++count;
      const std::size_t length = characters(value);
      size += length;
      if (length <= longest) continue;
      longest = length;
      name = (subject.is_plan() ? "step " + std::to_string(step) + " " : "") + path;
    }
  }
  std::string text = subject.is_plan() ? std::to_string(subject.steps.size()) + " steps, " : "";
  text +=
      std::to_string(count) + (count == 1 ? " parameter, " : " parameters, ") + std::to_string(size) + " characters";
  if (longest > long_value) text += "; the longest is " + name + " (" + std::to_string(longest) + ")";
  return style.strong("Shown above: " + text + ".") + "\n";
}

// Words of money and of effects that cannot be undone (docs/approvals.md). They match as part of a word and in any case
// of letters, because one question too many costs little.
constexpr std::array<std::string_view, 51> weighty_words{
    "amount",    "balance",  "bank",      "bill",     "buy",      "card",   "cash",    "charge",  "cost",
    "credit",    "currency", "debit",     "deposit",  "eur",      "fee",    "fund",    "iban",    "invoice",
    "money",     "pay",      "price",     "purchase", "refund",   "salary", "sell",    "sum",     "total",
    "transfer",  "usd",      "wallet",    "wire",     "withdraw", "delete", "destroy", "disable", "drop",
    "erase",     "kill",     "overwrite", "prune",    "purge",    "remove", "reset",   "revoke",  "shred",
    "terminate", "truncate", "uninstall", "unlink",   "wipe",     "grant"};

bool has_weighty_word(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::any_of(weighty_words.begin(), weighty_words.end(),
                     [&](std::string_view word) { return lower.find(word) != lower.npos; });
}

}  // namespace

bool is_weighty(const Subject& subject) {
  return subject.is_plan() || std::any_of(subject.steps.begin(), subject.steps.end(), [](const Proposal& step) {
           const auto parameters = parameters_of(step);
           return has_weighty_word(step.action()) ||
                  std::any_of(parameters.begin(), parameters.end(),
                              [](const Parameter& p) { return has_weighty_word(p.path); });
         });
}

Subject read_subject(const std::string& text, const std::string& tenant) {
  const auto document = canon::parse(text, limits);
  if (!document.ok()) throw Stop(no, "this is not strict JSON: " + shown(document.status().detail()));
  Subject subject;
  subject.tenant = tenant;
  const canon::View root = document->root();
  if (!root.is(canon::Type::object) || !root.find("steps")) {
    ReadRequest request = read_request(text, tenant, std::nullopt);
    subject.has_nonce = request.has_nonce;
    subject.artifact = request.proposal.artifact();
    subject.steps.push_back(std::move(request.proposal));
    return subject;
  }
  subject.order = StepOrder::any;
  for (const auto& [name, value] : root) {
    if (name == "steps") {
      if (!value.is(canon::Type::array) || value.size() == 0) throw Stop(no, "steps: must be an array, and not empty");
      for (const auto& [none, step] : value) {
        ReadRequest request = read_request(canon::clawshield_v1(step), tenant, std::nullopt);
        const std::string where = "steps[" + std::to_string(subject.steps.size()) + "]: ";
        if (!request.has_nonce) throw Stop(no, where + "a step needs its nonce");
        if (!request.proposal.artifact().empty()) throw Stop(no, where + "the approval belongs beside the steps");
        subject.steps.push_back(std::move(request.proposal));
      }
    } else if (name == "ordered") {
      if (!value.is(canon::Type::boolean)) throw Stop(no, "ordered: must be true or false");
      subject.order = value.boolean() ? StepOrder::in_sequence : StepOrder::any;
    } else if (name == "approval_artifact") {
      if (!value.is(canon::Type::object)) throw Stop(no, "approval_artifact: must be an object");
      subject.artifact = canon::jcs(value);
    } else {
      throw Stop(no, "unknown member " + quoted(name) + " of a plan; known are steps, ordered, approval_artifact");
    }
  }
  return subject;
}

std::string with_approval(const Subject& subject, const std::string& artifact) {
  if (!subject.is_plan()) {
    JsonObject json;
    const Proposal& proposal = subject.steps.front();
    json.text("action", proposal.action()).raw("payload", payload_text(proposal));
    if (subject.has_nonce) json.text("nonce", proposal.nonce());
    return json.raw("approval_artifact", artifact).take();
  }
  std::string steps;
  for (const Proposal& proposal : subject.steps)
    steps.append(steps.empty() ? "" : ",").append(request_json(subject, proposal));
  return JsonObject()
      .raw("steps", "[" + steps + "]")
      .boolean("ordered", *subject.order == StepOrder::in_sequence)
      .raw("approval_artifact", artifact)
      .take();
}

std::string review(const Style& style, const Subject& subject, const Subject* before) {
  std::string text;
  if (!subject.is_plan()) {
    text = step_text(style, subject, subject.steps.front(), before == nullptr ? nullptr : &before->steps.front());
  } else {
    text = style.strong(
               "A plan of " + std::to_string(subject.steps.size()) +
               (*subject.order == StepOrder::in_sequence ? " steps, one after the other" : " steps, in any order")) +
           "\n";
    for (std::size_t step = 0; step < subject.steps.size(); ++step) {
      const bool is_new = before != nullptr && step >= before->steps.size();
      text +=
          style.strong("step " + std::to_string(step)) + (is_new ? style.good("  (new)") : "") + "\n" +
          step_text(style, subject, subject.steps[step], before == nullptr || is_new ? nullptr : &before->steps[step]);
    }
    if (before != nullptr && before->steps.size() > subject.steps.size())
      text += style.bad("gone: steps " + std::to_string(subject.steps.size()) + " to " +
                        std::to_string(before->steps.size() - 1)) +
              "\n";
  }
  return text + counted(style, subject);
}

std::string review_json(const Subject& subject) {
  std::string steps;
  for (const Proposal& proposal : subject.steps) {
    JsonObject json;
    json.text("action", proposal.action()).raw("payload", payload_text(proposal));
    if (subject.has_nonce) json.text("nonce", proposal.nonce());
    steps.append(steps.empty() ? "" : ",")
        .append(json.text("parameters_hash", to_hex(proposal.parameters_hash()))
                    .text("action_hash", to_hex(proposal.action_hash()))
                    .take());
  }
  JsonObject json;
  json.text_or_null("tenant", subject.tenant).boolean("plan", subject.is_plan());
  if (subject.is_plan()) json.boolean("ordered", *subject.order == StepOrder::in_sequence);
  return json.raw("steps", "[" + steps + "]").take();
}

}  // namespace openexec::terminal
