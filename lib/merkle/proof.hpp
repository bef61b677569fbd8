// SPDX-License-Identifier: Apache-2.0
// Proofs that an entry is in a tree, and that a tree grew out of another (RFC 6962): made from tiles, verified without.
#pragma once

#include <cstddef>
#include <cstdint>
#include <openexec/bytes.hpp>
#include <openexec/status.hpp>
#include <span>
#include <vector>

#include "merkle/tile.hpp"
#include "merkle/tree.hpp"

namespace openexec::merkle {

using Hashes = std::vector<Digest>;

// Made from the tiles of a tree of `size` entries or more, at most two of each level, each read once. If a tile cannot
// be read, they fail as its reader does.

/// From the leaf's neighbour up. invalid_argument unless index < size.
Result<Hashes> prove_inclusion(std::uint64_t index, std::uint64_t size, TileReader& tiles);
/// invalid_argument unless from <= to. Empty if they are equal, and from the empty tree.
Result<Hashes> prove_consistency(std::uint64_t from, std::uint64_t to, TileReader& tiles);
/// The root that the tree had at `size`.
Result<Digest> root_at(std::uint64_t size, TileReader& tiles);

// Verified exactly: a proof with one hash too few or too many is refused. Success, or invalid_argument.

/// RFC 9162, section 2.1.3.2.
Status verify_inclusion(const Digest& leaf, std::uint64_t index, const TreeHead& head, std::span<const Digest> proof);
/// RFC 9162, section 2.1.4.2. Of two trees of equal size the roots are equal, and from the empty tree, whose root is
/// SHA-256 of nothing, every tree has grown: both without a proof.
Status verify_consistency(const TreeHead& from, const TreeHead& to, std::span<const Digest> proof);

}  // namespace openexec::merkle
