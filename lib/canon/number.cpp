// SPDX-License-Identifier: Apache-2.0
#include <canon/number.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "base/assert.hpp"
namespace openexec::canon {
namespace {

/// 0.d1d2d3... × 10^point
struct Decimal {
  char digits[20];
  int count;
  int point;
};

/// Most numbers are short: n/10^4 with n of at most 15 digits. Two decimals of at most 15 digits are never the same
/// double, and a division is rounded correctly; so if n/10^4 gives the value, its digits are the shortest, and the only
/// ones of their length. This n, or 0. Precondition: positive.
std::uint64_t ten_thousandths(double value) {
  OPENEXEC_ASSERT(value > 0, "number: the digits are those of a positive number");
  if (!(value < 1e11)) return 0;
  const auto scaled = static_cast<std::uint64_t>(value * 1e4 + 0.5);
  return static_cast<double>(scaled) / 1e4 == value ? scaled : 0;
}

/// The whole part, and a point and digits only where there is more.
char* put_ten_thousandths(std::uint64_t scaled, char* out) {
  out = std::to_chars(out, out + max_number_size, scaled / 10'000).ptr;
  const auto rest = static_cast<unsigned>(scaled % 10'000);
  if (rest == 0) return out;
  *out++ = '.';
  for (const unsigned digit : {rest / 1'000, rest / 100 % 10, rest / 10 % 10, rest % 10})
    *out++ = static_cast<char>('0' + digit);
  while (out[-1] == '0') --out;
  return out;
}

/// Precondition: positive and finite.
Decimal shortest(double value) {
  OPENEXEC_ASSERT(value > 0 && std::isfinite(value), "number: the digits are those of a positive, finite number");
  Decimal decimal{};
  char text[max_number_size];
  const char* end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  const char* at = text;
  for (; *at != 'e'; ++at)
    if (*at != '.') decimal.digits[decimal.count++] = *at;
  ++at;
  if (*at == '+') ++at;
  std::from_chars(at, end, decimal.point);
  ++decimal.point;
  return decimal;
}

char* put(const char* digits, int count, char* out) {
  if (count <= 0) return out;
  std::memcpy(out, digits, static_cast<std::size_t>(count));
  return out + count;
}

char* put_zeros(int count, char* out) {
  for (; count > 0; --count) *out++ = '0';
  return out;
}

/// d1d2d3, d1.d2d3 or 0.d1d2d3: a point only where digits follow it.
char* put_plain(const Decimal& decimal, char* out) {
  if (decimal.point <= 0) {
    out = put_zeros(-decimal.point, put("0.", 2, out));
    return put(decimal.digits, decimal.count, out);
  }
  if (decimal.count <= decimal.point) {
    out = put(decimal.digits, decimal.count, out);
    return put_zeros(decimal.point - decimal.count, out);
  }
  out = put(decimal.digits, decimal.point, out);
  *out++ = '.';
  return put(decimal.digits + decimal.point, decimal.count - decimal.point, out);
}

/// d1.d2d3e±x with at least `exponent_digits` digits in the exponent.
char* put_scientific(const Decimal& decimal, int exponent_digits, char* out) {
  *out++ = decimal.digits[0];
  if (decimal.count > 1) {
    *out++ = '.';
    out = put(decimal.digits + 1, decimal.count - 1, out);
  }
  const int exponent = decimal.point - 1;
  *out++ = 'e';
  *out++ = exponent < 0 ? '-' : '+';
  const int magnitude = std::abs(exponent);
  if (exponent_digits > 1 && magnitude < 10) *out++ = '0';
  return std::to_chars(out, out + 3, magnitude).ptr;
}

}  // namespace

char* write_ecmascript(double value, char* out) {
  if (value == 0) {
    *out++ = '0';
    return out;
  }
  if (value < 0) *out++ = '-';
  value = std::fabs(value);
  if (const std::uint64_t scaled = ten_thousandths(value)) return put_ten_thousandths(scaled, out);
  const Decimal decimal = shortest(value);
  return decimal.point > -6 && decimal.point <= 21 ? put_plain(decimal, out) : put_scientific(decimal, 1, out);
}

bool is_jcs_integer(std::string_view literal) {
  constexpr std::size_t longest = 22;  // a sign and the digits below 10^21
  if (literal.size() > longest) return false;
  double value = 0;
  OPENEXEC_ASSERT_SLOW(!literal.empty() && literal.find_first_not_of("-0123456789") == std::string_view::npos,
                       "number: the literal is an integer");
  const auto [end, error] = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  if (error != std::errc() || end != literal.data() + literal.size()) return false;
  char text[max_number_size];
  return literal == std::string_view(text, static_cast<std::size_t>(write_ecmascript(value, text) - text));
}

char* write_python(double value, char* out) {
  if (std::signbit(value)) *out++ = '-';
  if (value == 0) return put("0.0", 3, out);
  value = std::fabs(value);
  if (const std::uint64_t scaled = ten_thousandths(value)) {
    out = put_ten_thousandths(scaled, out);
    return scaled % 10'000 == 0 ? put(".0", 2, out) : out;
  }
  const Decimal decimal = shortest(value);
  if (decimal.point <= -4 || decimal.point > 16) return put_scientific(decimal, 2, out);
  out = put_plain(decimal, out);
  return decimal.count <= decimal.point ? put(".0", 2, out) : out;
}

}  // namespace openexec::canon
