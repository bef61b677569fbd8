// SPDX-License-Identifier: Apache-2.0
// Proofs that an entry is in a tree, and that a tree grew out of another (RFC 6962). Making one needs tiles, and
// verifying one does not.
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

// These functions read the tiles of a tree of `size` entries or more, at most two of each level, each once. If a tile
// cannot be read, they return its reader's failure.

/// Returns the hashes from the leaf's neighbour up, or invalid_argument unless index < size.
Result<Hashes> prove_inclusion(std::uint64_t index, std::uint64_t size, TileReader& tiles);
/// Returns invalid_argument unless from <= to. The proof is empty if they are equal or if `from` is 0.
Result<Hashes> prove_consistency(std::uint64_t from, std::uint64_t to, TileReader& tiles);
/// Returns the root that the tree had at `size`.
Result<Digest> root_at(std::uint64_t size, TileReader& tiles);

// These functions return success or invalid_argument. A proof with one hash too few or too many is refused.

/// RFC 9162, section 2.1.3.2.
Status verify_inclusion(const Digest& leaf, std::uint64_t index, const TreeHead& head, std::span<const Digest> proof);
/// RFC 9162, section 2.1.4.2. Two cases take an empty proof. Two trees of equal size must have equal roots, and every
/// tree has grown from the empty tree, whose root is SHA-256 of nothing.
Status verify_consistency(const TreeHead& from, const TreeHead& to, std::span<const Digest> proof);

}  // namespace openexec::merkle
