// SPDX-License-Identifier: Apache-2.0
// The writer's index: new keys gather in memory, are flushed as runs, and runs are merged, a slice in each commit.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "index/key_filter.hpp"
#include "index/key_runs.hpp"
#include "index/key_table.hpp"

namespace openexec::store {

/// Used by the thread that writes, inside its transactions. What it changes in a transaction takes effect with
/// committed(), and is forgotten with rolled_back().
class KeyIndex {
 public:
  /// Gives every key of the claims after `claims` and of the entries from `entries` on.
  using Tail = std::function<void(RunQueries::Watermark after, const std::function<void(Key, std::int64_t row)>& give)>;

  /// Fills `table`, which readers share, from the runs and the rows that are in none yet. `state`: what all of it has
  /// to add up to, as the ledger's head says. Throws StoreFailure where it does not.
  KeyIndex(const Database& database, const KeyGeometry& geometry, KeyTable& table, const Tail& tail,
           const IndexState& state);

  void add(Key key, std::int64_t row) {
    const KeyRecord record(key, row);
    staged_.insert(record);
    ++state_.keys;
    state_.sum += record.mixed();
  }
  /// The rows of a key, this transaction's included, in no order. Valid until the next call.
  const std::vector<std::int64_t>& find(Key key);
  /// Calls `done` with the rows of a key, the newest share of the index first, until it answers true. Within a share
  /// they are in no order.
  void find(Key key, const std::function<bool(const std::vector<std::int64_t>& rows)>& done);

  /// The transaction's share of flushing and merging: in proportion to the keys that it added, so that no commit waits
  /// for a whole merge. `claims` and `entries`: how far the transaction reaches.
  void advance(std::int64_t claims, std::int64_t entries);
  /// What it adds up to with this transaction. Final after advance().
  [[nodiscard]] const IndexState& state() const noexcept { return state_; }
  void committed();
  void rolled_back();

  /// Runs whose filters are being read back.
  [[nodiscard]] std::size_t unread_filters() const noexcept { return unread_.size(); }

 private:
  /// A run of an earlier opening, whose filter is to be read back.
  struct Unread {
    const KeyRun* run;
    RunCursor cursor;
    std::optional<KeyFilter> filter;  ///< with what is before the cursor; none before the first slice
  };

  /// Runs on their way into one of the next level.
  struct Merge {
    KeyRun* output = nullptr;
    std::list<RunCursor> inputs;
    std::vector<RunCursor*> heap;
    std::uint64_t total = 0;
    double credit = 0;  ///< records that are due
  };

  void load();
  void load_level_0(bool old, std::vector<KeyRecord>& records);
  void resume(KeyRun& output);
  void flush(std::int64_t claims, std::int64_t entries);
  void begin_merges();
  void begin_merge(int level);
  void advance(Merge& merge, std::size_t added);
  bool write_leaf(Merge& merge);
  void finish(Merge& merge);
  void close_directory(KeyRun& run);
  void append_leaf(KeyRun& run, std::span<const KeyRecord> records);
  std::int64_t write_block(const KeyRun& run, const std::string& content);
  std::optional<std::int64_t> free_slot();
  [[nodiscard]] KeyRun* live(int level);
  void note_deep();
  void read_filters(std::size_t added);
  [[nodiscard]] double window(int level) const;
  KeyRun& new_run(int level, KeyRun::State state);

  const KeyGeometry geometry_;
  RunQueries queries_;
  KeyTable& table_;
  IndexState kept_;          ///< of what is committed
  IndexState state_;         ///< with this transaction
  KeySet staged_;            ///< this transaction's keys
  std::size_t in_runs_ = 0;  ///< of the table's young keys: how many, from the first, are flushed
  std::map<std::int64_t, KeyRun> runs_;
  std::list<Merge> merges_;
  std::int64_t last_slot_ = 0;
  std::int64_t freed_from_ = 0;  ///< the dead run whose directory block is `freed_`
  std::uint64_t freed_directory_ = 0;
  std::string freed_;
  DirectoryCache directories_;
  std::map<std::int64_t, KeyFilter> filters_;  ///< of deep runs: made with them, or read back since the opening
  std::list<Unread> unread_;                   ///< the first of them is on its way
  std::set<std::int64_t> unreadable_;          ///< runs with a damaged block
  /// Live ones, the newest first, which every lookup asks: few of all
  std::vector<std::pair<const KeyRun*, const KeyFilter*>> deep_;
  std::vector<std::int64_t> found_;
  std::vector<KeyRecord> leaf_;
  std::string block_;

  std::set<std::int64_t> changed_;  ///< runs whose rows are due

  // What committed() has to do, and what rolled_back() has to undo.
  bool worked_ = false;  ///< runs were written
  bool flushed_ = false;
  bool aged_ = false;    ///< the young keys are being merged
  bool merged_ = false;  ///< the old keys are in a deep run
};

}  // namespace openexec::store
