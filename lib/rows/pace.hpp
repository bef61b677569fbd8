// SPDX-License-Identifier: Apache-2.0
// Counts the claims of an action within the last minute, for rate limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include <openexec/nonce_store.hpp>

#include "rows/schema.hpp"

namespace openexec::store {

/// Counts only the actions that a claim asked about, so that other actions cost nothing. The times kept here are read
/// from the rows, and are dropped with every transaction that is rolled back.
class Pace {
 public:
  /// Returns how many claims of the claim's action and tenant were made less than a minute before it. `latest` is the
  /// ledger's highest time. A claim with an earlier time counts as made then.
  std::size_t within_a_minute(const Claim& claim, Timestamp latest, ReadQueries& rows);
  /// `at` is the ledger's highest time, this claim included.
  void claimed(const Claim& claim, Timestamp at) {
    if (!watched_.empty()) add(claim, at);
  }
  void forget() noexcept { watched_.clear(); }

 private:
  using Name = std::pair<std::string, std::string>;  ///< tenant and action
  void add(const Claim& claim, Timestamp at);

  std::map<Name, std::deque<std::int64_t>> watched_;  ///< times in ascending order
};

}  // namespace openexec::store
