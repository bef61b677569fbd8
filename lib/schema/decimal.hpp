// SPDX-License-Identifier: Apache-2.0
// Exact arithmetic on the shortest decimals of doubles.
#pragma once

namespace openexec::schema {

/// Whether `value` is an integer times `divisor`, both taken as the shortest decimals that name these doubles: 19.99 is
/// a multiple of 0.01, although the quotient of the doubles is no integer. Precondition: finite, divisor above 0.
bool is_multiple(double value, double divisor);

/// Whether the number has no fractional part, as the JSON Schema type "integer" asks.
bool is_integral(double value);

}  // namespace openexec::schema
