#include <canon/number.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>

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
/// ones of their length. Precondition: positive.
bool short_decimal(double value, Decimal& decimal) {
  if (!(value < 1e11)) return false;
  const auto scaled = static_cast<std::uint64_t>(value * 1e4 + 0.5);
  if (scaled >= 1000000000000000 || static_cast<double>(scaled) / 1e4 != value) return false;
  const char* const end = std::to_chars(decimal.digits, std::end(decimal.digits), scaled).ptr;
  decimal.count = static_cast<int>(end - decimal.digits);
  decimal.point = decimal.count - 4;
  while (decimal.digits[decimal.count - 1] == '0') --decimal.count;
  return true;
}

/// Precondition: positive and finite.
Decimal shortest(double value) {
  Decimal decimal{};
  if (short_decimal(value, decimal)) return decimal;
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
  const Decimal decimal = shortest(std::fabs(value));
  return decimal.point > -6 && decimal.point <= 21 ? put_plain(decimal, out) : put_scientific(decimal, 1, out);
}

char* write_python(double value, char* out) {
  if (std::signbit(value)) *out++ = '-';
  if (value == 0) return put("0.0", 3, out);
  const Decimal decimal = shortest(std::fabs(value));
  if (decimal.point <= -4 || decimal.point > 16) return put_scientific(decimal, 2, out);
  out = put_plain(decimal, out);
  return decimal.count <= decimal.point ? put(".0", 2, out) : out;
}

}  // namespace openexec::canon
