// SPDX-License-Identifier: Apache-2.0
#include <openexec/tool_call.hpp>

#include <limits>
#include <new>

#include "base/names.hpp"
#include "base/text.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"

namespace openexec {
namespace {

constexpr std::size_t max_name = 1024;

Status malformed(std::string_view field, std::string_view rule) {
  return {Code::malformed_request, std::string(field).append(": ").append(rule)};
}

Status check_place(std::string_view field, std::string_view text) {
  if (text.empty())
    return malformed(field, "missing; without one that is the same when the turn is sent again, a call has no nonce");
  if (text.size() > max_name || !base::is_utf8(text)) return malformed(field, "must be 1 to 1,024 bytes of UTF-8");
  return Status::success();
}

/// The bytes that are hashed.
Result<std::string> form_of(const ToolCall& call) {
  if (Status status = check_place("conversation", call.conversation); !status.ok()) return status;
  if (Status status = check_place("turn", call.turn); !status.ok()) return status;
  if (const std::string_view fault = base::action_fault(call.name); !fault.empty()) return malformed("name", fault);
  if (call.occurrence == 0) return malformed("occurrence", "must be 1 or more; 1 is the first");
  const Result<canon::Document> arguments = canon::parse(call.arguments.empty() ? "{}" : call.arguments);
  if (!arguments.ok()) return malformed("arguments", arguments.status().detail());
  if (!arguments->root().is(canon::Type::object)) return malformed("arguments", "must be one JSON object");

  std::string form = R"(["openexec/tool-call/v1")";
  for (const std::string_view text : {call.conversation, call.turn, call.name})
    canon::append_jcs_string(text, form += ',');
  canon::append_jcs(arguments->root(), form += ',');
  return form.append(",").append(std::to_string(call.occurrence)).append("]");
}

}  // namespace

Result<std::string> tool_call_nonce(const ToolCall& call) try {
  const Result<std::string> form = form_of(call);
  if (!form.ok()) return form.status();
  return "tc1-" + to_hex(crypto::sha256(*form));
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

Result<std::string> ToolCallTurn::next(std::string_view name, std::string_view arguments) try {
  ToolCall call{conversation_, turn_, name, arguments, 1};
  Result<std::string> first = tool_call_nonce(call);
  if (!first.ok()) return first;
  std::uint32_t& seen = seen_[*first];
  if (seen == std::numeric_limits<std::uint32_t>::max())
    return Status(Code::overloaded, "too many equal calls in one turn");
  call.occurrence = seen + 1;
  Result<std::string> nonce = seen == 0 ? std::move(first) : tool_call_nonce(call);
  if (nonce.ok()) ++seen;
  return nonce;
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

}  // namespace openexec
