// What trying signatures under keys that they do not name may cost.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace openexec::approval {

/// Verifications that are shared by all callers and come back at a fixed rate. Thread-safe.
class TrialBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::int64_t a_second = 4096;  ///< also what gathers at most

  /// Takes `count` and returns true, or takes nothing and returns false if what was taken before has not come back yet.
  /// One caller may take more than there is; the others wait for it then.
  bool take(std::size_t count, Time now);
  /// Returns what was taken and not used.
  void give_back(std::size_t count);

 private:
  std::mutex mutex_;  // guards the rest
  std::int64_t left_ = a_second;
  Time filled_{};
};

}  // namespace openexec::approval
