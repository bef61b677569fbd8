// SPDX-License-Identifier: Apache-2.0
// A log in memory, for tests: a tree, its leaves, and the tiles that it told of.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "merkle/hash.hpp"
#include "merkle/proof.hpp"
#include "merkle/tree.hpp"

namespace openexec::test {

/// Keeps what a tree tells of, as a store would, and the leaves. Remembers what was read.
class MemoryTiles final : public merkle::TileSink, public merkle::TileReader {
 public:
  std::vector<Digest> leaves;
  std::map<std::pair<unsigned, std::uint64_t>, std::vector<Digest>> tiles;
  std::vector<merkle::Tile> reads;

  [[nodiscard]] Status put(unsigned level, std::uint64_t index, std::span<const Digest> hashes) override {
    tiles[{level, index}].assign(hashes.begin(), hashes.end());
    return Status::success();
  }

  [[nodiscard]] Result<std::vector<Digest>> read(const merkle::Tile& tile) override {
    reads.push_back(tile);
    if (const auto found = tiles.find({tile.level, tile.index}); found != tiles.end())
      return first(found->second, 0, tile.width);
    if (tile.level == 0) return first(leaves, tile.index * merkle::tile_width, tile.width);
    return Status(Code::store_failed, "no such tile");
  }

 private:
  static Result<std::vector<Digest>> first(std::span<const Digest> hashes, std::uint64_t from, std::size_t count) {
    if (from > hashes.size() || count > hashes.size() - from) return Status(Code::store_failed, "no such hashes");
    const auto part = hashes.subspan(from, count);
    return std::vector<Digest>(part.begin(), part.end());
  }
};

/// The same leaf on every machine.
inline Digest leaf(std::uint64_t index) { return merkle::leaf_hash("entry " + std::to_string(index)); }

struct Log {
  merkle::Tree tree;
  MemoryTiles tiles;

  Status append(const Digest& hash) {
    if (Status status = tree.append(hash, tiles); !status.ok()) return status;
    tiles.leaves.push_back(hash);
    return Status::success();
  }
};

/// A log of leaf(0), leaf(1), ...
inline Log log_of(std::uint64_t size) {
  Log log;
  for (std::uint64_t i = 0; i < size; ++i)
    if (!log.append(leaf(i)).ok()) throw std::runtime_error("append");
  return log;
}

// RFC 6962, section 2.1, word for word: slow and plain, so that there is something to compare with.

/// The largest power of two below `size`. Precondition: size > 1.
inline std::size_t split(std::size_t size) {
  std::size_t k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

inline Digest defined_root(std::span<const Digest> leaves) {
  if (leaves.empty()) return merkle::empty_root();
  if (leaves.size() == 1) return leaves[0];
  const std::size_t k = split(leaves.size());
  return merkle::node_hash(defined_root(leaves.first(k)), defined_root(leaves.subspan(k)));
}

inline merkle::Hashes defined_inclusion(std::size_t index, std::span<const Digest> leaves) {
  if (leaves.size() == 1) return {};
  const std::size_t k = split(leaves.size());
  const bool left = index < k;
  auto proof = left ? defined_inclusion(index, leaves.first(k)) : defined_inclusion(index - k, leaves.subspan(k));
  proof.push_back(defined_root(left ? leaves.subspan(k) : leaves.first(k)));
  return proof;
}

/// SUBPROOF. Precondition: 0 < from <= leaves.size().
inline merkle::Hashes defined_consistency(std::size_t from, std::span<const Digest> leaves, bool is_whole = true) {
  if (from == leaves.size()) return is_whole ? merkle::Hashes{} : merkle::Hashes{defined_root(leaves)};
  const std::size_t k = split(leaves.size());
  const bool left = from <= k;
  auto proof = left ? defined_consistency(from, leaves.first(k), is_whole)
                    : defined_consistency(from - k, leaves.subspan(k), false);
  proof.push_back(defined_root(left ? leaves.subspan(k) : leaves.first(k)));
  return proof;
}

}  // namespace openexec::test
