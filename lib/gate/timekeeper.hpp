// SPDX-License-Identifier: Apache-2.0
// Which time an executor goes by, and whether the wall clock can be trusted.
//
//  1. The mark is the highest trusted time that anyone saw who used the store. Time never goes behind it.
//  2. Wall clock minus elapsed time is the offset. It moves slowly while both clocks are sound, however long nobody asks.
//  3. A reading whose offset is further than the bound from the one before is a jump. The clock is suspect from then on:
//     the mark no longer follows it, and the trusted time is the old offset plus the time that has elapsed.
//  4. The clock is trusted again once a reading agrees with the old offset, or when a person confirms the wall clock.
//
// When an executor starts it has no reading to compare with, and accepts the wall clock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <openexec/clock.hpp>
#include <openexec/executor.hpp>

#include "base/mutex.hpp"

namespace openexec::exec {

class Timekeeper {
 public:
  /// `mark`: the store's highest time.
  Timekeeper(std::shared_ptr<const Clock> clock, Timestamp mark, std::chrono::seconds bound);

  struct Reading {
    Timestamp observed;  ///< as an entry says it: never behind the mark, unless the clock is suspect
    Timestamp trusted;   ///< as the store counts it and approvals are judged
    bool suspect = false;
  };
  [[nodiscard]] Reading read();
  [[nodiscard]] ClockState state();

  /// What there is to confirm, of one reading.
  struct Proposal {
    Timestamp wall;
    std::int64_t offset = 0;
    Timestamp was;  ///< the mark
  };
  [[nodiscard]] Proposal propose();
  /// A person confirmed it: its wall clock is trusted, and becomes the mark even where it lies behind the old one.
  void confirm(const Proposal& proposal);

 private:
  /// Both clocks at one moment.
  struct Both {
    std::int64_t wall;
    std::int64_t elapsed;
  };
  [[nodiscard]] Both ask() const;
  Timestamp raise(std::int64_t time) noexcept OPENEXEC_REQUIRES(mutex_);

  const std::shared_ptr<const Clock> clock_;
  const std::int64_t bound_;
  std::atomic<std::uint64_t> confirmations_{0};  ///< a reading that one overtook is taken again

  base::Mutex mutex_;  ///< the clocks are never asked under it
  std::int64_t mark_ OPENEXEC_GUARDED_BY(mutex_);
  std::int64_t offset_ OPENEXEC_GUARDED_BY(mutex_);
};

/// The refusal of what would have to be judged by a suspect clock. Names the gap and what to do.
Status suspect_clock(const ClockState& clock);
/// `why`, and that the store has seen a later time than the wall clock says, if it is more than a minute later.
Status with_gap(const Status& why, const ClockState& clock);
/// What an operator should know of the gap between wall clock and trusted time; empty if it is a minute at most.
std::string gap_of(const ClockState& clock);

}  // namespace openexec::exec
