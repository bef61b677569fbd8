#include "base/names.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace openexec::base {
namespace {

Status field(const char* detail) { return Status(Code::malformed_request, detail, 422); }

bool is_action_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_.:/-").find(c) != std::string_view::npos;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

Status check_action(std::string_view action) {
  if (action.empty() || action.size() > 128) return field("action: must be 1 to 128 bytes");
  if (!std::all_of(action.begin(), action.end(), is_action_byte)) return field("action: only A-Z a-z 0-9 _ . : / - are allowed");
  return Status::success();
}

Status check_nonce(std::string_view nonce) {
  if (nonce.empty() || nonce.size() > 255) return field("nonce: must be 1 to 255 bytes");
  if (!is_utf8(nonce)) return field("nonce: not well-formed UTF-8");
  if (std::any_of(nonce.begin(), nonce.end(), is_control)) return field("nonce: control characters are not allowed");
  return Status::success();
}

}  // namespace openexec::base
