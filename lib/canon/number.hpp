// SPDX-License-Identifier: Apache-2.0
// Doubles as text: the shortest digits that read back as the same double, and of those the closest to it.
#pragma once

#include <string_view>

namespace openexec::canon {

/// The size of the longest number.
constexpr int max_number_size = 32;

/// Writes the number like ECMAScript's Number::toString. Returns the end. `out` has
/// room for max_number_size. Precondition: finite.
char* write_ecmascript(double value, char* out);

/// Returns true if jcs writes some double as this integer literal, as it does from 2^53 to 10^21 (10000000000000000 for
/// 1e16). Other literals of that size are not exactly a double. Precondition: a JSON number without `.`, `e` and `E`.
bool is_jcs_integer(std::string_view literal);

/// Writes the number like Python's repr. Returns the end. `out` has room for max_number_size.
/// Precondition: finite.
char* write_python(double value, char* out);

}  // namespace openexec::canon
