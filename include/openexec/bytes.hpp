// SPDX-License-Identifier: Apache-2.0
// Digests, and their hexadecimal text.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace openexec {

/// A SHA-256 digest, 32 bytes. All zero means "none"; no input is known to hash to it.
using Digest = std::array<std::uint8_t, 32>;

/// Lower-case hexadecimal of a digest, 64 characters.
std::string to_hex(const Digest& digest);

/// Reads exactly 64 lower-case hexadecimal digits. Returns false for any other text, and leaves `out` unchanged.
[[nodiscard]] bool from_hex(std::string_view text, Digest& out);

}  // namespace openexec
