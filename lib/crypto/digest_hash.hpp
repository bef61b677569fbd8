// SPDX-License-Identifier: Apache-2.0
// The hash of digests in hash tables.
#pragma once

#include <cstddef>
#include <cstring>

#include <openexec/bytes.hpp>

namespace openexec::crypto {

/// Takes the first bytes of a digest, which are distributed as evenly as any hash of them.
struct DigestHash {
  std::size_t operator()(const Digest& digest) const noexcept {
    std::size_t hash = 0;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
  }
};

}  // namespace openexec::crypto
