// SPDX-License-Identifier: Apache-2.0
#include "merkle/hash.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include "base/assert.hpp"
#include "crypto/sha256.hpp"

namespace openexec::merkle {

Digest leaf_hash(std::string_view entry) noexcept { return crypto::sha256({std::string_view("\x00", 1), entry}); }

Digest node_hash(const Digest& left, const Digest& right) noexcept {
  std::array<char, 1 + 2 * sizeof(Digest)> bytes;  // in one piece: the hasher is asked once
  bytes[0] = '\x01';
  std::copy(right.begin(), right.end(), std::copy(left.begin(), left.end(), bytes.begin() + 1));
  return crypto::sha256(std::string_view(bytes.data(), bytes.size()));
}

Digest empty_root() noexcept { return crypto::sha256(std::string_view()); }

Digest subtree_root(std::span<const Digest> hashes) noexcept {
  if (!OPENEXEC_HOLDS(std::has_single_bit(hashes.size()) && hashes.size() <= 256, "a subtree is of 2^n hashes"))
    return {};
  std::array<Digest, 128> row;  // each row overwrites the one below it
  std::size_t width = hashes.size();
  for (std::span<const Digest> below = hashes; width > 1; below = row) {
    width /= 2;
    for (std::size_t i = 0; i < width; ++i) row[i] = node_hash(below[2 * i], below[2 * i + 1]);
  }
  return hashes.size() == 1 ? hashes[0] : row[0];
}

}  // namespace openexec::merkle
