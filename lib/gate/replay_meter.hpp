// SPDX-License-Identifier: Apache-2.0
// Keeps the replays of one execution from growing the log: so many a second get an entry, the rest are counted.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include <openexec/bytes.hpp>
#include <openexec/receipt.hpp>

#include "base/mutex.hpp"

namespace openexec::exec {

/// Thread-safe. Bounded: an execution beyond the first 4,096 of a second is not counted, and gets its entries.
class ReplayMeter {
 public:
  explicit ReplayMeter(std::uint32_t per_second) : limit_(per_second) {}

  struct Ruling {
    bool record = true;             ///< this replay gets its own entry
    std::vector<Entry> suppressed;  ///< entries that are due, for replays of earlier seconds
  };
  /// `entry`: what this replay would write.
  Ruling rule(std::chrono::steady_clock::time_point now, const Digest& exec_id, const Entry& entry);
  /// Those that no entry stands for yet.
  std::vector<Entry> rest();

 private:
  struct Tally {
    std::uint32_t recorded = 0;
    Entry suppressed;  ///< its count says how many
  };
  std::vector<Entry> take() OPENEXEC_REQUIRES(mutex_);

  static constexpr std::size_t most_executions = 4096;
  const std::uint32_t limit_;
  base::Mutex mutex_;
  std::chrono::steady_clock::time_point second_ OPENEXEC_GUARDED_BY(mutex_){};
  std::map<Digest, Tally> tallies_ OPENEXEC_GUARDED_BY(mutex_);
};

}  // namespace openexec::exec
