// SPDX-License-Identifier: Apache-2.0
#include "upkeep/ledger_audit.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "rows/rules.hpp"

namespace openexec::store {
namespace {

/// Per read transaction, which is short so that the writer can move its write-ahead log.
constexpr std::int64_t rows_at_once = 64;

std::string number(std::int64_t value) { return std::to_string(value); }

}  // namespace

LedgerAudit::LedgerAudit(ReadSession& session, Head head, Differ differ)
    : session_(session),
      head_(std::move(head)),
      differ_(std::move(differ)),
      ended_(static_cast<std::size_t>(head_.claims.next)),
      sealed_(static_cast<std::size_t>(head_.claims.next)),
      retryable_(static_cast<std::size_t>(head_.claims.next)),
      claim_rows_(session.database,
                  "SELECT first, count, hash, content FROM claims WHERE first >= ?1 ORDER BY first LIMIT ?2") {}

void LedgerAudit::differs(std::string part, std::string what, std::optional<std::uint64_t> index) {
  differ_({std::move(part), index, {}, std::move(what)});
}

void LedgerAudit::count(Key key, std::int64_t number) noexcept {
  ++keys_.keys;
  keys_.sum += KeyRecord(key, number).mixed();
}

void LedgerAudit::entry(std::int64_t index, const StoredEntry& entry) {
  if (index >= head_.entries.next) return;
  if (entry.ending || !is_zero(entry.exec_id))
    count(Key(entry.ending ? KeyKind::outcome : KeyKind::execution, entry.exec_id), index);
  if (!is_zero(entry.attempt)) count(Key(KeyKind::attempt, entry.attempt), index);
  if (entry.ending) check_ending(index, *entry.ending);
}

void LedgerAudit::check_ending(std::int64_t index, const Ending& ending) {
  if (ending.claim >= head_.claims.next) {
    return differs("claim", "entry " + number(index) + " ends claim " + number(ending.claim) + ", which is not there",
                   static_cast<std::uint64_t>(index));
  }
  const auto claim = static_cast<std::size_t>(ending.claim);
  if (sealed_[claim])
    differs("claim", "claim " + number(ending.claim) + " is ended once more by entry " + number(index),
            static_cast<std::uint64_t>(index));
  if (ending.retryable && ended_[claim])
    differs("claim",
            "entry " + number(index) + " lets claim " + number(ending.claim) + " be tried again, which was in doubt",
            static_cast<std::uint64_t>(index));
  retryable_[claim] = ending.retryable && !ended_[claim];
  ended_[claim] = true;
  sealed_[claim] = sealed_[claim] || ending.state == NonceState::sealed;
  ending.state == NonceState::in_doubt ? void(doubts_[ending.claim] = index) : void(doubts_.erase(ending.claim));
  if (ending.result_row) check_result(index, *ending.result_row);
}

void LedgerAudit::check_result(std::int64_t index, std::int64_t row) {
  if (result_row_ != row) {
    result_row_ = row;
    in_result_row_.clear();
    try {
      session_.read.results().with(row, [&](const RowView& view) {
        Results results(view);
        for (StoredResult result; results.next(result);) in_result_row_.insert(result.entry);
      });
    } catch (const SqliteError&) {
      throw;
    } catch (const StoreFailure& failure) {
      return differs("result", std::string(failure.what()) + " (of entry " + number(index) + ")",
                     static_cast<std::uint64_t>(index));
    }
  } else if (in_result_row_.empty()) {
    return;  // reported already
  }
  if (in_result_row_.count(index) == 0)
    differs("result", "the result of entry " + number(index) + " is missing", static_cast<std::uint64_t>(index));
}

void LedgerAudit::finish(LogAudit& audit) {
  read_claims(audit);
  if (claims_known_ && entries_known_) {
    if (keys_.keys != head_.index.keys || keys_.sum != head_.index.sum)
      differs("index", "the keys of the rows are not those that the head counts: " + std::to_string(keys_.keys) +
                           " and " + std::to_string(head_.index.keys));
    for (const std::int64_t claim : open_claims(head_))
      if (claim < head_.claims.next && ended_[static_cast<std::size_t>(claim)])
        differs("claim", "claim " + number(claim) + " has ended, and the head says that it is open");
      else if (claim < head_.claims.next)
        ended_[static_cast<std::size_t>(claim)] = true;
    for (std::int64_t claim = 1; claim < head_.claims.next; ++claim)
      if (!ended_[static_cast<std::size_t>(claim)])
        differs("claim", "claim " + number(claim) + " is neither open nor ended");
  }
  check_doubts();
  check_index(audit);
}

/// Checks that the list of doubts has exactly the claims that entries put in doubt and no settlement decided.
void LedgerAudit::check_doubts() {
  Head::Doubts derived;
  for (const auto& [claim, entry] : doubts_) derived.add(entry, claim);
  if (entries_known_ && derived != head_.doubts)
    differs("doubt", "the entries put " + std::to_string(derived.count) + " claims in doubt that are not the " +
                         std::to_string(head_.doubts.count) + " that the head counts");
  const Snapshot snapshot(session_.read);
  const Head newest = session_.read.head();
  if (session_.read.doubts_state() != newest.doubts)
    differs("doubt", "the list of claims in doubt is not the one that the head counts");
}

void LedgerAudit::check_attempts(const RowView& claims) {
  Members<StoredClaim> members(claims);
  StoredClaim stored;
  for (std::int64_t claim = claims.first; members.next(stored); ++claim)
    if (stored.follows != 0) check_attempt(claim, stored);
}

/// Checks that a later attempt follows one that reported that nothing happened, and that only one attempt follows it.
void LedgerAudit::check_attempt(std::int64_t claim, const StoredClaim& stored) try {
  const auto before = later_attempts_.find(stored.follows);
  const std::uint32_t attempt = before == later_attempts_.end() ? 1 : before->second;
  bool follows = stored.claim.attempt - 1 == attempt && followed_.insert(stored.follows).second &&
                 (!entries_known_ || retryable_[static_cast<std::size_t>(stored.follows)]);
  session_.read.with_claim(stored.follows, [&](const StoredClaim& earlier) {
    follows = follows && earlier.claim.attempt == attempt && earlier.claim.tenant == stored.claim.tenant &&
              earlier.claim.nonce == stored.claim.nonce && earlier.claim.exec_id == stored.claim.exec_id &&
              earlier.claim.approval_digest == stored.claim.approval_digest;
  });
  later_attempts_.emplace(claim, stored.claim.attempt);
  if (follows) return;
  differs("claim", "claim " + number(claim) + " is an attempt that claim " + number(stored.follows) +
                       ", which it follows, does not let be opened");
} catch (const SqliteError&) {
  throw;
} catch (const StoreFailure&) {  // the claim that it follows is damaged, which was reported with its row
}

void LedgerAudit::read_claims(LogAudit& audit) {
  std::int64_t next = 1;
  Digest before{};
  while (next < head_.claims.next && read_claim_row(next, before, audit)) {
  }
  if (next == head_.claims.next && before == head_.claims.hash) return;
  claims_known_ = false;
  differs("claim", next < head_.claims.next ? "the claims from " + number(next) + " on are missing: the head counts " +
                                                  number(head_.claim_count())
                                            : "the claims do not end with the hash that the head has");
}

/// Reads some rows. Returns false if there are no more.
bool LedgerAudit::read_claim_row(std::int64_t& next, Digest& before, LogAudit& audit) {
  Rows rows = claim_rows_.run(next, rows_at_once);
  const std::int64_t from = next;
  while (next < head_.claims.next && rows.next()) {
    const RowView row{rows.integer(0), rows.integer(1), rows.bytes(3)};
    if (row.first != next || row.count <= 0) return false;
    const Digest hash = rows.digest(2);
    bool whole = is_whole(RowKind::claims, row, before, hash);
    before = hash;
    next = row.end();
    audit.claims += static_cast<std::uint64_t>(row.count);
    try {
      give_keys(row, 0, [&](Key key, std::int64_t claim) { count(key, claim); });
    } catch (const StoreFailure&) {
      whole = false;
    }
    if (whole) {
      check_attempts(row);
      continue;
    }
    claims_known_ = false;
    rows_differ_ = true;
    differs("claim",
            "the claims " + number(row.first) + " to " + number(row.end() - 1) + " are not those that were written");
  }
  return next != from;
}

/// Checks in one snapshot that the keys in blocks and those in no run yet add up to the count in the head.
void LedgerAudit::check_index(LogAudit& audit) {
  const Snapshot snapshot(session_.read);
  const Head head = session_.read.head();
  if (!head.index_whole) return differs("index", "the index is not whole: it is being built again");
  IndexState found{0, 0, head.index.last_run, head.index.runs};
  bool in_rows = false;  // whether the check has reached the keys that are in no run yet
  try {
    std::map<std::int64_t, KeyRun> runs;
    for (KeyRun& run : session_.runs.all()) runs.emplace(run.id, std::move(run));
    if (!(runs.empty() && head.index.runs == Digest{}) && digest_of(runs) != head.index.runs)
      differs("index", "the runs of the index are not those of the head");
    for (const auto& [id, run] : runs)
      if (run.state == KeyRun::State::live) read_run(run, found);
    in_rows = true;
    session_.read.keys(session_.runs.watermark(), [&](Key key, std::int64_t number) {
      ++found.keys;
      found.sum += KeyRecord(key, number).mixed();
    });
  } catch (const SqliteError&) {
    throw;
  } catch (const StoreFailure& failure) {
    if (in_rows && rows_differ_) return;  // reported already
    return differs("index", failure.what());
  }
  audit.keys = found.keys;
  if (found != head.index)
    differs("index", "the index holds " + std::to_string(found.keys) + " keys that are not the " +
                         std::to_string(head.index.keys) +
                         " that the head counts; `openexec ledger rebuild-index` makes it anew");
}

void LedgerAudit::read_run(const KeyRun& run, IndexState& found) {
  std::uint64_t records = 0, sum = 0;
  KeyRecord last;
  RunCursor cursor(session_.runs, run);
  for (cursor.seek({}); !cursor.ended(); cursor.next()) {
    if (records > 0 && *cursor <= last) throw StoreFailure("the ledger is damaged: a run of its index is out of order");
    last = *cursor;
    ++records;
    sum += last.mixed();
  }
  if (records != run.records || sum != run.sum)
    throw StoreFailure("the ledger is damaged: a run of its index does not hold the keys that it counts");
  found.keys += records;
  found.sum += sum;
}

}  // namespace openexec::store
