// SPDX-License-Identifier: Apache-2.0
// Whether a key can be in a run at all.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/key_record.hpp"

namespace openexec::store {

/// A Bloom filter in blocks of a cache line: four bits of one block say that a key may be there. The writer
/// asks it, and seldom looks for an exec_id: keys of those kinds are not in it, and may be anywhere.
class KeyFilter {
 public:
  /// What a filter takes at most, however many its keys.
  static constexpr std::size_t max_bytes = std::size_t{16} << 20;

  /// For so many records, of which one in three is an execution's, or more: 10 bits for each other lets 2 of 100
  /// strangers through, 3 bits 30.
  explicit KeyFilter(std::size_t records) : blocks_(std::min(records * 7 / 512 + 1, max_bytes / sizeof(Block))) {}
  [[nodiscard]] static bool helps(std::size_t records) noexcept { return records <= max_bytes / 2 * 8; }

  void add(const KeyRecord& record) noexcept {
    if (names_execution(record.kind())) return;
    Block& block = blocks_[place(record.hash)];
    each(record.hash, [&](std::size_t word, std::uint64_t bit) {
      block[word] |= bit;
      return true;
    });
  }
  [[nodiscard]] bool may_hold(Key key) const noexcept {
    if (names_execution(key.kind)) return true;
    const Block& block = blocks_[place(key.hash)];
    return each(key.hash, [&](std::size_t word, std::uint64_t bit) { return (block[word] & bit) != 0; });
  }

 private:
  using Block = std::array<std::uint64_t, 8>;

  static bool names_execution(KeyKind kind) noexcept { return kind == KeyKind::execution || kind == KeyKind::outcome; }

  [[nodiscard]] std::size_t place(std::uint64_t hash) const noexcept {
    return static_cast<std::size_t>((hash >> 16) * blocks_.size() >> 32);
  }
  template <class Test>
  static bool each(std::uint64_t hash, Test&& test) noexcept {
    std::uint64_t bits = hash * 0x9e37'79b9'7f4a'7c15ULL;  // spreads what place() left of the hash
    for (int i = 0; i < 4; ++i, bits >>= 9)
      if (!test((bits >> 34) & 7, std::uint64_t{1} << ((bits >> 28) & 63))) return false;
    return true;
  }

  std::vector<Block> blocks_;
};

}  // namespace openexec::store
