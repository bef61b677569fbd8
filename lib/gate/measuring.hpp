// SPDX-License-Identifier: Apache-2.0
// What the pipeline counts while it runs, and what is measured on request.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include <openexec/executor.hpp>
#include <openexec/measures.hpp>

#include "base/tally.hpp"
#include "gate/timekeeper.hpp"

namespace openexec::exec {

/// Relaxed counters: adding to them takes no lock and no memory, and orders nothing.
class Meters {
 public:
  void suppressed_replay() noexcept { suppressed_replays_.fetch_add(1, std::memory_order_relaxed); }
  void suppressed_refusal() noexcept { suppressed_refusals_.fetch_add(1, std::memory_order_relaxed); }
  void verified(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) noexcept {
    verification_.add(from, to);
  }
  /// A claim that was handed to the store at `from` has a seal that is durable at `to`.
  void sealed(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) noexcept {
    claim_to_seal_.add(from, to);
    last_seal_.store(to.time_since_epoch(), std::memory_order_relaxed);
  }

  /// When the newest seal was made durable; the clock's first moment if there was none.
  [[nodiscard]] std::chrono::steady_clock::time_point last_seal() const noexcept {
    return std::chrono::steady_clock::time_point(last_seal_.load(std::memory_order_relaxed));
  }
  void read(Measures& measures) const;

 private:
  using Since = std::chrono::steady_clock::duration;

  std::atomic<std::uint64_t> suppressed_replays_{0};
  std::atomic<std::uint64_t> suppressed_refusals_{0};
  base::DurationTally<25, 50, 100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 100'000, 1'000'000> verification_;
  base::DurationTally<500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000,
                      30'000'000, 120'000'000, 600'000'000>
      claim_to_seal_;
  std::atomic<Since> last_seal_{Since::min()};
};

/// As Executor::measures(). What a part cannot tell now is absent.
Measures measure(const Meters& meters, const Parts& parts, Timekeeper& time);

}  // namespace openexec::exec
