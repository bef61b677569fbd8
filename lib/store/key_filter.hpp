// Whether a key can be in a run at all.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace openexec::store {

/// A Bloom filter over hashes of 48 bits, in blocks of a cache line: four bits of one block say that a key may be there.
class KeyFilter {
 public:
  /// What a filter takes at most, however many its keys.
  static constexpr std::size_t max_bytes = std::size_t{16} << 20;

  /// For so many keys: 10 bits for each lets 2 of 100 strangers through, 3 bits 30.
  explicit KeyFilter(std::size_t keys) : blocks_(std::min(keys * 10 / 512 + 1, max_bytes / sizeof(Block))) {}
  [[nodiscard]] static bool helps(std::size_t keys) noexcept { return keys <= max_bytes / 3 * 8; }

  void add(std::uint64_t hash) noexcept {
    Block& block = blocks_[place(hash)];
    each(hash, [&](std::size_t word, std::uint64_t bit) {
      block[word] |= bit;
      return true;
    });
  }
  [[nodiscard]] bool may_hold(std::uint64_t hash) const noexcept {
    const Block& block = blocks_[place(hash)];
    return each(hash, [&](std::size_t word, std::uint64_t bit) { return (block[word] & bit) != 0; });
  }

 private:
  using Block = std::array<std::uint64_t, 8>;

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
