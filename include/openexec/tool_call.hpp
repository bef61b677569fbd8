// SPDX-License-Identifier: Apache-2.0
// The nonce of a model's tool call. The same call has the same nonce each time it is delivered.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <openexec/status.hpp>

namespace openexec {

/// One tool call with its place in the conversation. The provider's id of the call is not part of it, because providers
/// reuse ids, omit them, or change them when a turn is sent again. Keep that id beside the request, as evidence and for
/// the answer.
struct ToolCall {
  /// The host's own name for the conversation, the same for ever; 1 to 1,024 bytes of UTF-8
  std::string_view conversation;
  std::string_view turn;       ///< the turn within it, the same when it is sent again; 1 to 1,024 bytes of UTF-8
  std::string_view name;       ///< of the tool: an action's name
  std::string_view arguments;  ///< JSON text of one object; empty means {}
  /// 1 for the first call of this name with these arguments in the turn, 2 for the second
  std::uint32_t occurrence = 0;
};

/// "tc1-" and hex(SHA-256(jcs(["openexec/tool-call/v1", conversation, turn, name, arguments, occurrence]))). Returns
/// malformed_request with the name of a malformed field. A host without a stable conversation and turn gets no nonce,
/// since an invented one would not be stable. Returns overloaded if memory could not be allocated.
Result<std::string> tool_call_nonce(const ToolCall& call);

/// Counts the equal calls of one turn. Pass it all calls of the turn in their order, each once.
class ToolCallTurn {
 public:
  ToolCallTurn(std::string conversation, std::string turn)
      : conversation_(std::move(conversation)), turn_(std::move(turn)) {}

  /// Returns the nonce of the next call of the turn, like tool_call_nonce. A refused call is not counted.
  Result<std::string> next(std::string_view name, std::string_view arguments);

 private:
  std::string conversation_;
  std::string turn_;
  std::map<std::string, std::uint32_t> seen_;  ///< the number of calls, by the nonce of the first occurrence
};

}  // namespace openexec
