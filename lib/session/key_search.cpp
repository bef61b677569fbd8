// SPDX-License-Identifier: Apache-2.0
#include "session/key_search.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "rows/record_lookup.hpp"
#include "rows/rules.hpp"

namespace openexec::store {
namespace {

constexpr std::size_t all = static_cast<std::size_t>(-1);

/// A snapshot of the ledger, in which several keys can be looked up.
class Moment {
 public:
  Moment(ReadSession& session, const KeyTable* newest)
      : session_(session),
        newest_(newest),
        version_(newest != nullptr ? newest->version() : 0),
        snapshot_(session.read),
        runs_(session.runs.live(newest != nullptr ? 1 : 0)) {}  // the snapshot begins here

  /// The head of the snapshot. It is read on first use, since the lookup of an unused nonce does not need it.
  [[nodiscard]] const Head& head() {
    if (!head_) head_ = session_.read.head();
    return *head_;
  }

  /// Finds the first `most` numbers that may have the key, in ascending order. Returns false if keys have left the
  /// table since the snapshot: the search then has to start again, or it might miss a key.
  bool find(Key key, std::size_t most, std::vector<std::int64_t>& numbers) {
    numbers.clear();
    std::vector<std::int64_t> young;
    if (newest_ != nullptr && newest_->find(key, young) != version_) return false;
    for (const KeyRun& run : runs_) find_in_run(session_.runs, nullptr, run, key, numbers, most);
    if (newest_ == nullptr) young = in_no_run(key);
    if (young.empty()) return true;
    std::sort(young.begin(), young.end());
    const bool of_claims = key.kind == KeyKind::nonce || key.kind == KeyKind::approval;
    const std::int64_t end = of_claims ? head().claims.next : head().entries.next;
    std::erase_if(young, [&](std::int64_t number) { return number >= end; });  // added after the snapshot
    numbers.insert(numbers.end(), young.begin(), young.end());
    return true;
  }

 private:
  /// Scans the newest rows, once.
  std::vector<std::int64_t> in_no_run(Key key) {
    if (!read_tail_) {
      session_.read.keys(session_.runs.watermark(), [&](Key each, std::int64_t number) {
        tail_.insert({each, number});
      });
      read_tail_ = true;
    }
    std::vector<std::int64_t> numbers;
    tail_.find(key, numbers);
    return numbers;
  }

  ReadSession& session_;
  const KeyTable* const newest_;
  const std::uint64_t version_;
  const Snapshot snapshot_;
  const std::vector<KeyRun> runs_;
  std::optional<Head> head_;
  KeySet tail_;
  bool read_tail_ = false;
};

LogLine line_of(std::int64_t index, const StoredEntry& entry) {
  std::string json = entry.json();
  const Digest leaf = leaf_hash(json);
  return {static_cast<std::uint64_t>(index), leaf, std::move(json)};
}

bool is_open(const Head& head, std::int64_t claim) {
  const std::vector<std::int64_t> open = open_claims(head);
  return std::binary_search(open.begin(), open.end(), claim);
}

/// Returns the result of the search, or nullopt if it has to start again.
std::optional<std::optional<NonceRecord>> try_find_claim(Moment& moment, ReadQueries& read, std::string_view tenant,
                                                         std::string_view nonce) {
  std::vector<std::int64_t> numbers;
  if (!moment.find(nonce_key(tenant, nonce), all, numbers)) return std::nullopt;
  std::optional<StoredRecord> found;
  for (const std::int64_t number : numbers)
    read.with_claim(number, [&](const StoredClaim& stored) {
      if (is_of_nonce(stored.claim, tenant, nonce) && (!found || found->claim < number))
        found = StoredRecord{number, record_of(stored)};
    });
  if (!found) return std::optional<NonceRecord>();
  if (is_open(moment.head(), found->claim)) return std::move(found->record);
  if (!moment.find(Key(KeyKind::outcome, found->record.exec_id), all, numbers)) return std::nullopt;
  const auto outcome = newest_outcome(read, numbers, found->claim, found->record.exec_id);
  if (!outcome) no_outcome(found->claim);
  settle(found->record, *outcome, read);
  return std::move(found->record);
}

std::optional<std::vector<LogLine>> try_find_lines(Moment& moment, ReadQueries& read, const Digest& exec_id,
                                                   std::size_t count) {
  constexpr std::size_t collisions = 64;  // other keys with the same 48 bits
  const std::size_t most = count + std::min(collisions, ~count);
  std::vector<LogLine> lines;
  for (const KeyKind kind : {KeyKind::execution, KeyKind::outcome}) {
    std::vector<std::int64_t> numbers;
    if (!moment.find(Key(kind, exec_id), most, numbers)) return std::nullopt;
    std::size_t taken = 0;
    for (const std::int64_t index : numbers) {
      if (taken == count) break;
      read.with_entry(index, [&](const StoredEntry& entry) {
        if (!is_of_execution(entry, kind, exec_id)) return;
        lines.push_back(line_of(index, entry));
        ++taken;
      });
    }
  }
  std::sort(lines.begin(), lines.end(), [](const LogLine& a, const LogLine& b) { return a.index < b.index; });
  if (lines.size() > count) lines.resize(count);
  return lines;
}

}  // namespace

std::optional<NonceRecord> find_claim(ReadSession& session, const KeyTable* newest, std::string_view tenant,
                                      std::string_view nonce) {
  for (;;) {
    Moment moment(session, newest);
    if (auto found = try_find_claim(moment, session.read, tenant, nonce)) return *std::move(found);
  }
}

std::vector<NonceRecord> find_doubts(ReadSession& session, std::optional<std::uint64_t> after, std::size_t count) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  std::vector<NonceRecord> found;
  if (after && *after >= static_cast<std::uint64_t>(most)) return found;
  const std::int64_t limit = count < static_cast<std::size_t>(most) ? static_cast<std::int64_t>(count) : most;
  const Snapshot snapshot(session.read);
  for (const auto& [entry, claim] : session.read.doubts(after ? static_cast<std::int64_t>(*after) : -1, limit)) {
    session.read.with_claim(claim, [&](const StoredClaim& stored) { found.push_back(record_of(stored)); });
    session.read.with_entry(entry, [&, at = entry, of = claim](const StoredEntry& stored) {
      if (!stored.ending || stored.ending->claim != of || stored.ending->state != NonceState::in_doubt) no_outcome(of);
      settle(found.back(), {at, *stored.ending}, session.read);
    });
  }
  return found;
}

std::vector<LogLine> find_lines(ReadSession& session, const KeyTable* newest, const Digest& exec_id,
                                std::size_t count) {
  for (;;) {
    Moment moment(session, newest);
    if (auto found = try_find_lines(moment, session.read, exec_id, count)) return *std::move(found);
  }
}

std::vector<LogLine> find_lines_before(ReadSession& session, const KeyTable* newest, const Digest& exec_id,
                                       std::uint64_t before, std::size_t count) {
  for (;;) {
    Moment moment(session, newest);
    std::vector<std::int64_t> entries, outcomes;
    if (!moment.find(Key(KeyKind::execution, exec_id), all, entries)) continue;
    if (!moment.find(Key(KeyKind::outcome, exec_id), all, outcomes)) continue;
    entries.insert(entries.end(), outcomes.begin(), outcomes.end());
    std::sort(entries.begin(), entries.end(), std::greater<>());
    std::vector<LogLine> lines;
    for (const std::int64_t index : entries) {
      if (lines.size() == count) break;
      if (static_cast<std::uint64_t>(index) >= before) continue;
      session.read.with_entry(index, [&](const StoredEntry& entry) {
        const KeyKind kind = entry.ending ? KeyKind::outcome : KeyKind::execution;
        if (is_of_execution(entry, kind, exec_id)) lines.push_back(line_of(index, entry));
      });
    }
    return lines;
  }
}

}  // namespace openexec::store
