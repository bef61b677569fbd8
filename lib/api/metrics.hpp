// SPDX-License-Identifier: Apache-2.0
// The counts of the service, for Prometheus.
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

/// Counts with a few relaxed increments for each execution, and composes text only for a scrape. Thread-safe.
///
/// A label is a registered action, a verdict or a code. No text of a client becomes a label, so that clients can
/// neither increase the number of time series nor write into what an operator reads.
class Metrics {
 public:
  /// `actions` are the registered actions.
  explicit Metrics(std::vector<std::string> actions);

  /// Counts one execution as in flight, as long as this object lives.
  class Flight {
   public:
    explicit Flight(Metrics& metrics) : metrics_(metrics) { ++metrics_.in_flight_; }
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;
    ~Flight() { --metrics_.in_flight_; }

   private:
    Metrics& metrics_;
  };

  /// `began` is when a worker took the request, and `ended` when the worker had its answer.
  void count(const Outcome& outcome, std::chrono::steady_clock::time_point began,
             std::chrono::steady_clock::time_point ended) noexcept;
  /// Sets the function that returns how many executions wait for a worker. Must be called before the first text().
  void ask_queue(std::function<std::size_t()> waiting) { waiting_ = std::move(waiting); }

  /// Returns the metrics in text format 0.0.4. `executor` is null until the ledger is open.
  [[nodiscard]] std::string text(const Executor* executor) const;

  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

 private:
  using Counter = std::atomic<std::uint64_t>;
  struct Row {  ///< the counts of one action
    Counter executed{0};
    Counter failed{0};
    Counter in_doubt{0};
  };

  void write_executions(Exposition& out) const;
  void write_requests(Exposition& out) const;

  const std::vector<std::string> actions_;  ///< sorted
  std::vector<Row> rows_;                   ///< one for each of actions_ in order, and a last one for all other actions
  std::vector<Counter> refusals_;           ///< one for each of all_codes() in order
  Counter replays_{0};
  base::DurationTally<1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000, 30'000'000>
      durations_;
  std::atomic<std::int64_t> in_flight_{0};
  std::function<std::size_t()> waiting_;
};

}  // namespace openexec::service
