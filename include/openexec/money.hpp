// SPDX-License-Identifier: Apache-2.0
// Exact amounts of money.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace openexec {

/// US dollars, as a whole number of millionths. Never converted to floating point.
struct Usd {
  std::int64_t micros = 0;
  auto operator<=>(const Usd&) const = default;

  /// Reads text such as "12.5": digits without leading zeros, at most six of them behind the point, at most
  /// 1,000,000,000 dollars. Returns nullopt for any other text, such as one with a sign, an exponent or a space.
  [[nodiscard]] static std::optional<Usd> parse(std::string_view decimal);
  /// Returns the shortest text, such as "12.5". parse() reads it back if it is within parse()'s bounds.
  [[nodiscard]] std::string to_string() const;
};

}  // namespace openexec
