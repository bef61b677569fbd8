// SPDX-License-Identifier: Apache-2.0
#include <base/text.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include <openexec/bytes.hpp>

#include "base/assert.hpp"
namespace openexec {
namespace base {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_safe_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t not_a_digit = 0xff;

using DigitValues = std::array<std::uint8_t, 256>;

constexpr DigitValues values_of(std::string_view digits) {
  DigitValues values{};
  for (auto& value : values) value = not_a_digit;
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
  return values;
}

constexpr auto hex_values = values_of(hex_digits);
constexpr auto base64_values = values_of(base64_digits);
constexpr auto url_safe_values = values_of(url_safe_digits);

using HexPair = std::array<char, 2>;

constexpr std::array<HexPair, 256> hex_pairs = [] {
  std::array<HexPair, 256> pairs{};
  for (std::size_t byte = 0; byte < pairs.size(); ++byte)
    pairs[byte] = {hex_digits[byte >> 4], hex_digits[byte & 0x0f]};
  return pairs;
}();

/// The value of a digit as the first and as the second digit of a byte, or a bit above any byte for other characters.
constexpr std::uint16_t beyond_a_byte = 0x100;
constexpr std::array<std::array<std::uint16_t, 2>, 256> hex_parts = [] {
  std::array<std::array<std::uint16_t, 2>, 256> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::uint8_t value = hex_values[i];
    parts[i] = {static_cast<std::uint16_t>(value << 4), value};
    if (value == not_a_digit) parts[i] = {beyond_a_byte, beyond_a_byte};
  }
  return parts;
}();

/// Reads text.size() / 2 bytes, for which `out` has room. Precondition: an even number of digits.
bool read_hex(std::string_view text, std::uint8_t* out) {
  if (!OPENEXEC_HOLDS(text.size() % 2 == 0, "text: two digits for each byte")) return false;
  unsigned seen = 0;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const unsigned byte =
        hex_parts[static_cast<unsigned char>(text[i])][0] | hex_parts[static_cast<unsigned char>(text[i + 1])][1];
    seen |= byte;
    *out++ = static_cast<std::uint8_t>(byte);
  }
  return seen < beyond_a_byte;
}

std::optional<std::string> read_base64(std::string_view text, const DigitValues& values) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes(text.size() / 4 * 3, '\0');
  char* out = bytes.data();
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < digits; ++k) {
      const std::uint8_t value = values[static_cast<unsigned char>(text[i + k])];
      if (value == not_a_digit) return std::nullopt;
      group |= static_cast<std::uint32_t>(value) << (18 - 6 * k);
    }
    for (std::size_t k = 0; k + 1 < digits; ++k) *out++ = static_cast<char>(group >> (16 - 8 * k) & 0xff);
    // The unused bits of the last digit must be zero, or two texts would have the same bytes.
    if (digits < 4 && (group & (0xffffffu >> (8 * (digits - 1)))) != 0) return std::nullopt;
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

/// Returns the length of the well-formed sequence at the start of `text`, or 0. Precondition: not empty.
std::size_t utf8_sequence(std::string_view text) {
  if (!OPENEXEC_HOLDS(!text.empty(), "text: a sequence has a byte")) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i)
      if ((byte(i) & 0xc0u) != 0x80u) return false;
    return true;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length || !continues(1, length)) return 0;
  // The range of the second byte excludes overlong forms, surrogates and characters above U+10FFFF.
  const unsigned second = byte(1);
  if (lead == 0xe0 && second < 0xa0) return 0;
  if (lead == 0xed && second > 0x9f) return 0;
  if (lead == 0xf0 && second < 0x90) return 0;
  if (lead == 0xf4 && second > 0x8f) return 0;
  return length;
}

bool eight_ascii(const char* text) {
  std::uint64_t word;
  std::memcpy(&word, text, sizeof word);
  return (word & 0x8080808080808080u) == 0;
}

}  // namespace

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  append_hex(bytes, text);
  return text;
}

void append_hex(std::span<const std::uint8_t> bytes, std::string& out) {
  const std::size_t start = out.size();
  out.resize(start + bytes.size() * 2);
  char* at = out.data() + start;
  for (const std::uint8_t byte : bytes) {
    std::memcpy(at, hex_pairs[byte].data(), 2);
    at += 2;
  }
}

std::optional<std::string> unhex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes(text.size() / 2, '\0');
  if (!read_hex(text, reinterpret_cast<std::uint8_t*>(bytes.data()))) return std::nullopt;
  return bytes;
}

std::string base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group <<= 8;
      if (k < count) group |= static_cast<unsigned char>(bytes[i + k]);
    }
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? base64_digits[group >> (18 - 6 * k) & 0x3f] : '=';
  }
  return text;
}

std::optional<std::string> unbase64(std::string_view text) { return read_base64(text, base64_values); }

std::optional<std::string> unbase64_either(std::string_view text) {
  const bool url_safe = text.find_first_of("-_") != std::string_view::npos;
  return read_base64(text, url_safe ? url_safe_values : base64_values);
}

std::size_t line_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

std::size_t utf8_prefix(std::string_view text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    if (rest.size() >= 8 && eight_ascii(rest.data())) {
      rest.remove_prefix(8);
      continue;
    }
    const std::size_t length = utf8_sequence(rest);
    if (length == 0) break;
    rest.remove_prefix(length);
  }
  return text.size() - rest.size();
}

bool is_utf8(std::string_view text) { return utf8_prefix(text) == text.size(); }

}  // namespace base

std::string to_hex(const Digest& digest) { return base::hex(digest); }

bool from_hex(std::string_view text, Digest& out) {
  Digest digest;
  if (text.size() != 2 * digest.size() || !base::read_hex(text, digest.data())) return false;
  out = digest;
  return true;
}

}  // namespace openexec
