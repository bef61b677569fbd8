// SPDX-License-Identifier: Apache-2.0
// Words of eight characters.
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

/// Loads fewer than eight characters, followed by zeros. Reads nothing after them.
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

}  // namespace openexec::canon
