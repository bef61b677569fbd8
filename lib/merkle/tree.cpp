// SPDX-License-Identifier: Apache-2.0
#include "merkle/tree.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include "base/assert.hpp"
#include "merkle/hash.hpp"

namespace openexec::merkle {
namespace {

Status wrong(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

constexpr bool has_peak(std::uint64_t size, unsigned height) noexcept { return (size >> height & 1) != 0; }

}  // namespace

Result<Tree> Tree::open(std::uint64_t size, std::span<const std::vector<Digest>> edge) {
  if (edge.size() != levels_of(size)) return wrong("tree: the number of levels is not that of a tree of this size");
  Tree tree;
  tree.size_ = size;
  tree.edges_.resize(edge.size());
  for (unsigned level = 0; level < edge.size(); ++level) {
    const std::span<const Digest> hashes = edge[level];
    if (hashes.size() != edge_width(size, level))
      return wrong("tree: level " + std::to_string(level) +
                   ": the number of hashes is not that of a tree of this size");
    std::copy(hashes.begin(), hashes.end(), tree.edges_[level].begin());
    std::size_t first = 0;
    for (unsigned height = tile_height; height-- > 0;) {  // the largest whole subtree is leftmost
      if (!has_peak(hashes.size(), height)) continue;
      const std::size_t width = std::size_t{1} << height;
      tree.peaks_[level * tile_height + height] = subtree_root(hashes.subspan(first, width));
      first += width;
    }
  }
  return tree;
}

Result<Tree> Tree::open(std::uint64_t size, TileReader& tiles) {
  std::vector<std::vector<Digest>> edge(levels_of(size));
  for (unsigned level = 0; level < edge.size(); ++level) {
    const std::size_t width = edge_width(size, level);
    if (width == 0) continue;
    const std::uint64_t index = (size >> (tile_height * level)) / tile_width;
    Result<std::vector<Digest>> hashes = tiles.read({level, index, width});
    if (!hashes.ok()) return hashes.status();
    edge[level] = *std::move(hashes);
  }
  return open(size, edge);
}

// Each hash is written where the next size will look for it. The last step makes it that size.
Status Tree::append(const Digest& leaf, TileSink& sink) {
  if (size_ == UINT64_MAX) return wrong("tree: full");
  OPENEXEC_ASSERT(levels_of(size_) <= edges_.size(), "tree M1: each level with hashes has an edge");
  OPENEXEC_ASSERT_SLOW(has_its_lowest_peak(), "tree M2: the lowest peak is the root of the hashes at the edge");
  Digest hash = leaf;
  for (unsigned height = 0;; ++height) {
    if (height % tile_height == 0) {
      const unsigned level = height / tile_height;
      if (level == edges_.size()) edges_.emplace_back();
      const std::size_t width = edge_width(size_, level);
      OPENEXEC_ASSERT(width < tile_width, "tree M3: a tile that grows has room for another hash");
      edges_[level][width] = hash;
      if (level > 0 || width + 1 == tile_width) {
        const std::uint64_t index = (size_ >> height) / tile_width;
        if (Status status = sink.put(level, index, std::span(edges_[level]).first(width + 1)); !status.ok())
          return status;
      }
    }
    if (!has_peak(size_, height)) {
      peaks_[height] = hash;
      break;
    }
    hash = node_hash(peaks_[height], hash);
  }
  ++size_;
  return Status::success();
}

bool Tree::has_its_lowest_peak() const noexcept {
  if (size_ == 0) return true;
  const auto height = static_cast<unsigned>(std::countr_zero(size_));
  const std::span<const Digest> hashes = edge(height / tile_height);
  const std::size_t width = std::size_t{1} << height % tile_height;
  return hashes.size() >= width && subtree_root(hashes.last(width)) == peaks_[height];
}

Digest Tree::root() const noexcept {
  if (size_ == 0) return empty_root();
  auto height = static_cast<unsigned>(std::countr_zero(size_));
  Digest root = peaks_[height];
  while (++height < peaks_.size())
    if (has_peak(size_, height)) root = node_hash(peaks_[height], root);
  return root;
}

std::span<const Digest> Tree::edge(unsigned level) const noexcept {
  if (level >= edges_.size()) return {};
  return std::span(edges_[level]).first(edge_width(size_, level));
}

}  // namespace openexec::merkle
