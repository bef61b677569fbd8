// Civil time as text, both ways.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <openexec/clock.hpp>

namespace openexec::base {

/// What an approval's time may look like (docs/formats.md, section 4).
enum class Offset { optional_utc, required };  ///< clawshield-v1: none means UTC; RFC 3339: must be there

/// `YYYY-MM-DDTHH:MM:SS[.ffffff][Z|±HH:MM]`: exactly 6 digits after a point, a real date, no 24:00, no second 60.
std::optional<Timestamp> parse_time(std::string_view text, Offset offset);

/// RFC 3339 UTC with microseconds: `2026-03-01T12:00:00.000000Z`. Defined for the years 0001 to 9999; beyond them clamps.
std::string format_time(Timestamp time);
void append_time(Timestamp time, std::string& out);

}  // namespace openexec::base
