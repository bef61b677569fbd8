// SPDX-License-Identifier: Apache-2.0
// What a strict verifier refuses before the library is asked: no library needed, and the same for every library.
#pragma once

#include <string_view>

namespace openexec::crypto {

/// S as 32 little-endian bytes is below the group's order L. Without this, S + L makes a second signature of every one.
bool is_canonical_scalar(std::string_view bytes32) noexcept;

/// The y coordinate of an encoded point is below p = 2^255 - 19.
bool is_canonical_point(std::string_view bytes32) noexcept;

/// The encoding, canonical or not, is one of the 14 of the 8 points of small order. Under such a key, one signature
/// verifies for many messages.
bool is_small_order(std::string_view bytes32) noexcept;

}  // namespace openexec::crypto
