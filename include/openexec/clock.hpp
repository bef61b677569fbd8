// SPDX-License-Identifier: Apache-2.0
// The clock, which is passed to the executor.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

namespace openexec {

/// A point in civil time: microseconds since 1970-01-01T00:00:00Z.
struct Timestamp {
  std::int64_t micros = 0;
  auto operator<=>(const Timestamp&) const = default;
};

/// The source of time of an executor. Its functions are called from any thread and must not throw. They are not
/// noexcept, so that a thread may end inside them (executor.hpp).
class Clock {
 public:
  virtual ~Clock() = default;
  /// Civil time, used for the expiry of approvals and for log entries. May be wrong and may jump.
  [[nodiscard]] virtual Timestamp now() const = 0;
  /// Time for durations and deadlines. Never goes back.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point monotonic() const = 0;
  /// Like monotonic(), but it also advances while the host is suspended. The executor compares now() with it to detect
  /// a jump. With a clock that does not override it, a suspension looks like a jump.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point elapsed() const { return monotonic(); }
};

/// Returns the clock of the operating system.
std::shared_ptr<const Clock> system_clock();

}  // namespace openexec
