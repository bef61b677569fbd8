// Doubles as text: the shortest digits that read back as the same double, and of those the closest to it.
#pragma once

namespace openexec::canon {

/// No number is longer.
constexpr int max_number_size = 32;

/// As ECMAScript's Number::toString. Returns the end. Precondition: finite, room for max_number_size.
char* write_ecmascript(double value, char* out);

/// As Python's repr. Returns the end. Precondition: finite, room for max_number_size.
char* write_python(double value, char* out);

}  // namespace openexec::canon
