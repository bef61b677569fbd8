// SPDX-License-Identifier: Apache-2.0
// Limits the work for signatures that do not verify.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/mutex.hpp"

namespace openexec::approval {

/// A budget of failed verifications that all callers share. It is refilled at a fixed rate. Thread-safe.
class FailureBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::int64_t a_second = 2048;  ///< also the capacity

  /// Takes `count` and returns true, or takes nothing and returns false if the budget is still overdrawn. One caller
  /// may overdraw it, and the others then have to wait for the refill.
  bool take(std::size_t count, Time now);
  /// Gives back what was taken and not used.
  void give_back(std::size_t count);

 private:
  base::Mutex mutex_;
  std::int64_t left_ OPENEXEC_GUARDED_BY(mutex_) = a_second;
  Time filled_ OPENEXEC_GUARDED_BY(mutex_){};
};

/// The failures of one envelope. The first is free. Before the second it takes the maximum number of failures from the
/// budget, and its destructor gives back what was not used.
class Allowance {
 public:
  Allowance(FailureBudget& budget, FailureBudget::Time now) noexcept : budget_(budget), now_(now) {}
  ~Allowance();
  Allowance(const Allowance&) = delete;
  Allowance& operator=(const Allowance&) = delete;

  /// Whether one more verification may fail. `most` is the maximum number of failures, this one included.
  [[nodiscard]] bool may_fail(std::size_t most);
  /// Records a failure. Precondition: may_fail() returned true.
  void fail() noexcept;

 private:
  FailureBudget& budget_;
  const FailureBudget::Time now_;
  bool free_ = true;
  std::size_t taken_ = 0;  ///< and not used yet
};

}  // namespace openexec::approval
