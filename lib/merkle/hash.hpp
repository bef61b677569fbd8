// SPDX-License-Identifier: Apache-2.0
// RFC 6962 hashing with SHA-256. Leaves and nodes begin with different bytes, so that neither passes for the other.
#pragma once

#include <openexec/bytes.hpp>
#include <span>
#include <string_view>

namespace openexec::merkle {

Digest leaf_hash(std::string_view entry) noexcept;                   ///< SHA-256(0x00 || entry)
Digest node_hash(const Digest& left, const Digest& right) noexcept;  ///< SHA-256(0x01 || left || right)
Digest empty_root() noexcept;                                        ///< SHA-256 of nothing

/// The root of a whole subtree, over 1, 2, 4, ... or 256 hashes. Precondition: it is one of these numbers. The root
/// over any other number is 32 zero bytes, which no tree has.
Digest subtree_root(std::span<const Digest> hashes) noexcept;

}  // namespace openexec::merkle
