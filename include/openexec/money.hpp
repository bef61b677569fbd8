// SPDX-License-Identifier: Apache-2.0
// Money, counted exactly.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace openexec {

/// US dollars, as a whole number of millionths. No binary fraction comes near it.
struct Usd {
  std::int64_t micros = 0;
  auto operator<=>(const Usd&) const = default;

  /// Reads "12.5": digits without leading zeros, at most six behind a point, at most 1,000,000,000 dollars. Nothing for
  /// any other text: no sign, no exponent, no space.
  [[nodiscard]] static std::optional<Usd> parse(std::string_view decimal);
  /// The shortest text: "12.5". parse() reads it back if it is within parse()'s bounds.
  [[nodiscard]] std::string to_string() const;
};

}  // namespace openexec
