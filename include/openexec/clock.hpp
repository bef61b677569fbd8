// SPDX-License-Identifier: Apache-2.0
// Time, passed in.
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

/// Where the executor reads the time. Implementations are called from any thread and must not throw. The functions are
/// not noexcept, so that a thread may end inside them (executor.hpp).
class Clock {
 public:
  virtual ~Clock() = default;
  /// Civil time, against which approvals expire and which log entries carry. May be wrong and may jump.
  [[nodiscard]] virtual Timestamp now() const = 0;
  /// Time for durations and deadlines. Never goes back.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point monotonic() const = 0;
  /// The same, and it goes on while the host is suspended: what now() is compared with to notice a jump. A clock that
  /// does not override it takes a suspension for a jump.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point elapsed() const { return monotonic(); }
};

/// Returns the clock of the operating system.
std::shared_ptr<const Clock> system_clock();

}  // namespace openexec
