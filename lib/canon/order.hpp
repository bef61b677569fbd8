// SPDX-License-Identifier: Apache-2.0
// The two orders of keys. Both compare well-formed UTF-8 without decoding it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <canon/word.hpp>

namespace openexec::canon {

/// Returns the weight of a byte in the order by UTF-16 code units. In UTF-8, bytes already sort by code point; UTF-16
/// writes the characters beyond U+FFFF (F0..F4) as surrogates, which come before U+E000..U+FFFF (EE, EF).
constexpr std::uint8_t utf16_weight(std::uint8_t byte) {
  return byte == 0xee || byte == 0xef ? static_cast<std::uint8_t>(byte + 0x10) : byte;
}

/// Returns the first eight characters of a string of a Tree as a number. If two such numbers differ, their order is
/// that of compare_utf16.
inline std::uint64_t utf16_prefix(std::string_view text) {
  std::uint64_t word = reversed(load_word(text.data()));
  if (text.size() < 8) word &= ~(~std::uint64_t{0} >> (8 * text.size()));
  if (word & every_byte(0x80)) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
      const auto byte = static_cast<std::uint8_t>(word >> shift);
      word += std::uint64_t{static_cast<std::uint8_t>(utf16_weight(byte) - byte)} << shift;
    }
  }
  return word;
}

/// Compares by UTF-16 code units. Returns a negative number, 0 or a positive number.
inline int compare_utf16(std::string_view a, std::string_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  std::size_t i = 0;
  while (i + 8 <= common && load_word(a.data() + i) == load_word(b.data() + i)) i += 8;
  while (i < common && a[i] == b[i]) ++i;
  if (i < common) return utf16_weight(static_cast<std::uint8_t>(a[i])) - utf16_weight(static_cast<std::uint8_t>(b[i]));
  return a.size() < b.size() ? -1 : a.size() > b.size();
}

/// Returns true if some byte is within [from, to].
inline bool has_byte(std::string_view text, std::uint8_t from, std::uint8_t to) {
  return std::any_of(text.begin(), text.end(), [=](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return byte >= from && byte <= to;
  });
}

inline bool is_ascii(std::string_view text) {
  std::uint64_t seen = 0;
  for (; text.size() >= 8; text.remove_prefix(8)) seen |= load_word(text.data());
  return ((seen | load_short(text.data(), text.size())) & every_byte(0x80)) == 0;
}

}  // namespace openexec::canon
