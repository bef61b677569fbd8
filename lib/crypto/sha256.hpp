// SPDX-License-Identifier: Apache-2.0
// SHA-256 and random bytes, through OpenSSL.
#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>

#include <openexec/bytes.hpp>

namespace openexec::crypto {

/// Returns the SHA-256 of the concatenation of `parts`. Allocates nothing and cannot fail.
Digest sha256(std::initializer_list<std::string_view> parts) noexcept;
inline Digest sha256(std::string_view bytes) noexcept { return sha256({bytes}); }

/// Fills `out` with bytes of the cryptographic generator of the system. Returns false if it fails, for want of memory
/// or of a source. Do not use the content of `out` then.
[[nodiscard]] bool random_bytes(unsigned char* out, std::size_t size) noexcept;

}  // namespace openexec::crypto
