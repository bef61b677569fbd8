// SHA-256 through OpenSSL.
#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>

#include <openexec/bytes.hpp>

namespace openexec::crypto {

/// Of the concatenation of `parts`. Aborts the process if the library cannot hash at all: no answer would be safe.
Digest sha256(std::initializer_list<std::string_view> parts) noexcept;
inline Digest sha256(std::string_view bytes) noexcept { return sha256({bytes}); }

/// Fills `out` with bytes from the system's cryptographic generator.
void random_bytes(unsigned char* out, std::size_t size) noexcept;

}  // namespace openexec::crypto
