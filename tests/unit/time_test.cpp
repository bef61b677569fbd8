// SPDX-License-Identifier: Apache-2.0
// Civil time as text.
#include <limits>
#include <set>
#include <string>

#include "base/time.hpp"
#include "support/catch.hpp"

using openexec::Timestamp;
using openexec::base::format_time;
using openexec::base::parse_time;
using openexec::base::TimeForm;

namespace {

constexpr std::int64_t second = 1000000;

std::int64_t micros(std::string_view text, TimeForm form = TimeForm::clawshield_v1) {
  return parse_time(text, form).value().micros;
}

}  // namespace

TEST_CASE("The epoch and times around it read as microseconds since it") {
  CHECK(micros("1970-01-01T00:00:00Z") == 0);
  CHECK(micros("1970-01-01T00:00:00.000001Z") == 1);
  CHECK(micros("1969-12-31T23:59:59.999999Z") == -1);
  CHECK(micros("2026-03-01T12:00:00Z") == 1772366400 * second);
  CHECK(micros("2000-02-29T15:15:15Z") == 951837315 * second);
}

TEST_CASE("A time without an offset is UTC, or refused where an offset is required") {
  CHECK(micros("2026-03-01T12:00:00") == micros("2026-03-01T12:00:00Z"));
  CHECK_FALSE(parse_time("2026-03-01T12:00:00", TimeForm::rfc3339));
  CHECK_FALSE(parse_time("2026-03-01T12:00:00.123456", TimeForm::rfc3339));
  CHECK(parse_time("2026-03-01T12:00:00.123456Z", TimeForm::rfc3339));
}

TEST_CASE("An offset is taken off, east and west") {
  CHECK(micros("2026-03-01T14:00:00+02:00") == micros("2026-03-01T12:00:00Z"));
  CHECK(micros("2026-03-01T06:30:00-05:30") == micros("2026-03-01T12:00:00Z"));
  CHECK(micros("2026-03-01T12:00:00-00:00") == micros("2026-03-01T12:00:00Z"));
  CHECK(micros("2026-03-02T00:30:00+23:59") == micros("2026-03-01T00:31:00Z"));
}

TEST_CASE("RFC 3339 takes any number of fraction digits and lower-case t and z, as JavaScript and others write them") {
  const std::int64_t noon = micros("2026-03-01T12:00:00Z");
  for (const auto& [text, beyond] : std::initializer_list<std::pair<const char*, std::int64_t>>{
           {"2026-03-01T12:00:00.5Z", 500'000},
           {"2026-03-01T12:00:00.123Z", 123'000},
           {"2026-03-01t12:00:00z", 0},
           {"2026-03-01T12:00:00.1234567Z", 123'456},
           {"2026-03-01T12:00:00.000000999999999999999999999Z", 0},
           {"2026-03-01T13:30:00.25+01:30", 250'000},
       }) {
    INFO(text);
    CHECK(micros(text, TimeForm::rfc3339) == noon + beyond);
    CHECK_FALSE(parse_time(text, TimeForm::clawshield_v1));
  }
  for (const char* text :
       {"2026-03-01T12:00:00.Z", "2026-03-01T12:00:00.", "2026-03-01T12:00:00.5", "2026-03-01T12:00:60Z",
        "2026-03-01T24:00:00Z", "2026-03-01 12:00:00Z", "2026-03-01T12:00:00.5x", "2026-03-01T12:00:00,5Z"})
    CHECK_FALSE(parse_time(text, TimeForm::rfc3339));
}

TEST_CASE("Every other shape of a time is refused in the form of clawshield-v1") {
  for (const char* text : {"",
                           "2026",
                           "2026-03-01",
                           "2026-03-01T",
                           "2026-03-01T12:00",
                           "2026-03-01T12:00Z",
                           "2026-03-01T12:00:0",
                           "2026-03-01T12:00:00.",
                           "2026-03-01T12:00:00.Z",
                           "2026-03-01T12:00:00.12345",
                           "2026-03-01T12:00:00.1234567",
                           "2026-03-01T12:00:00,123456",
                           "2026-03-01 12:00:00Z",
                           "2026-03-01t12:00:00Z",
                           "2026-03-01T12:00:00z",
                           "2026-03-01T12:00:00ZZ",
                           "2026-03-01T12:00:00Z ",
                           " 2026-03-01T12:00:00Z",
                           "2026-03-01T12:00:00+0200",
                           "2026-03-01T12:00:00+02",
                           "2026-03-01T12:00:00+2:00",
                           "2026-03-01T12:00:00+02:0",
                           "2026-03-01T12:00:00+02:000",
                           "2026-03-01T12:00:00+24:00",
                           "2026-03-01T12:00:00+12:60",
                           "2026-03-01T12:00:00 +02:00",
                           "2026-03-01T12:00:00Z+02:00",
                           "20260301T120000Z",
                           "2026-3-01T12:00:00Z",
                           "2026-03-1T12:00:00Z",
                           "02026-03-01T12:00:00Z",
                           "12026-03-01T12:00:00Z",
                           "+2026-03-01T12:00:00Z",
                           "-026-03-01T12:00:00Z",
                           "2026-03-01T12:00:+1Z",
                           "2026-03-01T12:00: 1Z"}) {
    INFO(text);
    CHECK_FALSE(parse_time(text, TimeForm::clawshield_v1));
    static const std::set<std::string> of_rfc3339{"2026-03-01T12:00:00.12345", "2026-03-01T12:00:00.1234567",
                                                  "2026-03-01t12:00:00Z", "2026-03-01T12:00:00z"};
    const std::string with_offset =
        std::string(text).ends_with('Z') || std::string(text).ends_with('z') ? text : text + std::string("Z");
    if (of_rfc3339.count(text) == 0) CHECK_FALSE(parse_time(text, TimeForm::rfc3339));
    if (of_rfc3339.count(text) != 0) CHECK(parse_time(with_offset, TimeForm::rfc3339));
  }
  CHECK_FALSE(parse_time(std::string("2026-03-01T12:00:00\0", 20), TimeForm::clawshield_v1));
}

TEST_CASE("A time that is on no clock or calendar is refused") {
  for (const char* text :
       {"2026-00-01T12:00:00Z", "2026-13-01T12:00:00Z", "2026-03-00T12:00:00Z", "2026-03-32T12:00:00Z",
        "2026-04-31T12:00:00Z", "2026-02-29T12:00:00Z", "2100-02-29T12:00:00Z", "2024-02-30T12:00:00Z",
        "0000-01-01T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z", "2026-06-30T23:59:60Z"}) {
    INFO(text);
    CHECK_FALSE(parse_time(text, TimeForm::clawshield_v1));
  }
  CHECK(parse_time("2024-02-29T12:00:00Z", TimeForm::rfc3339));
  CHECK(parse_time("2000-02-29T12:00:00Z", TimeForm::rfc3339));
}

TEST_CASE("Times are written with six digits and Z, and read back equal") {
  CHECK(format_time(Timestamp{0}) == "1970-01-01T00:00:00.000000Z");
  CHECK(format_time(Timestamp{-1}) == "1969-12-31T23:59:59.999999Z");
  for (const char* text : {"2026-03-01T12:04:05.060708Z", "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z",
                           "2000-02-29T00:00:00.000001Z", "1582-10-15T00:00:00.500000Z"})
    CHECK(format_time(parse_time(text, TimeForm::rfc3339).value()) == text);
}

TEST_CASE("Beyond the years 0001 to 9999 writing clamps") {
  CHECK(format_time(Timestamp{std::numeric_limits<std::int64_t>::min()}) == "0001-01-01T00:00:00.000000Z");
  CHECK(format_time(Timestamp{std::numeric_limits<std::int64_t>::max()}) == "9999-12-31T23:59:59.999999Z");
  CHECK(format_time(Timestamp{micros("0001-01-01T00:00:00+01:00")}) == "0001-01-01T00:00:00.000000Z");
}
