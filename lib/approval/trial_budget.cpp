#include "approval/trial_budget.hpp"

#include <algorithm>

namespace openexec::approval {

bool TrialBudget::take(std::size_t count, Time now) {
  using std::chrono::microseconds;
  const std::lock_guard lock(mutex_);
  const auto passed = std::chrono::duration_cast<microseconds>(now - filled_).count();
  // A minute fills it from any debt that an envelope can make, and cannot overflow.
  const std::int64_t back = std::clamp<std::int64_t>(passed, 0, 60'000'000) * a_second / 1'000'000;
  if (back > 0) {
    left_ = std::min(a_second, left_ + back);
    filled_ = now;
  }
  if (left_ <= 0) return false;
  left_ -= static_cast<std::int64_t>(count);
  return true;
}

void TrialBudget::give_back(std::size_t count) {
  const std::lock_guard lock(mutex_);
  left_ = std::min(a_second, left_ + static_cast<std::int64_t>(count));
}

}  // namespace openexec::approval
