// SPDX-License-Identifier: Apache-2.0
// A wall clock and a monotonic one, which pass together unless the wall clock is moved.
#pragma once

#include <atomic>

#include <openexec/clock.hpp>

namespace openexec::test {

class MovedClock final : public Clock {
 public:
  explicit MovedClock(Timestamp wall) : wall_(wall.micros) {}
  void pass(std::int64_t micros) { wall_ += micros, steady_ += micros; }
  void move(std::int64_t micros) { wall_ += micros; }
  [[nodiscard]] Timestamp now() const noexcept override { return {wall_.load()}; }
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const noexcept override {
    return std::chrono::steady_clock::time_point(std::chrono::microseconds(steady_.load()));
  }

 private:
  std::atomic<std::int64_t> wall_;
  std::atomic<std::int64_t> steady_{5'000'000};
};

}  // namespace openexec::test
