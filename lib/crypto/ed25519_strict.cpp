// SPDX-License-Identifier: Apache-2.0
#include "crypto/ed25519_strict.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace openexec::crypto {
namespace {

using Scalar = std::array<std::uint8_t, 32>;  // little-endian, as RFC 8032 encodes

// L = 2^252 + 27742317777372353535851937790883648493
constexpr Scalar group_order{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                             0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                             0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

// p + `add`, for add below 19
constexpr Scalar prime_plus(int add) {
  Scalar value;
  value.fill(0xff);
  value[0] = static_cast<std::uint8_t>(0xed + add);
  value[31] = 0x7f;
  return value;
}

constexpr Scalar small(std::uint8_t number) { return Scalar{number}; }

// The y coordinates of the points of small order and their alternative encodings. Each stands for two encodings: the
// sign of x is not compared.
constexpr std::array<Scalar, 7> small_order_y{{
    small(0),        // order 4
    small(1),        // the neutral element
    prime_plus(-1),  // order 2
    prime_plus(0),   // 0 again
    prime_plus(1),   // 1 again
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},  // order 8
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},  // order 8
}};

Scalar scalar(std::string_view bytes32) noexcept {
  Scalar value{};
  std::copy_n(bytes32.begin(), std::min(bytes32.size(), value.size()), value.begin());
  return value;
}

Scalar y_of(std::string_view point) noexcept {
  Scalar y = scalar(point);
  y[31] &= 0x7f;
  return y;
}

bool less(const Scalar& a, const Scalar& b) noexcept {
  return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
}

}  // namespace

bool is_canonical_scalar(std::string_view bytes32) noexcept { return less(scalar(bytes32), group_order); }

bool is_canonical_point(std::string_view bytes32) noexcept { return less(y_of(bytes32), prime_plus(0)); }

bool is_small_order(std::string_view bytes32) noexcept {
  return std::find(small_order_y.begin(), small_order_y.end(), y_of(bytes32)) != small_order_y.end();
}

}  // namespace openexec::crypto
