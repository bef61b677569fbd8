// SPDX-License-Identifier: Apache-2.0
// Tells whether a key can be in a run at all.
//
// A Bloom filter with n bits for each key and k bits set for a key lets a fraction (1 - e^(-k/n))^k of other keys
// through. With k = 4: n = 10 gives (1 - e^-0.4)^4 = 0.012, and n = 3 gives (1 - e^-1.33)^4 = 0.29. All k bits of a key
// are in one block of 512 bits, a cache line, so that a lookup costs one miss. Blocks have unequal numbers of keys, and
// that makes it 0.02 and 0.30.
//
//  - Size. Of the records of a run at least one in three has a kind that the filter does not hold (names_execution), so
//    that at most two in three are held. 7 bits for each record are 10.5 for each that is held: records * 7 / 512
//    blocks.
//  - Bound. With max_bytes there are 8 * max_bytes bits. helps() is false beyond 4 * max_bytes records, of which at
//    most two in three are held: there are 3 bits for each, and a lookup still saves 70 of 100 reads.
//  - Block. place() scales bits 16 to 47 of the hash to the number of blocks by a multiplication, without a division.
//  - Bits. each() multiplies the hash by 2^64 divided by the golden ratio, so that all its bits take part, and takes
//    nine bits of the product for each of the four: six for the bit of a word and three for the word of the block.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/key_record.hpp"

namespace openexec::store {

/// Used by the writer, which seldom looks for an exec_id. Keys of those kinds are not held, so that each may be there.
class KeyFilter {
 public:
  /// The most memory that a filter takes, however many keys it has.
  static constexpr std::size_t max_bytes = std::size_t{16} << 20;

  /// For so many records, held or not.
  explicit KeyFilter(std::size_t records) : blocks_(std::min(records * 7 / 512 + 1, max_bytes / sizeof(Block))) {}
  /// Whether a filter for so many records has at least 3 bits for each key that it holds.
  [[nodiscard]] static bool helps(std::size_t records) noexcept { return records <= max_bytes / 2 * 8; }

  void add(const KeyRecord& record) noexcept {
    if (names_execution(record.kind())) return;
    Block& block = blocks_[place(record.hash)];
    each(record.hash, [&](std::size_t word, std::uint64_t bit) {
      block[word] |= bit;
      return true;
    });
  }
  /// False only if the key is not in the run.
  [[nodiscard]] bool may_hold(Key key) const noexcept { return may_hold(key.kind, key.hash); }
  [[nodiscard]] bool may_hold(const KeyRecord& record) const noexcept { return may_hold(record.kind(), record.hash); }

 private:
  using Block = std::array<std::uint64_t, 8>;

  static bool names_execution(KeyKind kind) noexcept { return kind == KeyKind::execution || kind == KeyKind::outcome; }

  [[nodiscard]] bool may_hold(KeyKind kind, std::uint64_t hash) const noexcept {
    if (names_execution(kind)) return true;
    const Block& block = blocks_[place(hash)];
    return each(hash, [&](std::size_t word, std::uint64_t bit) { return (block[word] & bit) != 0; });
  }

  [[nodiscard]] std::size_t place(std::uint64_t hash) const noexcept {
    return static_cast<std::size_t>((hash >> 16) * blocks_.size() >> 32);
  }
  template <class Test>
  static bool each(std::uint64_t hash, Test&& test) noexcept {
    std::uint64_t bits = hash * 0x9e37'79b9'7f4a'7c15ULL;  // so that bits which place() used take part as well
    for (int i = 0; i < 4; ++i, bits >>= 9)
      if (!test((bits >> 34) & 7, std::uint64_t{1} << ((bits >> 28) & 63))) return false;
    return true;
  }

  std::vector<Block> blocks_;
};

}  // namespace openexec::store
