// SPDX-License-Identifier: Apache-2.0
#include "merkle/proof.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include "base/assert.hpp"
#include "merkle/hash.hpp"

namespace openexec::merkle {
namespace {

Status wrong(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

constexpr bool odd(std::uint64_t number) noexcept { return (number & 1) != 0; }

/// The subtrees of a tree of `size` entries. A node (height, index) is over the leaves from index * 2^height on,
/// 2^height of them or as many as there are.
class Subtrees {
 public:
  Subtrees(std::uint64_t size, TileReader& reader) : size_(size), reader_(reader) {}

  [[nodiscard]] bool exists(unsigned height, std::uint64_t index) const noexcept {
    return height < 64 && index <= (size_ - 1) >> height;
  }

  /// Precondition: it exists.
  Status root(unsigned height, std::uint64_t index, Digest& out) {
    if (!OPENEXEC_HOLDS(size_ > 0 && exists(height, index), "a subtree that a proof names is one of the tree"))
      return wrong("the tree has no such subtree");
    return index < size_ >> height ? whole(height, index, out) : ragged(height, out);
  }

  /// Of the leaves behind the last whole subtree of this height, at least one: subtrees of falling height, joined from
  /// the right.
  Status ragged(unsigned height, Digest& out) {
    auto peak = static_cast<unsigned>(std::countr_zero(size_));
    if (Status status = whole(peak, (size_ >> peak) - 1, out); !status.ok()) return status;
    while (++peak < height) {
      if (!odd(size_ >> peak)) continue;
      Digest left;
      if (Status status = whole(peak, (size_ >> peak) - 1, left); !status.ok()) return status;
      out = node_hash(left, out);
    }
    return Status::success();
  }

 private:
  struct Kept {
    Tile tile;
    std::vector<Digest> hashes;
  };

  Status whole(unsigned height, std::uint64_t index, Digest& out) {
    const unsigned level = height / tile_height;
    const std::uint64_t first = index << height % tile_height;  // counted in hashes of the level
    std::span<const Digest> tile;
    if (Status status = read(level, first / tile_width, tile); !status.ok()) return status;
    out = subtree_root(tile.subspan(first % tile_width, std::size_t{1} << height % tile_height));
    return Status::success();
  }

  /// The span is valid until the next read.
  Status read(unsigned level, std::uint64_t index, std::span<const Digest>& out) {
    const Tile tile{level, index, width_of(size_, level, index)};
    auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.tile == tile; });
    if (found == kept_.end()) {
      Result<std::vector<Digest>> hashes = reader_.read(tile);
      if (!hashes.ok()) return hashes.status();
      if (hashes->size() != tile.width)
        return wrong(tile_path(tile) + ": the reader gave " + std::to_string(hashes->size()) + " hashes");
      found = kept_.insert(kept_.end(), Kept{tile, *std::move(hashes)});
    }
    out = found->hashes;
    return Status::success();
  }

  const std::uint64_t size_;
  TileReader& reader_;
  std::vector<Kept> kept_;
};

/// Collects the siblings on the path from a node up to the root.
Status climb(Subtrees& tree, unsigned height, std::uint64_t index, Hashes& proof) {
  for (; tree.exists(height, 1); ++height, index >>= 1) {  // while it is not the only node of its height
    const std::uint64_t beside = index ^ 1;
    if (!tree.exists(height, beside)) continue;  // at the right edge a node may be its own parent
    Digest hash;
    if (Status status = tree.root(height, beside, hash); !status.ok()) return status;
    proof.push_back(hash);
  }
  return Status::success();
}

/// A node on its way up: its index, and that of the last node of its height.
class Way {
 public:
  Way(std::uint64_t index, std::uint64_t last) : index_(index), last_(last) {}

  [[nodiscard]] bool ended() const noexcept { return last_ == 0; }
  [[nodiscard]] bool goes_left() const noexcept { return !odd(index_) && index_ != last_; }
  void rise() noexcept {
    index_ >>= 1;
    last_ >>= 1;
  }
  /// Moves up along the right edge, past the heights where the node has no sibling.
  void rise_alone() noexcept {
    while (!odd(index_) && index_ != 0) rise();
  }
  /// Moves up past the heights where it is a right child, whose subtrees are whole.
  void rise_whole() noexcept {
    while (odd(index_)) rise();
  }

 private:
  std::uint64_t index_;
  std::uint64_t last_;
};

Status too_short() { return wrong("the proof has hashes too few"); }
Status too_long() { return wrong("the proof has hashes too many"); }

}  // namespace

Result<Hashes> prove_inclusion(std::uint64_t index, std::uint64_t size, TileReader& tiles) {
  if (index >= size) return wrong("index: there is no such entry");
  Hashes proof;
  Subtrees tree(size, tiles);
  if (Status status = climb(tree, 0, index, proof); !status.ok()) return status;
  return proof;
}

// The last whole subtree of the older tree is a node of both trees. The path up from it passes the other subtrees of
// the older tree and those that were added later. If that node is the whole older tree, the verifier has its hash
// already.
Result<Hashes> prove_consistency(std::uint64_t from, std::uint64_t to, TileReader& tiles) {
  if (from > to) return wrong("from: the older tree is the larger one");
  Hashes proof;
  if (from == 0 || from == to) return proof;
  Subtrees tree(to, tiles);
  const auto height = static_cast<unsigned>(std::countr_zero(from));
  const std::uint64_t index = (from >> height) - 1;
  if (index != 0) {
    Digest hash;
    if (Status status = tree.root(height, index, hash); !status.ok()) return status;
    proof.push_back(hash);
  }
  if (Status status = climb(tree, height, index, proof); !status.ok()) return status;
  return proof;
}

Result<Digest> root_at(std::uint64_t size, TileReader& tiles) {
  if (size == 0) return empty_root();
  Digest root;
  if (Status status = Subtrees(size, tiles).ragged(64, root); !status.ok()) return status;
  return root;
}

Status verify_inclusion(const Digest& leaf, std::uint64_t index, const TreeHead& head, std::span<const Digest> proof) {
  if (index >= head.size) return wrong("the index is not below the tree's size");
  Way way(index, head.size - 1);
  Digest root = leaf;
  for (const Digest& beside : proof) {
    if (way.ended()) return too_long();
    if (way.goes_left()) {
      root = node_hash(root, beside);
    } else {
      root = node_hash(beside, root);
      way.rise_alone();
    }
    way.rise();
  }
  if (!way.ended()) return too_short();
  if (root != head.root) return wrong("the proof does not lead to the root");
  return Status::success();
}

Status verify_consistency(const TreeHead& from, const TreeHead& to, std::span<const Digest> proof) {
  if (from.size > to.size) return wrong("the older tree is the larger one");
  if (from.size == 0 && from.root != empty_root()) return wrong("the older root is not that of an empty tree");
  if (from.size == to.size && from.root != to.root) return wrong("trees of one size have different roots");
  if (from.size == 0 || from.size == to.size) return proof.empty() ? Status::success() : too_long();

  Way way(from.size - 1, to.size - 1);
  way.rise_whole();
  Digest older = from.root;  // of a tree that is one whole subtree
  if (!std::has_single_bit(from.size)) {
    if (proof.empty()) return too_short();
    older = proof.front();
    proof = proof.subspan(1);
  }
  Digest newer = older;
  for (const Digest& beside : proof) {
    if (way.ended()) return too_long();
    if (way.goes_left()) {
      newer = node_hash(newer, beside);
    } else {
      older = node_hash(beside, older);
      newer = node_hash(beside, newer);
      way.rise_alone();
    }
    way.rise();
  }
  if (!way.ended()) return too_short();
  if (older != from.root) return wrong("the proof does not lead to the older root");
  if (newer != to.root) return wrong("the proof does not lead to the newer root");
  return Status::success();
}

}  // namespace openexec::merkle
