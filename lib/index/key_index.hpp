// SPDX-License-Identifier: Apache-2.0
// The writer's index: new keys gather in memory, are flushed as runs, and runs are merged, a slice in each commit.
//
// Steps of a transaction:
//  1. add() stages keys. find() sees them at once.
//  2. advance() flushes the keys that are only in memory as a run of level 0 when there are geometry.flush of them. It
//     merges a slice, in proportion to the keys that were added. When the runs of level 0 hold geometry.generation keys
//     they begin to be merged into level 1, and a deeper level that is full into the next one. It reads back a slice of
//     the filters that were lost when the ledger was closed, and writes the rows of the runs that changed.
//  3. committed() makes the changes of memory final, or rolled_back() takes them back.
//
// Invariants, checked where they could break. A broken one throws Breach, and the ledger that owns the index refuses
// every call from then on:
//  I1 The number of keys and their sum in the state are those of all live runs and of the keys that are only in memory.
//  I2 The records of a run are in ascending order, and none is there twice.
//  I3 A level above 0 has at most one live run that is not being merged.
//  I4 A run that is being merged is live and its target is a run that is being built, and a dead run has no target.
//  I5 A block is written into a new slot or one of a dead run.
//  I6 A run's number is higher than that of any run before it.
//  I7 The first `in_runs_` of the young keys are those of the runs of level 0 that are not being merged.
//  I8 A filter has all keys of its run that it is asked for.
//  I9 What a transaction changes is marked as pending, so that rolled_back() takes it back.
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
  /// Calls `give` with every key of the claims after `claims` and of the entries from `entries` on.
  using Tail = std::function<void(RunQueries::Watermark after, const std::function<void(Key, std::int64_t row)>& give)>;

  /// Fills `table`, which readers share, from the runs and from the rows whose keys are in no run yet. `state` is what
  /// all of it has to add up to, as the ledger's head says. Throws StoreFailure if it does not.
  KeyIndex(const Database& database, const KeyGeometry& geometry, KeyTable& table, const Tail& tail,
           const IndexState& state);

  void add(Key key, std::int64_t row) {
    const KeyRecord record(key, row);
    staged_.insert(record);
    ++state_.keys;
    state_.sum += record.mixed();
  }
  /// Returns the rows of a key, those of this transaction included, in no order. Valid until the next call.
  const std::vector<std::int64_t>& find(Key key);
  /// Calls `done` with the rows of a key, those of the newest part of the index first, until it returns true. Within a
  /// part they are in no order.
  void find(Key key, const std::function<bool(const std::vector<std::int64_t>& rows)>& done);

  /// Does the transaction's share of flushing and merging, in proportion to the keys that it added, so that no commit
  /// waits for a whole merge. `claims` and `entries` are the last claim and the next entry of the transaction.
  void advance(std::int64_t claims, std::int64_t entries);
  /// What the index adds up to with this transaction. Final after advance().
  [[nodiscard]] const IndexState& state() const noexcept { return state_; }
  void committed();
  void rolled_back();

  /// How many runs have filters that are still to be read back.
  [[nodiscard]] std::size_t unread_filters() const noexcept { return unread_.size(); }

 private:
  friend struct Sabotage;  ///< breaks each invariant in tests/unit/invariants_test.cpp
  /// A run of an earlier opening, whose filter is read back in slices.
  struct Unread {
    const KeyRun* run;
    RunCursor cursor;
    std::optional<KeyFilter> filter;  ///< with what is before the cursor; none before the first slice
  };

  /// The merge of all runs of one level, and of the run of the next level, into a new run of the next level.
  struct Merge {
    KeyRun* output = nullptr;
    std::list<RunCursor> inputs;
    std::vector<RunCursor*> heap;
    std::uint64_t total = 0;
    double credit = 0;  ///< how many records are to be written for the keys that were added so far
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
  void check_rules() const;
  void check_memory() const;
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
  std::list<Unread> unread_;                   ///< the first of them is being read back
  std::set<std::int64_t> unreadable_;          ///< runs with a damaged block, which have no filter
  /// The live runs above level 0, the newest level first, which every lookup asks. They are few.
  std::vector<std::pair<const KeyRun*, const KeyFilter*>> deep_;
  std::vector<std::int64_t> found_;
  std::vector<KeyRecord> leaf_;
  std::string block_;

  /// What a transaction did besides staging keys: what committed() has to finish, and rolled_back() to undo.
  struct Pending {
    bool worked = false;             ///< runs or blocks were written
    bool flushed = false;            ///< the keys that were only in memory are in a run of level 0
    bool aged = false;               ///< the young keys began to be merged
    bool merged = false;             ///< the old keys are in a run of level 1
    std::set<std::int64_t> changed;  ///< runs whose rows are to be written
  };
  Pending pending_;
};

}  // namespace openexec::store
