// SPDX-License-Identifier: Apache-2.0
// Removes old results. Entries, tiles, nonces and approvals are never removed, so that proofs stay valid and spent
// nonces stay spent (docs/design/0020-pruned-results.md).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <openexec/clock.hpp>
#include <openexec/status.hpp>

namespace openexec::store {

struct Prunable {
  std::uint64_t results = 0;
  std::uint64_t bytes = 0;
  Prunable& operator+=(const Prunable& other) noexcept {
    results += other.results;
    bytes += other.bytes;
    return *this;
  }
};

/// Counts the results of executions that were sealed before a time. Reads beside a running executor.
Result<Prunable> prunable_results(const std::string& path, Timestamp before);

/// Removes them, and returns what was removed. Locks the ledger meanwhile, and returns store_failed if an executor has
/// it open. Each slice is one transaction, so that an interruption leaves a consistent ledger and the next run
/// continues. `progress` is called with the number of entries read and their total.
Result<Prunable> prune_results(const std::string& path, Timestamp before,
                               const std::function<void(std::uint64_t entries, std::uint64_t of)>& progress);

}  // namespace openexec::store
