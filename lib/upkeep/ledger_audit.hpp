// SPDX-License-Identifier: Apache-2.0
// Audits the claims, outcomes, results and index of a ledger, derived again from its rows.
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

/// Used once. A running executor may add rows meanwhile. The audit covers those that the head counted at its start.
class LedgerAudit {
 public:
  using Differ = std::function<void(LogDifference)>;

  LedgerAudit(ReadSession& session, Head head, Differ differ);

  /// Called for every entry of the log, in order.
  void entry(std::int64_t index, const StoredEntry& entry);
  /// Called if a row of entries was changed.
  void differing_entries() noexcept { rows_differ_ = true; }
  /// Called if a row of entries is missing or unreadable, so that its outcomes are unknown.
  void unreadable_entries() noexcept {
    entries_known_ = false;
    rows_differ_ = true;
  }
  /// Called after the last entry.
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
  std::vector<bool> ended_, sealed_, retryable_;          ///< by number of the claim
  std::map<std::int64_t, std::int64_t> doubts_;           ///< by claim in doubt: the entry that recorded it
  std::map<std::int64_t, std::uint32_t> later_attempts_;  ///< by claim: the number of its attempt
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
