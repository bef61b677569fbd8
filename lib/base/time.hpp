// SPDX-License-Identifier: Apache-2.0
// Civil time as text: parsing and formatting.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <openexec/clock.hpp>

namespace openexec::base {

/// How a time is written. In both forms the date and the time exist, and 24:00 and second 60 do not.
enum class TimeForm {
  /// docs/formats.md, section 4: `YYYY-MM-DDTHH:MM:SS[.ffffff][Z|±HH:MM]`. A fraction has six digits. Without an offset
  /// the time is UTC.
  clawshield_v1,
  /// RFC 3339: a fraction of one digit or more, truncated to microseconds. `t` and `z` may be lower case. An offset is
  /// required.
  rfc3339,
};

/// Returns nullopt if the text does not have that form.
std::optional<Timestamp> parse_time(std::string_view text, TimeForm form);

/// RFC 3339 UTC with microseconds: `2026-03-01T12:00:00.000000Z`. Defined for the years 0001 to 9999; beyond them
/// clamps.
std::string format_time(Timestamp time);
void append_time(Timestamp time, std::string& out);

}  // namespace openexec::base
