// SPDX-License-Identifier: Apache-2.0
// Removes results that nobody needs any more. Never an entry, a tile, a nonce or an approval: proofs stay valid, and
// what was spent stays spent (docs/design/0020-pruned-results.md).
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

/// The results of what executed and was sealed before a time. Reads beside a running executor.
Result<Prunable> prunable_results(const std::string& path, Timestamp before);

/// Removes them, and what was removed. Takes the ledger from executors as long as it lasts: store_failed where one has
/// it. A slice is one transaction, so whatever ends it early leaves a whole ledger, and the next run goes on.
/// `progress` gets how many entries were looked at, and of how many.
Result<Prunable> prune_results(const std::string& path, Timestamp before,
                               const std::function<void(std::uint64_t entries, std::uint64_t of)>& progress);

}  // namespace openexec::store
