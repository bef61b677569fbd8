// SPDX-License-Identifier: Apache-2.0
// A histogram that many threads add to without a lock.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <openexec/measures.hpp>

namespace openexec::base {

/// Counts values by fixed upper bounds. add() is two relaxed increments: no lock, no allocation, and no order between
/// them. `PerUnit`: how many steps of a value make one unit of the Histogram that read() returns.
template <std::uint64_t PerUnit, std::uint64_t... Bounds>
class Tally {
 public:
  void add(std::uint64_t value) noexcept {
    std::size_t bucket = 0;
    while (bucket < bounds.size() && value > bounds[bucket]) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }

  /// Adds the nanoseconds between two readings of a clock. A clock that went back adds zero.
  void add(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) noexcept {
    // Unsigned, because the readings may come from a clock of the host, which may return any value.
    const auto nanos = [](std::chrono::steady_clock::time_point at) {
      return static_cast<std::uint64_t>(std::chrono::nanoseconds(at.time_since_epoch()).count());
    };
    add(to > from ? nanos(to) - nanos(from) : 0);
  }

  [[nodiscard]] Histogram read() const {
    Histogram histogram;
    for (const std::uint64_t bound : bounds) histogram.bounds.push_back(in_units(bound));
    for (const auto& count : counts_) histogram.counts.push_back(count.load(std::memory_order_relaxed));
    histogram.sum = in_units(sum_.load(std::memory_order_relaxed));
    return histogram;
  }

 private:
  static constexpr std::array<std::uint64_t, sizeof...(Bounds)> bounds{Bounds...};
  static_assert(PerUnit > 0 && sizeof...(Bounds) > 0 && std::is_sorted(bounds.begin(), bounds.end()));

  static double in_units(std::uint64_t value) noexcept {
    return static_cast<double>(value) / static_cast<double>(PerUnit);
  }

  std::array<std::atomic<std::uint64_t>, sizeof...(Bounds) + 1> counts_{};
  std::atomic<std::uint64_t> sum_{0};
};

/// A histogram of durations: bounds in microseconds, values in nanoseconds, read in seconds.
template <std::uint64_t... Micros>
using DurationTally = Tally<1'000'000'000, (Micros * 1'000)...>;

}  // namespace openexec::base
