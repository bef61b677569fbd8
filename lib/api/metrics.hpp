// SPDX-License-Identifier: Apache-2.0
// What the service counts, for Prometheus.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/executor.hpp>

#include "base/tally.hpp"

namespace openexec::service {

class Exposition;

/// A few relaxed increments for each execution, and texts when somebody asks. Thread-safe.
///
/// A label is a registered action, a verdict or a code. Nothing that only a client sent becomes one, so that nobody can
/// make the number of time series grow, or write into what an operator reads.
class Metrics {
 public:
  /// `actions`: the registered ones.
  explicit Metrics(std::vector<std::string> actions);

  /// Counts an execution that is under way, for as long as it lives.
  class Flight {
   public:
    explicit Flight(Metrics& metrics) : metrics_(metrics) { ++metrics_.in_flight_; }
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;
    ~Flight() { --metrics_.in_flight_; }

   private:
    Metrics& metrics_;
  };

  /// `began` and `ended`: when a worker took the request, and when it had its answer.
  void count(const Outcome& outcome, std::chrono::steady_clock::time_point began,
             std::chrono::steady_clock::time_point ended) noexcept;
  /// How many executions wait for a worker. Called before anybody can ask.
  void ask_queue(std::function<std::size_t()> waiting) { waiting_ = std::move(waiting); }

  /// The text format 0.0.4. `executor`: null until the ledger is open.
  [[nodiscard]] std::string text(const Executor* executor) const;

  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

 private:
  using Counter = std::atomic<std::uint64_t>;
  struct Row {  ///< of an action
    Counter executed{0};
    Counter failed{0};
    Counter in_doubt{0};
  };

  void write_executions(Exposition& out) const;
  void write_requests(Exposition& out) const;

  const std::vector<std::string> actions_;  ///< sorted
  std::vector<Row> rows_;                   ///< of actions_, in their order; the last is everything else
  std::vector<Counter> refusals_;           ///< of all_codes(), in their order
  Counter replays_{0};
  base::DurationTally<1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000, 30'000'000>
      durations_;
  std::atomic<std::int64_t> in_flight_{0};
  std::function<std::size_t()> waiting_;
};

}  // namespace openexec::service
