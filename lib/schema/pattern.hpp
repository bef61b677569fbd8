// SPDX-License-Identifier: Apache-2.0
// Regular expressions in linear time, with RE2 if the build has it. The only user of RE2.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace openexec::schema {

class Pattern {
 public:
  virtual ~Pattern() = default;
  /// Whether some part of the text matches. Precondition: well-formed UTF-8.
  [[nodiscard]] virtual bool found_in(std::string_view text) const = 0;
  /// Returns the size of the expression: the most instructions for each byte of a text.
  [[nodiscard]] virtual std::size_t size() const = 0;
};

/// The largest permitted expression, in instructions of RE2.
constexpr std::size_t max_pattern = 10'000;

/// Whether this build supports regular expressions.
bool has_patterns() noexcept;

/// Compiles an expression in the syntax of RE2. Returns null and the reason if it is malformed, or if this build does
/// not support them.
std::unique_ptr<const Pattern> compile_pattern(std::string_view text, std::string& why);

}  // namespace openexec::schema
