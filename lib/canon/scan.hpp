// SPDX-License-Identifier: Apache-2.0
// Finds where a text breaks the rules. It runs only after simdjson has rejected the text, since simdjson does not
// report the place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <canon/json.hpp>

namespace openexec::canon {

struct Fault {
  std::size_t offset;  ///< of the first invalid byte; the size of the text if it ends too early
  std::string_view reason;
};

/// An integer literal that jcs writes for a double, and that is beyond what simdjson reads as an integer.
struct LargeInteger {
  std::size_t end;       ///< the offset behind its last digit
  std::uint32_t number;  ///< the number of numbers before it in the text
};

/// Returns the first breach of the rules of Parser::parse, duplicate keys and max_bytes excepted, or nullopt if the
/// text breaks none. Appends the large integers that stand before it to `large`, unless that is null.
std::optional<Fault> first_fault(std::string_view text, const ParseLimits& limits,
                                 std::vector<LargeInteger>* large = nullptr);

}  // namespace openexec::canon
