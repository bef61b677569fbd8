// SPDX-License-Identifier: Apache-2.0
// A Merkle tree that only grows. It remembers its right edge, never all its leaves: appending costs one hash on
// average.
//
// Invariants, checked by append(). A broken one throws Breach, and the log that owns the tree refuses every call:
//  M1 There is an edge for each level that has hashes in a tree of this size.
//  M2 The lowest peak is the root of the last hashes in the edge of its level: peaks and edges tell of the same leaves.
//  M3 What the sink is told of a tile is 1 to 256 hashes.
#pragma once

#include <array>
#include <cstdint>
#include <openexec/bytes.hpp>
#include <openexec/status.hpp>
#include <span>
#include <vector>

#include "merkle/tile.hpp"

namespace openexec::merkle {

/// The number of entries, and the root over them.
struct TreeHead {
  std::uint64_t size = 0;
  Digest root{};
  bool operator==(const TreeHead&) const = default;
};

/// A value of at most 2 KB and 8 KB for each level (three levels at 10^7 entries). A caller whose transaction may fail
/// appends to a copy, and keeps the copy when the transaction has committed. One thread at a time.
class Tree {
 public:
  Tree() = default;  ///< empty

  /// Returns a tree as it was at `size`, from the last, partial tile of each level: levels_of(size) of them, each of
  /// exactly edge_width(size, level) hashes, else invalid_argument. The caller compares the root to learn whether the
  /// hashes are the right ones.
  static Result<Tree> open(std::uint64_t size, std::span<const std::vector<Digest>> edge);
  /// The same. Reads one tile of each level.
  static Result<Tree> open(std::uint64_t size, TileReader& tiles);

  /// Appends a leaf. Tells the sink of a level-0 tile when it is full, and of a higher one each time it has gained a
  /// hash. A store that keeps these, and the leaf hashes behind the last full tile, can read all tiles. If the sink
  /// fails, the tree is as it was.
  [[nodiscard]] Status append(const Digest& leaf, TileSink& sink);

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] Digest root() const noexcept;
  [[nodiscard]] TreeHead head() const noexcept { return {size_, root()}; }
  /// The last, partial tile of the level. Valid until the tree changes.
  [[nodiscard]] std::span<const Digest> edge(unsigned level) const noexcept;

 private:
  friend struct Sabotage;  ///< breaks each invariant in tests/unit/invariants_test.cpp
  [[nodiscard]] bool has_its_lowest_peak() const noexcept;

  // All that counts follows from size_: the bits that are set say which peaks there are, edge_width() how much of an
  // edge. What lies beyond is left over, or written in advance by an append that may still fail.
  std::uint64_t size_ = 0;
  std::array<Digest, 64> peaks_{};                     // by height: the whole subtrees that the tree is made of
  std::vector<std::array<Digest, tile_width>> edges_;  // by level
};

}  // namespace openexec::merkle
