// SPDX-License-Identifier: Apache-2.0
#include "base/names.hpp"

#include <algorithm>
#include <string>

#include "base/assert.hpp"
#include "base/text.hpp"

namespace openexec::base {
namespace {

constexpr std::size_t max_action = 128;
constexpr std::size_t max_label = 255;
constexpr std::string_view action_size = "must be 1 to 128 bytes";
constexpr std::string_view label_size = "must be 1 to 255 bytes";
constexpr std::string_view not_utf8 = "not well-formed UTF-8";

bool is_action_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_.:/-").find(c) != std::string_view::npos;
}

bool has_action_bytes(std::string_view text) { return std::all_of(text.begin(), text.end(), is_action_byte); }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

Status field(std::string_view name, std::string_view fault) {
  if (fault.empty()) return Status::success();
  return {Code::malformed_request, std::string(name).append(": ").append(fault)};
}

}  // namespace

std::string_view action_fault(std::string_view text) {
  if (text.empty() || text.size() > max_action) return action_size;
  if (!has_action_bytes(text)) return "only A-Z a-z 0-9 _ . : / - are allowed";
  return {};
}

std::string_view tenant_fault(std::string_view text) {
  if (text.empty() || text.size() > max_label) return label_size;
  if (!is_utf8(text)) return not_utf8;
  return {};
}

std::string_view label_fault(std::string_view text) {
  if (const std::string_view fault = tenant_fault(text); !fault.empty()) return fault;
  if (std::any_of(text.begin(), text.end(), is_control)) return "control characters are not allowed";
  return {};
}

std::string_view pattern_fault(std::string_view text) {
  if (text.empty() || text.size() > max_action) return action_size;
  if (text.ends_with('*')) text.remove_suffix(1);
  if (!has_action_bytes(text)) return "only A-Z a-z 0-9 _ . : / - are allowed, and * at the end";
  return {};
}

bool matches(std::string_view pattern, std::string_view action) {
  OPENEXEC_ASSERT_SLOW(pattern_fault(pattern).empty() && has_action_bytes(action),
                       "names: a pattern, and an action or the beginning of one");
  if (!pattern.ends_with('*')) return pattern == action;
  pattern.remove_suffix(1);
  return action.starts_with(pattern);
}

Status check_action(std::string_view action) { return field("action", action_fault(action)); }
Status check_nonce(std::string_view nonce) { return field("nonce", label_fault(nonce)); }

}  // namespace openexec::base
