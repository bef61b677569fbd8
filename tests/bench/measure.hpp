// SPDX-License-Identifier: Apache-2.0
// Slices of work, limit and subject in turn, on a machine that others use as well.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace openexec::bench {

using Seconds = std::chrono::duration<double>;

/// CPU time so far, user and system.
Seconds process_cpu();         ///< of this process
Seconds children_cpu();        ///< of children that were waited for
Seconds process_cpu(int pid);  ///< of another process, in steps of 10 ms

/// The cores that this process may use.
std::size_t cores();

/// What is measured: steps on some threads until the slice is over.
struct Workload {
  std::size_t threads = 1;
  /// One step of one thread. Answers how many operations it was; 0 where nothing is left, which ends the thread's
  /// slice.
  std::function<std::size_t(std::size_t thread)> step;
  /// Before a slice, outside the measured time: makes what so many operations will use up.
  std::function<void(std::size_t operations)> prepare = nullptr;
  /// After a slice, outside the measured time.
  std::function<void()> finish = nullptr;
  /// CPU time of another process that does the work, where it is not this one.
  std::function<Seconds()> cpu = nullptr;
  double expected_rate = 2'000;  ///< operations a second, learned from slice to slice
};

struct Slice {
  double operations = 0;
  double rate = 0;  ///< operations a second, summed over the threads
  Seconds cpu{};
  std::vector<double> latencies;  ///< of the steps, in seconds, sorted
  double foreign = 0;             ///< share of the cores' time that others used
  double stolen = 0;              ///< share of it that the machine below gave to others

  [[nodiscard]] double latency(double quantile) const;
  [[nodiscard]] double cpu_each() const { return cpu.count() / operations; }
};

Slice run_slice(Workload& workload, Seconds length);

struct Pair {
  Slice limit;
  Slice subject;
};

/// What a row was measured from.
struct Pairs {
  std::vector<Pair> kept;
  std::size_t dropped = 0;  ///< disturbed by other load
  bool disturbed = false;   ///< too few quiet ones: the least disturbed were kept as well
};

struct Pairing {
  std::size_t pairs = 9;
  Seconds slice{0.5};
  double max_foreign = 0.05;  ///< a slice with more is disturbed
  double max_stolen = 0.02;
  std::function<void(std::size_t pair, std::size_t dropped)> progress = nullptr;
};

/// Alternates, and swaps who comes first, until there are enough quiet pairs or thrice as many were tried.
Pairs alternate(const Pairing& pairing, Workload& limit, Workload& subject);
/// Slices of one workload alone, as the subjects of pairs without a limit.
Pairs repeat(const Pairing& pairing, Workload& subject);

/// Median and quartiles.
struct Spread {
  double median = 0;
  double low = 0;
  double high = 0;
};
Spread spread(std::vector<double> values);

template <class Of>
Spread spread(const Pairs& pairs, Of of) {
  std::vector<double> values;
  for (const Pair& pair : pairs.kept) values.push_back(of(pair));
  return spread(std::move(values));
}

}  // namespace openexec::bench
