// SPDX-License-Identifier: Apache-2.0
#include "upkeep/prune.hpp"

#include <map>

#include "ledger/adopt.hpp"
#include "session/ledger_file.hpp"
#include "session/sqlite_session.hpp"
#include "sqlite/guard.hpp"

namespace openexec::store {
namespace {

constexpr std::int64_t slice = 4096;  // the approximate number of entries in a transaction

/// Chooses what to remove: the whole result if it was sealed as ok, and otherwise the detail of the handler, which
/// follows a line feed. The rest is fixed text of the library.
class Pruning {
 public:
  Pruning(ReadQueries& read, Timestamp before) : read_(read), before_(before) {}

  /// Reads about a slice of entries from one on. Returns the next entry to read.
  std::int64_t look(std::int64_t from) {
    chosen_.clear();
    return read_.entries()
        .walk(from,
              [&](const RowView& row) {
                choose(row, from);
                return row.end() - from < slice;
              })
        .next;
  }

  /// Counts the chosen results, and rewrites their rows without them if `write` is given.
  Prunable take(ResultTable* write) {
    Prunable taken;
    for (const auto& chosen : chosen_) {
      const std::int64_t row = chosen.first;
      OwnedRow pruned{row, 0, std::string(1, row_form), {}};
      const Prunable before = taken;
      read_.results().with(row, [&, at = &chosen.second](const RowView& view) {
        Results results(view);
        for (StoredResult result; results.next(result); ++pruned.count) {
          const auto found = at->find(result.entry);
          const std::size_t kept = found == at->end() ? result.text.size() : found->second ? result.text.find('\n') : 0;
          if (kept < result.text.size()) {
            ++taken.results;
            taken.bytes += result.text.size() - kept;
            result.text = result.text.substr(0, kept);
          }
          append_result(result, row, pruned.content);
        }
      });
      if (write != nullptr && taken.results != before.results) write->put(view_of(pruned));
    }
    return taken;
  }

 private:
  void choose(const RowView& row, std::int64_t from) {
    Members<StoredEntry> members(row);
    std::int64_t index = row.first;
    for (StoredEntry entry; members.next(entry); ++index) {
      if (index < from || !entry.ending || !entry.ending->result_row) continue;
      const Ending& ending = *entry.ending;
      if (ending.ended_at < before_) chosen_[*ending.result_row].emplace(index, ending.code != Code::ok);
    }
  }

  ReadQueries& read_;
  const Timestamp before_;
  /// Entries by the rows of their results. True: only the detail is removed.
  std::map<std::int64_t, std::map<std::int64_t, bool>> chosen_;
};

LedgerPath existing(const std::string& path) {
  LedgerPath resolved = resolve(path, nullptr);
  if (!inspect(resolved)) throw StoreFailure("there is no ledger");
  return resolved;
}

}  // namespace

Result<Prunable> prunable_results(const std::string& path, Timestamp before) {
  return guarded([&]() -> Result<Prunable> {
    ReadSession session(existing(path));
    const Snapshot snapshot(session.read);
    Pruning pruning(session.read, before);
    Prunable all;
    const std::int64_t end = session.read.head().entries.next;
    for (std::int64_t next = 0; next < end;) {
      next = pruning.look(next);
      all += pruning.take(nullptr);
    }
    return all;
  });
}

Result<Prunable> prune_results(const std::string& path, Timestamp before,
                               const std::function<void(std::uint64_t entries, std::uint64_t of)>& progress) {
  return guarded([&]() -> Result<Prunable> {
    const LedgerPath resolved = existing(path);
    LedgerLock lock = LedgerLock::acquire(resolved);
    lock.hold(resolved);
    KeyTable table;
    WriteSession session(resolved, table);
    // Removed bytes are overwritten in the file.
    if (session.database.integer("PRAGMA secure_delete = ON") != 1)
      throw StoreFailure("SQLite refused secure_delete = ON");
    // If the lock file was removed by hand, an executor may still have the ledger open. It then finds another
    // epoch.
    session.write.begin();
    Head head = session.head;
    check_identity(session.read, lock.identity());
    session.write.add_opening(opening_of(resolved, lock.identity()), head);
    ++head.serial;
    session.write.set_head(head);
    session.write.commit();

    Prunable removed;
    Pruning pruning(session.read, before);
    for (std::int64_t next = 0; next < head.entries.next;) {
      session.write.begin();
      if (session.read.head().serial != head.serial)
        throw StoreFailure("the ledger was opened for writing by another process");
      next = pruning.look(next);
      removed += pruning.take(&session.read.results());
      session.write.commit();
      if (progress) progress(static_cast<std::uint64_t>(next), head.entry_count());
    }
    if (!session.close_cleanly())
      throw StoreFailure("the results are removed, but a reader keeps them in the write-ahead log; prune again later");
    return removed;
  });
}

}  // namespace openexec::store
