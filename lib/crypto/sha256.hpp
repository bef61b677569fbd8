// SPDX-License-Identifier: Apache-2.0
// SHA-256 and random bytes, through OpenSSL.
#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>

#include <openexec/bytes.hpp>

namespace openexec::crypto {

/// Of the concatenation of `parts`. Needs no memory and cannot fail.
Digest sha256(std::initializer_list<std::string_view> parts) noexcept;
inline Digest sha256(std::string_view bytes) noexcept { return sha256({bytes}); }

/// Fills `out` with bytes from the system's cryptographic generator. False where that has none: without memory, or
/// without a source. What `out` holds is no secret then.
[[nodiscard]] bool random_bytes(unsigned char* out, std::size_t size) noexcept;

}  // namespace openexec::crypto
