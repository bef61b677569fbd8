// SPDX-License-Identifier: Apache-2.0
// What a ledger says besides its log, derived again from its rows: claims, how they ended, results, and the index.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rows/head.hpp"
#include "session/sqlite_session.hpp"
#include "upkeep/log_audit.hpp"

namespace openexec::store {

/// Used once. Rows grow meanwhile, where an executor runs: what is derived is what the head said at the beginning.
class LedgerAudit {
 public:
  using Differ = std::function<void(LogDifference)>;

  LedgerAudit(ReadSession& session, Head head, Differ differ);

  /// Every entry of the log, in order.
  void entry(std::int64_t index, const StoredEntry& entry);
  /// A row of entries is not the one that was written.
  void differing_entries() noexcept { rows_differ_ = true; }
  /// A row of entries is missing or cannot be read: what it says of claims is not known.
  void unreadable_entries() noexcept {
    entries_known_ = false;
    rows_differ_ = true;
  }
  /// After the last entry.
  void finish(LogAudit& audit);

 private:
  void count(Key key, std::int64_t number) noexcept;
  void check_ending(std::int64_t index, const Ending& ending);
  void check_result(std::int64_t index, std::int64_t row);
  void check_attempts(const RowView& claims);
  void check_attempt(std::int64_t claim, const StoredClaim& stored);
  void read_claims(LogAudit& audit);
  bool read_claim_row(std::int64_t& next, Digest& before, LogAudit& audit);
  void check_doubts();
  void check_index(LogAudit& audit);
  void read_run(const KeyRun& run, IndexState& found);
  void differs(std::string part, std::string what, std::optional<std::uint64_t> index = std::nullopt);

  ReadSession& session_;
  const Head head_;
  const Differ differ_;
  std::vector<bool> ended_, sealed_, retryable_;          ///< by the claim's number
  std::map<std::int64_t, std::int64_t> doubts_;           ///< the entries that say so, by the claims that are in doubt
  std::map<std::int64_t, std::uint32_t> later_attempts_;  ///< which attempts they are, by the claim's number
  std::set<std::int64_t> followed_;                       ///< claims that have a next attempt
  IndexState keys_;                                       ///< of the rows
  bool entries_known_ = true;
  bool claims_known_ = true;
  bool rows_differ_ = false;
  std::optional<std::int64_t> result_row_;
  std::set<std::int64_t> in_result_row_;
  Statement claim_rows_;
};

}  // namespace openexec::store
