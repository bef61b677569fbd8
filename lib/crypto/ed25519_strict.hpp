// SPDX-License-Identifier: Apache-2.0
// The strict checks before the library verifies. They need no library, and are the same for every library.
#pragma once

#include <string_view>

namespace openexec::crypto {

/// Whether S, 32 little-endian bytes, is below the order L of the group. Otherwise S + L would be a second signature
/// for every valid one.
bool is_canonical_scalar(std::string_view bytes32) noexcept;

/// Whether the y coordinate of an encoded point is below p = 2^255 - 19.
bool is_canonical_point(std::string_view bytes32) noexcept;

/// Whether the encoding, canonical or not, is one of the 14 of the 8 points of small order. Under such a key, one
/// signature verifies for many messages.
bool is_small_order(std::string_view bytes32) noexcept;

}  // namespace openexec::crypto
