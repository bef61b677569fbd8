// SPDX-License-Identifier: Apache-2.0
#include "schema/decimal.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/assert.hpp"
namespace openexec::schema {
namespace {

/// digits times 10 to the exponent. The digits are at most 17, and do not end with a zero.
struct Decimal {
  std::uint64_t digits = 0;
  int exponent = 0;
};

Decimal decimal_of(double value) {
  std::array<char, 32> text;
  const char* const end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific).ptr;
  const std::string_view written(text.data(), static_cast<std::size_t>(end - text.data()));
  const std::size_t e = written.find('e');
  Decimal decimal;
  for (const char c : written.substr(0, e)) {
    if (c < '0' || c > '9') continue;
    decimal.digits = 10 * decimal.digits + static_cast<std::uint64_t>(c - '0');
    --decimal.exponent;
  }
  int written_exponent = 0;
  const std::size_t sign = written[e + 1] == '+' ? 1 : 0;
  std::from_chars(written.data() + e + 1 + sign, end, written_exponent);
  decimal.exponent += 1 + written_exponent;  // the first digit stands before the point
  return decimal;
}

}  // namespace

bool is_multiple(double value, double divisor) {
  OPENEXEC_ASSERT(std::isfinite(value) && std::isfinite(divisor) && divisor > 0, "schema: a divisor is above 0");
  if (value == 0) return true;
  const Decimal dividend = decimal_of(std::abs(value));
  const Decimal by = decimal_of(divisor);
  if (dividend.exponent < by.exponent) return false;  // a multiple would end with a zero
  std::uint64_t rest = dividend.digits % by.digits;   // below 10^17, so that ten times as much fits
  for (int i = by.exponent; i < dividend.exponent && rest != 0; ++i) rest = rest * 10 % by.digits;
  return rest == 0;
}

bool is_integral(double value) { return std::trunc(value) == value; }

}  // namespace openexec::schema
