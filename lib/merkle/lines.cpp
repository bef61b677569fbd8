// SPDX-License-Identifier: Apache-2.0
#include "merkle/lines.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace openexec::merkle {

std::optional<std::string_view> Lines::next() noexcept {
  const std::size_t end = rest_.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  ++number_;
  return line;
}

std::optional<std::uint64_t> read_number(std::string_view text) noexcept {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<Digest> read_hash(std::string_view text) {
  Digest digest;
  const auto bytes = base::unbase64(text);
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

std::string hash_text(const Digest& digest) {
  return base::base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Status check_characters(std::string_view text) {
  const auto wrong = [](std::size_t byte, std::string_view what) {
    return Status(Code::invalid_argument, "byte " + std::to_string(byte) + ": " + std::string(what));
  };
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; };
  if (const auto found = std::find_if(text.begin(), text.end(), control); found != text.end())
    return wrong(static_cast<std::size_t>(found - text.begin()), "a control character");
  if (const std::size_t good = base::utf8_prefix(text); good != text.size()) return wrong(good, "not UTF-8");
  return Status::success();
}

}  // namespace openexec::merkle
