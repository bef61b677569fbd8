// SPDX-License-Identifier: Apache-2.0
// What signatures that do not verify may cost.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/mutex.hpp"

namespace openexec::approval {

/// Failed verifications that are shared by all callers and come back at a fixed rate. Thread-safe.
class FailureBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::int64_t a_second = 2048;  ///< also what gathers at most

  /// Takes `count` and returns true, or takes nothing and returns false if what was taken before has not come back yet.
  /// One caller may take more than there is. The others wait for it then.
  bool take(std::size_t count, Time now);
  /// Returns what was taken and not used.
  void give_back(std::size_t count);

 private:
  base::Mutex mutex_;
  std::int64_t left_ OPENEXEC_GUARDED_BY(mutex_) = a_second;
  Time filled_ OPENEXEC_GUARDED_BY(mutex_){};
};

/// What one envelope may lose. Its first failure is free. Before the second it takes from the budget as many as there
/// can be, and its destructor returns what was not used.
class Allowance {
 public:
  Allowance(FailureBudget& budget, FailureBudget::Time now) noexcept : budget_(budget), now_(now) {}
  ~Allowance();
  Allowance(const Allowance&) = delete;
  Allowance& operator=(const Allowance&) = delete;

  /// Whether one more verification may fail. `most` is how many there can be, this one among them.
  [[nodiscard]] bool may_fail(std::size_t most);
  /// One did, after may_fail() had said that it may.
  void fail() noexcept;

 private:
  FailureBudget& budget_;
  const FailureBudget::Time now_;
  bool free_ = true;
  std::size_t taken_ = 0;  ///< and not used yet
};

}  // namespace openexec::approval
