// SPDX-License-Identifier: Apache-2.0
#include "approval/failure_budget.hpp"

#include <algorithm>

namespace openexec::approval {

bool FailureBudget::take(std::size_t count, Time now) {
  using std::chrono::microseconds;
  using std::chrono::seconds;
  const base::Lock lock(mutex_);
  // A minute refills the budget from any debt that an envelope can make, and the product cannot overflow.
  const Time::duration passed = std::clamp<Time::duration>(now - filled_, seconds(0), seconds(60));
  const std::int64_t back = std::chrono::duration_cast<microseconds>(passed).count() * a_second / 1'000'000;
  if (back > 0) {
    left_ = std::min(a_second, left_ + back);
    const microseconds used((back * 1'000'000 + a_second - 1) / a_second);  // rounded up: asking often gains nothing
    filled_ = now - std::max<Time::duration>(passed - used, seconds(0));    // what is not enough for one more stays
  }
  if (left_ <= 0) return false;
  left_ -= static_cast<std::int64_t>(count);
  return true;
}

void FailureBudget::give_back(std::size_t count) {
  const base::Lock lock(mutex_);
  left_ = std::min(a_second, left_ + static_cast<std::int64_t>(count));
}

Allowance::~Allowance() {
  if (taken_ > 0) budget_.give_back(taken_);
}

bool Allowance::may_fail(std::size_t most) {
  if (free_ || taken_ > 0) return true;
  if (!budget_.take(most, now_)) return false;
  taken_ = most;
  return true;
}

void Allowance::fail() noexcept {
  if (free_)
    free_ = false;
  else
    --taken_;
}

}  // namespace openexec::approval
