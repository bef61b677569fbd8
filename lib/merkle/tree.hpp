// SPDX-License-Identifier: Apache-2.0
// A Merkle tree that only grows. It remembers its right edge, never its length: appending costs one hash on average.
#pragma once

#include <array>
#include <cstdint>
#include <openexec/bytes.hpp>
#include <openexec/status.hpp>
#include <span>
#include <vector>

#include "merkle/tile.hpp"

namespace openexec::merkle {

/// How many entries, and the root over them.
struct TreeHead {
  std::uint64_t size = 0;
  Digest root{};
  bool operator==(const TreeHead&) const = default;
};

/// A value of at most 2 KB and 8 KB a level (three levels at 10^7 entries): who appends in a transaction that may fail
/// appends to a copy, and keeps that when the transaction has committed. One thread at a time.
class Tree {
 public:
  Tree() = default;  ///< empty

  /// A tree as it was at `size`, from the last, partial tile of each level: levels_of(size) of them, each of exactly
  /// edge_width(size, level) hashes; else invalid_argument. The root says whether they are the right ones: compare it.
  static Result<Tree> open(std::uint64_t size, std::span<const std::vector<Digest>> edge);
  /// The same, reading one tile a level.
  static Result<Tree> open(std::uint64_t size, TileReader& tiles);

  /// Appends a leaf. Tells the sink of a level-0 tile when it is full, and of a higher one each time it has gained a
  /// hash: a store that keeps these, and the leaf hashes behind the last full tile, can read all tiles. Where the sink
  /// fails, the tree is as it was.
  [[nodiscard]] Status append(const Digest& leaf, TileSink& sink);

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] Digest root() const noexcept;
  [[nodiscard]] TreeHead head() const noexcept { return {size_, root()}; }
  /// The level's last, partial tile; valid until the tree changes.
  [[nodiscard]] std::span<const Digest> edge(unsigned level) const noexcept;

 private:
  // All that counts follows from size_: the bits that are set say which peaks there are, edge_width() how much of an
  // edge. What lies beyond is left over, or written in advance by an append that may still fail.
  std::uint64_t size_ = 0;
  std::array<Digest, 64> peaks_{};                     // by height: the whole subtrees that the tree is made of
  std::vector<std::array<Digest, tile_width>> edges_;  // by level
};

}  // namespace openexec::merkle
