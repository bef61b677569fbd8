// SPDX-License-Identifier: Apache-2.0
// Eight characters at a time.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace openexec::canon {

constexpr std::uint64_t every_byte(std::uint8_t byte) { return 0x0101010101010101u * byte; }

constexpr std::uint64_t reversed(std::uint64_t word) { return __builtin_bswap64(word); }

/// Eight characters, the first in the lowest byte.
inline std::uint64_t load_word(const char* text) {
  std::uint64_t word;
  std::memcpy(&word, text, sizeof word);
  return std::endian::native == std::endian::little ? word : reversed(word);
}

inline void store_word(std::uint64_t word, char* out) {
  if (std::endian::native != std::endian::little) word = reversed(word);
  std::memcpy(out, &word, sizeof word);
}

/// Fewer than eight characters, zeros behind them. Reads nothing beyond them.
inline std::uint64_t load_short(const char* text, std::size_t size) {
  const auto byte = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i); };
  if (size >= 4) {
    std::uint32_t head, tail;
    std::memcpy(&head, text, 4);
    std::memcpy(&tail, text + size - 4, 4);
    if (std::endian::native != std::endian::little) head = __builtin_bswap32(head), tail = __builtin_bswap32(tail);
    return head | std::uint64_t{tail} << (8 * (size - 4));
  }
  return size == 0 ? 0 : byte(0) | byte(size / 2) | byte(size - 1);
}

/// The number of the lowest byte that is flagged by its highest bit. Precondition: there is one.
inline std::size_t first_flagged(std::uint64_t flags) { return static_cast<std::size_t>(std::countr_zero(flags)) / 8; }

}  // namespace openexec::canon
