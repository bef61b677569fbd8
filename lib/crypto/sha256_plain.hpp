// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) without a library, for builds with a library whose SHA-256 allocates memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include <openexec/bytes.hpp>

namespace openexec::crypto::plain {

/// Hashes bytes incrementally. Allocates nothing and cannot fail.
class Sha256 {
 public:
  void add(std::string_view bytes) noexcept;
  /// Returns the hash of the added bytes. Nothing may be added afterwards.
  Digest finish() noexcept;

 private:
  void add(std::uint8_t byte) noexcept;
  void mix() noexcept;

  static constexpr std::size_t block_size = 64;
  // The first 32 bits of the fractional parts of the square roots of the first 8 primes.
  std::array<std::uint32_t, 8> hash_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, block_size> block_{};
  std::uint64_t size_ = 0;  ///< the number of bytes so far
};

/// Returns the SHA-256 of the concatenation of `parts`. Allocates nothing and cannot fail. About ten times slower than
/// OpenSSL.
Digest sha256(std::initializer_list<std::string_view> parts) noexcept;

}  // namespace openexec::crypto::plain
