// SPDX-License-Identifier: Apache-2.0
// toml-test's dates and times in our two forms: that of clawshield-v1 (docs/formats.md, section 4), with exactly six
// digits in a fraction, `T` and `Z` in capitals and seconds always there, and RFC 3339.
#include <map>
#include <set>
#include <string>

#include "base/time.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"

using namespace openexec;
using base::parse_time;
using base::TimeForm;

namespace {

/// The value in a line `key = value  # comment`; nothing for a comment or a blank line.
std::optional<std::pair<std::string, std::string>> value_of(const std::string& line) {
  const std::size_t equals = line.find('=');
  if (line.starts_with('#') || equals == std::string::npos) return std::nullopt;
  const auto trim = [](std::string text) {
    text.erase(0, text.find_first_not_of(" \t"));
    text.erase(text.find_last_not_of(" \t") + 1);
    return text;
  };
  std::string value = line.substr(equals + 1);
  if (const std::size_t comment = value.find('#'); comment != std::string::npos) value.resize(comment);
  return {{trim(line.substr(0, equals)), trim(value)}};
}

bool accepted(const std::string& text, TimeForm form) { return parse_time(text, form).has_value(); }

enum class Judged { clawshield_only, rfc3339_only, always, never };

struct Judgement {
  Judged verdict;
  const char* why;
};

// Each value of each valid file. TOML is wider than the profile, so most are refused.
const std::map<std::string, Judgement> judgements{
    {"datetime/space", {Judged::never, "a space for T"}},
    {"datetime/lower", {Judged::rfc3339_only, "t and z in lower case"}},
    {"edge/first-offset", {Judged::never, "a space for T"}},
    {"edge/first-local", {Judged::never, "a space for T"}},
    {"edge/first-date", {Judged::never, "a date without a time"}},
    {"edge/last-offset", {Judged::never, "a space for T"}},
    {"edge/last-local", {Judged::never, "a space for T"}},
    {"edge/last-date", {Judged::never, "a date without a time"}},
    {"invalid-date-in-string/s", {Judged::never, "a string that is no time"}},
    {"leap-year/2000-datetime", {Judged::never, "a space for T"}},
    {"leap-year/2000-datetime-local", {Judged::never, "a space for T"}},
    {"leap-year/2000-date", {Judged::never, "a date without a time"}},
    {"leap-year/2024-datetime", {Judged::never, "a space for T"}},
    {"leap-year/2024-datetime-local", {Judged::never, "a space for T"}},
    {"leap-year/2024-date", {Judged::never, "a date without a time"}},
    {"local-date/bestdayever", {Judged::never, "a date without a time"}},
    {"local-time/besttimeever", {Judged::never, "a time without a date"}},
    {"local-time/milliseconds", {Judged::never, "a time without a date"}},
    {"local/local", {Judged::clawshield_only, "no offset: UTC for clawshield-v1, refused for RFC 3339"}},
    {"local/milli", {Judged::never, "three digits in the fraction"}},
    {"local/space", {Judged::never, "a space for T"}},
    {"milliseconds/utc1", {Judged::rfc3339_only, "three digits in the fraction"}},
    {"milliseconds/utc2", {Judged::rfc3339_only, "one digit in the fraction"}},
    {"milliseconds/wita1", {Judged::rfc3339_only, "three digits in the fraction"}},
    {"milliseconds/wita2", {Judged::rfc3339_only, "one digit in the fraction"}},
    {"no-seconds/without-seconds-1", {Judged::never, "no seconds"}},
    {"no-seconds/without-seconds-2", {Judged::never, "no seconds"}},
    {"no-seconds/without-seconds-3", {Judged::never, "no seconds"}},
    {"no-seconds/without-seconds-4", {Judged::never, "no seconds"}},
    {"timezone/utc", {Judged::always, "RFC 3339"}},
    {"timezone/pdt", {Judged::always, "RFC 3339"}},
    {"timezone/nzst", {Judged::always, "RFC 3339"}},
    {"timezone/nzdt", {Judged::always, "RFC 3339"}},
};

}  // namespace

TEST_CASE("Every value of the valid files gets the verdict of the profile") {
  const auto folder = test::public_vectors();
  if (!folder) return;
  std::set<std::string> seen;
  for (const auto& file : std::filesystem::directory_iterator(*folder / "5-datetime/toml-test/valid/datetime")) {
    if (file.path().extension() != ".toml") continue;
    for (const std::string& line : test::lines_of(file.path())) {
      const auto pair = value_of(line);
      if (!pair) continue;
      const std::string id = file.path().stem().string() + "/" + pair->first;
      INFO(id << " = " << pair->second);
      REQUIRE(judgements.contains(id));
      const Judgement& judgement = judgements.at(id);
      INFO(judgement.why);
      const bool both = judgement.verdict == Judged::always;
      CHECK(accepted(pair->second, TimeForm::clawshield_v1) == (both || judgement.verdict == Judged::clawshield_only));
      CHECK(accepted(pair->second, TimeForm::rfc3339) == (both || judgement.verdict == Judged::rfc3339_only));
      seen.insert(id);
    }
  }
  CHECK(seen.size() == judgements.size());
  test::report("toml-test valid date-times", seen.size());
}

TEST_CASE("What the valid files and the profile share reads as the same moment once its spelling is ours") {
  // The same moments, respelled with T, capitals and six digits.
  CHECK(parse_time("1987-07-05T17:45:00Z", TimeForm::rfc3339)->micros == 552505500000000);
  CHECK(parse_time("0001-01-01T00:00:00Z", TimeForm::rfc3339)->micros == -62135596800000000);
  CHECK(parse_time("9999-12-31T23:59:59Z", TimeForm::rfc3339)->micros == 253402300799000000);
  CHECK(parse_time("1987-07-05T17:45:56.600000+08:00", TimeForm::rfc3339)->micros == 552476756600000);
  CHECK(parse_time("2024-02-29T15:15:15Z", TimeForm::rfc3339)->micros == 1709219715000000);
  CHECK(parse_time("1987-07-05T17:45:56-05:00", TimeForm::rfc3339)->micros == 552523556000000);
}

TEST_CASE("Every value of the invalid files is refused, under both profiles") {
  const auto folder = test::public_vectors();
  if (!folder) return;
  std::size_t cases = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(*folder / "5-datetime/toml-test/invalid")) {
    if (file.path().extension() != ".toml") continue;
    std::size_t values = 0;
    for (const std::string& line : test::lines_of(file.path())) {
      const auto pair = value_of(line);
      if (!pair) continue;
      INFO(file.path().filename().string() << ": " << pair->second);
      CHECK_FALSE(accepted(pair->second, TimeForm::clawshield_v1));
      CHECK_FALSE(accepted(pair->second, TimeForm::rfc3339));
      ++values;
    }
    CHECK(values == 1);
    ++cases;
  }
  CHECK(cases >= 73);
  test::report("toml-test invalid date-times", cases);
}
