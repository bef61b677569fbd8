// SPDX-License-Identifier: Apache-2.0
// Regular expressions in linear time: RE2, or none. The only user of RE2.
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
  /// The expression's size: each byte of a text may take as many instructions.
  [[nodiscard]] virtual std::size_t size() const = 0;
};

/// The largest expression that is taken, in RE2's instructions.
constexpr std::size_t max_pattern = 10'000;

/// Whether this build has expressions.
bool has_patterns() noexcept;

/// Compiles an expression in RE2's syntax. Returns null and says why if it is not one, or if this build has none.
std::unique_ptr<const Pattern> compile_pattern(std::string_view text, std::string& why);

}  // namespace openexec::schema
