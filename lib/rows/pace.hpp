// SPDX-License-Identifier: Apache-2.0
// How many claims of an action were made within the last minute.
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

/// Counts only the actions that a claim asked about, so that other actions cost nothing. What is kept here is read from
/// the rows, and forgotten with every transaction that is taken back.
class Pace {
 public:
  /// The claims of the claim's action and tenant that were made less than a minute before it. `latest`: the ledger's
  /// highest time, behind which no claim counts.
  std::size_t within_a_minute(const Claim& claim, Timestamp latest, ReadQueries& rows);
  /// `at`: the ledger's highest time with this claim.
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
