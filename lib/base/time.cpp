// SPDX-License-Identifier: Apache-2.0
#include "base/time.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace openexec::base {
namespace {

using std::chrono::microseconds;
using std::chrono::sys_days;

constexpr sys_days first_day = std::chrono::year{1} / 1 / 1;
constexpr sys_days day_after_last = std::chrono::year{10000} / 1 / 1;

/// Reads a text from left to right. After the first mismatch every further read fails.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  /// Reads `digits` decimal digits, whose number must be from `low` to `high`.
  int number(std::size_t digits, int low, int high) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = take();
      if (c < '0' || c > '9') return fail();
      value = value * 10 + (c - '0');
    }
    return value >= low && value <= high ? value : fail();
  }

  void expect(char wanted) {
    if (take() != wanted) fail();
  }

  /// Consumes the next character if it is the expected one.
  bool skip(char wanted) {
    if (failed_ || !rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Reads the digits of a fraction, one or more, as microseconds. Digits after the sixth are ignored.
  int fraction() {
    int value = 0;
    std::size_t digits = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++digits) {
      if (digits < 6) value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    for (std::size_t i = digits; i < 6; ++i) value *= 10;
    return digits != 0 ? value : fail();
  }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool complete() const { return !failed_ && rest_.empty(); }

 private:
  char take() {
    if (failed_ || rest_.empty()) {
      fail();
      return '\0';
    }
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  int fail() {
    failed_ = true;
    return 0;
  }

  std::string_view rest_;
  bool failed_ = false;
};

void put(char* out, std::int64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::optional<Timestamp> parse_time(std::string_view text, TimeForm form) {
  using namespace std::chrono;
  const bool rfc3339 = form == TimeForm::rfc3339;
  Reader in(text);
  const int y = in.number(4, 1, 9999);
  in.expect('-');
  const int mon = in.number(2, 1, 12);
  in.expect('-');
  const int d = in.number(2, 1, 31);
  if (!rfc3339 || !in.skip('t')) in.expect('T');
  const int h = in.number(2, 0, 23);
  in.expect(':');
  const int min = in.number(2, 0, 59);
  in.expect(':');
  const int s = in.number(2, 0, 59);
  const int fraction = !in.skip('.') ? 0 : rfc3339 ? in.fraction() : in.number(6, 0, 999999);

  minutes ahead{0};  // of UTC
  if (in.at_end()) {
    if (rfc3339) return std::nullopt;
  } else if (!in.skip('Z') && !(rfc3339 && in.skip('z'))) {
    const bool west = in.skip('-');
    if (!west) in.expect('+');
    const hours hour_part{in.number(2, 0, 23)};
    in.expect(':');
    const minutes minute_part{in.number(2, 0, 59)};
    ahead = hour_part + minute_part;
    if (west) ahead = -ahead;
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(mon)}, day{static_cast<unsigned>(d)}};
  if (!in.complete() || !date.ok()) return std::nullopt;

  const auto time = sys_days{date} + hours{h} + minutes{min} + seconds{s} + microseconds{fraction} - ahead;
  return Timestamp{time.time_since_epoch().count()};
}

std::string format_time(Timestamp time) {
  std::string text;
  append_time(time, text);
  return text;
}

void append_time(Timestamp time, std::string& out) {
  using namespace std::chrono;
  const sys_time<microseconds> at{std::clamp(microseconds{time.micros}, microseconds{first_day.time_since_epoch()},
                                             microseconds{day_after_last.time_since_epoch()} - microseconds{1})};
  const sys_days midnight = floor<days>(at);
  const year_month_day date{midnight};
  const hh_mm_ss clock{at - midnight};

  const std::size_t start = out.size();
  out += "0000-00-00T00:00:00.000000Z";
  char* const text = &out[start];
  put(&text[0], int{date.year()}, 4);
  put(&text[5], unsigned{date.month()}, 2);
  put(&text[8], unsigned{date.day()}, 2);
  put(&text[11], clock.hours().count(), 2);
  put(&text[14], clock.minutes().count(), 2);
  put(&text[17], clock.seconds().count(), 2);
  put(&text[20], clock.subseconds().count(), 6);
}

}  // namespace openexec::base
