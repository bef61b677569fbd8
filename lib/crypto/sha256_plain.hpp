// SHA-256 (FIPS 180-4) without a library, for builds of OpenSSL that have none without allocations.
#pragma once

#include <initializer_list>
#include <string_view>

#include <openexec/bytes.hpp>

namespace openexec::crypto::plain {

/// Of the concatenation of `parts`. Needs no memory and cannot fail; some ten times slower than OpenSSL.
Digest sha256(std::initializer_list<std::string_view> parts) noexcept;

}  // namespace openexec::crypto::plain
