// SPDX-License-Identifier: Apache-2.0
#include "gate/timekeeper.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace openexec::exec {
namespace {

using Limits64 = std::numeric_limits<std::int64_t>;

// A clock may say anything, so sums stop at the ends of the range.
std::int64_t plus(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return b > 0 ? Limits64::max() : Limits64::min();
  return sum;
}

std::int64_t minus(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t difference = 0;
  if (__builtin_sub_overflow(a, b, &difference)) return b < 0 ? Limits64::max() : Limits64::min();
  return difference;
}

bool within(std::int64_t a, std::int64_t b, std::int64_t bound) noexcept {
  const std::int64_t apart = minus(std::max(a, b), std::min(a, b));
  return apart <= bound;
}

}  // namespace

Timekeeper::Timekeeper(std::shared_ptr<const Clock> clock, Timestamp mark, std::chrono::seconds bound)
    : clock_(std::move(clock)), bound_(std::chrono::microseconds(bound).count()), mark_(mark.micros) {
  const Both now = ask();
  offset_ = minus(now.wall, now.elapsed);
}

Timekeeper::Both Timekeeper::ask() const {
  const std::int64_t wall = clock_->now().micros;
  return {wall, std::chrono::duration_cast<std::chrono::microseconds>(clock_->elapsed().time_since_epoch()).count()};
}

// The highest trusted time seen by anyone who used this store: a clock that is set back makes nothing valid again.
Timestamp Timekeeper::raise(std::int64_t time) noexcept {
  mark_ = std::max(mark_, time);
  return {mark_};
}

Timekeeper::Reading Timekeeper::read() {
  for (;;) {
    const std::uint64_t confirmed = confirmations_.load();
    const Both now = ask();
    const std::int64_t offset = minus(now.wall, now.elapsed);
    const base::Lock lock(mutex_);
    if (confirmations_.load() != confirmed) continue;
    if (!within(offset, offset_, bound_)) return {{now.wall}, raise(plus(offset_, now.elapsed)), true};
    offset_ = offset;
    const Timestamp time = raise(now.wall);
    return {time, time, false};
  }
}

ClockState Timekeeper::state() {
  const Reading reading = read();
  return {.suspect = reading.suspect, .wall = clock_->now(), .trusted = reading.trusted};
}

std::string gap_of(const ClockState& clock) {
  constexpr std::int64_t a_second = 1'000'000;
  const std::int64_t gap = minus(clock.wall.micros, clock.trusted.micros) / a_second;
  if (gap >= -60 && gap <= 60) return {};
  return "the wall clock is " + std::to_string(gap < 0 ? -gap : gap) + " s " + (gap < 0 ? "behind" : "ahead of") +
         (clock.suspect ? " the trusted time" : " the highest time in the ledger");
}

Status suspect_clock(const ClockState& clock) {
  return {Code::clock_suspect, "clock: it jumped, and " + gap_of(clock) +
                                   "; nothing ran; correct the clock, or confirm it (openexec admin confirm-clock)"};
}

Status with_gap(const Status& why, const ClockState& clock) {
  const std::string gap = gap_of(clock);
  if (gap.empty()) return why;
  return {why.code(), why.detail() + "; " + gap + ", which confirming the clock would lower", why.http()};
}

Timekeeper::Proposal Timekeeper::propose() {
  const Timestamp was = read().trusted;
  const Both now = ask();
  return {{now.wall}, minus(now.wall, now.elapsed), was};
}

void Timekeeper::confirm(const Proposal& proposal) {
  const base::Lock lock(mutex_);
  confirmations_.fetch_add(1);
  mark_ = proposal.wall.micros;
  offset_ = proposal.offset;
}

}  // namespace openexec::exec
