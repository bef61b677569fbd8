// SPDX-License-Identifier: Apache-2.0
// Finds the record of a key. The rows that the index names are read, checked, and compared with the request.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <openexec/nonce_store.hpp>

#include "rows/schema.hpp"

namespace openexec::store {

/// A nonce's record with the number of its claim.
struct StoredRecord {
  std::int64_t claim = 0;
  NonceRecord record;
};

/// Returns whether the claim is of that nonce. Another name with the same short key is no match. Throws StoreFailure if
/// the claim does not have the key under which the index names it, since then the index or the claim is damaged.
bool is_of_nonce(const Claim& claim, std::string_view tenant, std::string_view nonce);
bool spends_approval(const Claim& claim, std::string_view tenant, std::string_view approval_id);
/// Returns whether the claim spends the token, or a step of a plan of that id.
bool spends_token(const Claim& claim, std::string_view tenant, std::string_view token);
/// The same of an entry that the index names under the exec_id.
bool is_of_execution(const StoredEntry& entry, KeyKind kind, const Digest& exec_id);
bool is_attempt(const StoredEntry& entry, const Digest& attempt);

/// Returns the record of a claim that has no outcome yet.
NonceRecord record_of(const Claim& claim);
NonceRecord record_of(const StoredClaim& stored);

/// Returns how a claim ended, as the newest of the entries says that the index names. Returns nullopt if no such entry
/// is of that claim.
struct Outcome {
  std::int64_t entry = 0;
  Ending ending;
};
template <class Rows>
std::optional<Outcome> newest_outcome(ReadQueries& read, const Rows& entries, std::int64_t claim,
                                      const Digest& exec_id) {
  std::optional<Outcome> newest;
  for (const std::int64_t index : entries)
    read.with_entry(index, [&](const StoredEntry& entry) {
      if (!is_of_execution(entry, KeyKind::outcome, exec_id) || entry.ending->claim != claim) return;
      if (!newest || newest->entry < index) newest = Outcome{index, *entry.ending};
    });
  return newest;
}

/// Puts the outcome into the record.
void settle(NonceRecord& record, const Outcome& outcome, ReadQueries& read);

[[noreturn]] void no_outcome(std::int64_t claim);  ///< throws StoreFailure: neither open nor ended

}  // namespace openexec::store
