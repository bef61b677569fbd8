// SPDX-License-Identifier: Apache-2.0
#include <openexec/money.hpp>

#include <algorithm>

#include "base/assert.hpp"

namespace openexec {
namespace {

constexpr std::int64_t micros_per_dollar = 1'000'000;
constexpr std::int64_t max_dollars = 1'000'000'000;
constexpr std::size_t places = 6;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Precondition: at most ten digits.
std::int64_t number(std::string_view digits) {
  OPENEXEC_ASSERT(digits.size() <= 10, "money: ten digits fit");
  std::int64_t value = 0;
  for (const char digit : digits) value = value * 10 + (digit - '0');
  return value;
}

}  // namespace

std::optional<Usd> Usd::parse(std::string_view decimal) {
  const std::size_t point = std::min(decimal.find('.'), decimal.size());
  const std::string_view whole = decimal.substr(0, point);
  const std::string_view rest = decimal.substr(point);  // the point and what is behind it
  if (whole.empty() || whole.size() > 10 || !std::all_of(whole.begin(), whole.end(), is_digit)) return std::nullopt;
  if (whole.size() > 1 && whole.front() == '0') return std::nullopt;
  if (rest.size() == 1 || rest.size() > 1 + places) return std::nullopt;

  std::string fraction(rest.empty() ? rest : rest.substr(1));
  if (!std::all_of(fraction.begin(), fraction.end(), is_digit)) return std::nullopt;
  fraction.resize(places, '0');
  const Usd amount{number(whole) * micros_per_dollar + number(fraction)};
  if (amount.micros > max_dollars * micros_per_dollar) return std::nullopt;
  return amount;
}

std::string Usd::to_string() const {
  constexpr auto one = static_cast<std::uint64_t>(micros_per_dollar);
  const std::uint64_t amount = micros < 0 ? 0 - static_cast<std::uint64_t>(micros) : static_cast<std::uint64_t>(micros);
  std::string text = std::to_string(amount / one);
  std::string fraction = std::to_string(one + amount % one).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (!fraction.empty()) text.append(".").append(fraction);
  return micros < 0 ? "-" + text : text;
}

}  // namespace openexec
