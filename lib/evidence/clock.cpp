// SPDX-License-Identifier: Apache-2.0
#include <ctime>

#include <openexec/clock.hpp>

namespace openexec {
namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const noexcept override {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count()};
  }
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const noexcept override {
    return std::chrono::steady_clock::now();
  }
  [[nodiscard]] std::chrono::steady_clock::time_point elapsed() const noexcept override {
    timespec time{};
    if (::clock_gettime(CLOCK_BOOTTIME, &time) != 0) return monotonic();
    return std::chrono::steady_clock::time_point(std::chrono::seconds(time.tv_sec) +
                                                 std::chrono::nanoseconds(time.tv_nsec));
  }
};

}  // namespace

std::shared_ptr<const Clock> system_clock() { return std::make_shared<SystemClock>(); }

}  // namespace openexec
