// SPDX-License-Identifier: Apache-2.0
#include "index/key_index.hpp"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <functional>
#include <utility>

#include "base/assert.hpp"

namespace openexec::store {
namespace {

/// How much faster than necessary a merge goes, so that it is done before the next one has to begin.
constexpr double headroom = 1.25;

struct Later {
  bool operator()(const RunCursor* a, const RunCursor* b) const noexcept { return **b < **a; }
};

[[noreturn]] void does_not_add_up() {
  throw StoreFailure("the ledger is damaged: its index does not add up; `openexec log verify` tells more");
}

}  // namespace

KeyIndex::KeyIndex(const Database& database, const KeyGeometry& geometry, KeyTable& table, const Tail& tail,
                   const IndexState& state)
    : geometry_(geometry), queries_(database, geometry), table_(table), kept_(state), state_(state) {
  load();
  table_.clear();
  IndexState seen{0, 0, state.last_run, state.runs};
  for (const auto& [id, run] : runs_) {
    if (run.state != KeyRun::State::live) continue;
    seen.keys += run.records;
    seen.sum += run.sum;
  }
  std::vector<KeyRecord> records;
  for (const bool old : {true, false}) {
    records.clear();
    load_level_0(old, records);
    table_.publish(records, old);
  }
  in_runs_ = records.size();
  records.clear();
  tail(queries_.watermark(), [&](Key key, std::int64_t row) {
    const KeyRecord& record = records.emplace_back(key, row);
    ++seen.keys;
    seen.sum += record.mixed();
  });
  if (seen != state) does_not_add_up();
  table_.publish(records);
}

/// Reads the keys of the young generation, or of the old one, from the runs of level 0.
void KeyIndex::load_level_0(bool old, std::vector<KeyRecord>& records) {
  for (const auto& [id, run] : runs_) {
    if (run.level != 0 || run.state != KeyRun::State::live || (run.target != 0) != old) continue;
    const std::size_t before = records.size();
    std::uint64_t sum = 0;
    RunCursor cursor(queries_, run);
    for (cursor.seek({}); !cursor.ended(); cursor.next()) {
      records.push_back(*cursor);
      sum += (*cursor).mixed();
    }
    if (records.size() - before != run.records || sum != run.sum) does_not_add_up();
  }
}

void KeyIndex::load() {
  merges_.clear();
  runs_.clear();
  filters_.clear();
  unread_.clear();
  unreadable_.clear();
  directories_.clear();
  freed_from_ = 0;
  last_slot_ = queries_.last_slot();
  for (KeyRun& run : queries_.all()) runs_.emplace(run.id, std::move(run));
  if (digest_of(runs_) != kept_.runs && !(runs_.empty() && kept_.runs == Digest{})) does_not_add_up();
  for (auto& [id, run] : runs_)
    if (run.state == KeyRun::State::building) resume(run);
  note_deep();
}

void KeyIndex::resume(KeyRun& output) {
  Merge& merge = merges_.emplace_back();
  merge.output = &output;
  for (auto& [id, run] : runs_) {
    if (run.target != output.id) continue;
    merge.total += run.records;
    RunCursor& cursor = merge.inputs.emplace_back(queries_, run);
    cursor.seek(output.last);
    if (output.records > 0 && !cursor.ended() && *cursor == output.last) cursor.next();
    if (!cursor.ended()) merge.heap.push_back(&cursor);
  }
  std::make_heap(merge.heap.begin(), merge.heap.end(), Later());
}

const std::vector<std::int64_t>& KeyIndex::find(Key key) {
  constexpr std::size_t all = static_cast<std::size_t>(-1);
  found_.clear();
  staged_.find(key, found_);
  table_.find(key, found_);
  for (const auto& [run, filter] : deep_)
    if (filter == nullptr || filter->may_hold(key)) find_in_run(queries_, &directories_, *run, key, found_, all);
  return found_;
}

void KeyIndex::find(Key key, const std::function<bool(const std::vector<std::int64_t>& rows)>& done) {
  constexpr std::size_t all = static_cast<std::size_t>(-1);
  found_.clear();
  staged_.find(key, found_);
  table_.find(key, found_);
  if (!found_.empty() && done(found_)) return;
  for (const auto& [run, filter] : deep_) {
    if (filter != nullptr && !filter->may_hold(key)) continue;
    found_.clear();
    find_in_run(queries_, &directories_, *run, key, found_, all);
    if (!found_.empty() && done(found_)) return;
  }
}

/// Notes which deep runs are live, after one came alive or died.
void KeyIndex::note_deep() {
  deep_.clear();
  std::erase_if(unread_, [](const Unread& unread) { return unread.run->state != KeyRun::State::live; });
  for (const auto& [id, run] : runs_) {
    if (run.level == 0 || run.state != KeyRun::State::live) continue;
    const auto filter = filters_.find(id);
    deep_.emplace_back(&run, filter != filters_.end() ? &filter->second : nullptr);
    const auto is_its = [of = &run](const Unread& unread) { return unread.run == of; };
    if (filter != filters_.end() || !KeyFilter::helps(run.records) || unreadable_.count(id) != 0 ||
        std::any_of(unread_.begin(), unread_.end(), is_its))
      continue;
    unread_.push_back({&run, RunCursor(queries_, run), std::nullopt});
  }
  std::stable_sort(deep_.begin(), deep_.end(),
                   [](const auto& a, const auto& b) { return a.first->level < b.first->level; });
}

/// Reads back a slice of the filters that were lost when the ledger was closed, one leaf for each new key. Until its
/// filter is back, a run costs each lookup a read.
void KeyIndex::read_filters(std::size_t added) {
  std::size_t records = added * geometry_.leaf;
  while (records > 0 && !unread_.empty()) {
    auto& [run, cursor, kept] = unread_.front();
    const std::int64_t id = run->id;
    // The filter is put back only at the end of the slice. After a read that failed it is begun again, or keys would
    // be missing in it.
    std::optional<KeyFilter> filter = std::exchange(kept, std::nullopt);
    try {
      if (!filter) {
        filter.emplace(run->records);
        cursor.seek({});
      }
      for (; records > 0 && !cursor.ended(); cursor.next(), --records) filter->add(*cursor);
    } catch (const SqliteError&) {
      throw;
    } catch (const StoreFailure&) {  // a damaged block fails only the lookups that need it
      unread_.pop_front();
      unreadable_.insert(id);
      continue;
    }
    if (!cursor.ended()) {
      kept = std::move(filter);
      return;
    }
    filters_.emplace(id, *std::move(filter));
    unread_.pop_front();
    note_deep();
  }
}

void KeyIndex::advance(std::int64_t claims, std::int64_t entries) {
  const std::size_t added = staged_.size();
  if (table_.young().size() - in_runs_ + added >= geometry_.flush) flush(claims, entries);
  for (auto merge = merges_.begin(); merge != merges_.end();) {
    advance(*merge, added);
    const bool done = merge->heap.empty();
    if (done) finish(*merge);
    merge = done ? merges_.erase(merge) : std::next(merge);
  }
  if (pending_.flushed || pending_.merged) begin_merges();
  read_filters(added);
  OPENEXEC_ASSERT(pending_.worked || pending_.changed.empty(), "key index I9: what changes is marked as pending");
  if (pending_.worked) check_rules();
  for (const std::int64_t id : std::exchange(pending_.changed, {}))
    if (const auto run = runs_.find(id); run != runs_.end()) queries_.put(run->second);
  if (pending_.worked) state_.runs = digest_of(runs_);
}

/// What a transaction that wrote runs has to leave true of all of them.
void KeyIndex::check_rules() const {
  std::bitset<64> levels;  // with a live run that is not being merged
  for (const auto& [id, run] : runs_) {
    const auto target = runs_.find(run.target);
    const bool merging = run.target != 0;
    OPENEXEC_ASSERT(!merging || (run.state == KeyRun::State::live && target != runs_.end() &&
                                 target->second.state == KeyRun::State::building),
                    "key index I4: a run that is being merged is live, and its target is being built");
    if (run.level == 0 || merging || run.state != KeyRun::State::live) continue;
    const auto level = static_cast<std::size_t>(run.level);
    OPENEXEC_ASSERT(level < levels.size() && !levels[level], "key index I3: a level has one live run");
    levels.set(level);
  }
  check_memory();
}

void KeyIndex::check_memory() const {
  const std::size_t young = table_.young().size();
  const std::size_t before = pending_.flushed ? young + staged_.size() : in_runs_;
  std::uint64_t flushed = 0, keys = 0, sum = 0;
  for (const auto& [id, run] : runs_) {
    if (run.state != KeyRun::State::live) continue;
    keys += run.records;
    sum += run.sum;
    if (run.level == 0 && run.target == 0) flushed += run.records;
  }
  OPENEXEC_ASSERT(in_runs_ <= young && flushed == (pending_.aged ? 0 : before),
                  "key index I7: the young keys that count as flushed are those of the newest runs");
  if (!pending_.flushed) keys += young - in_runs_ + staged_.size();
  OPENEXEC_ASSERT(keys == state_.keys, "key index I1: the keys of runs and memory are those of the state");
  const auto sum_of = [&](std::span<const KeyRecord> records) {
    for (const KeyRecord& record : records) sum += record.mixed();
    return sum;
  };
  if (!pending_.flushed && base::checks_slow_rules()) {
    (void)sum_of(table_.young().subspan(in_runs_));
    (void)sum_of(staged_.records());
  }
  OPENEXEC_ASSERT_SLOW(sum == state_.sum, "key index I1: the sum over runs and memory is that of the state");
}

/// Writes the keys that are only in memory as a run of level 0.
void KeyIndex::flush(std::int64_t claims, std::int64_t entries) {
  const auto young = table_.young().subspan(in_runs_);
  std::vector<KeyRecord> records(young.begin(), young.end());
  records.insert(records.end(), staged_.records().begin(), staged_.records().end());
  std::sort(records.begin(), records.end());
  KeyRun& run = new_run(0, KeyRun::State::live);
  run.claims = claims;
  run.entries = entries;
  for (std::span<const KeyRecord> rest = records; !rest.empty();) {
    const std::size_t size = std::min(rest.size(), geometry_.leaf);
    append_leaf(run, rest.first(size));
    rest = rest.subspan(size);
  }
  run.root = std::exchange(run.pending, {});
  pending_.flushed = true;
}

void KeyIndex::begin_merges() {
  std::uint64_t in_memory = 0;
  bool underway = false;
  for (const auto& [id, run] : runs_) {
    if (run.level == 0 && run.target == 0 && run.state == KeyRun::State::live) in_memory += run.records;
    underway = underway || (run.level == 1 && run.state == KeyRun::State::building);
  }
  // All keys of the generation must be in runs, as they are right after a flush.
  if (pending_.flushed && in_memory >= geometry_.generation) {
    if (underway) {  // it is done by now, unless a test has an unusual geometry
      for (auto merge = merges_.begin(); merge != merges_.end(); ++merge)
        if (merge->output->level == 1) {
          while (write_leaf(*merge)) {
          }
          finish(*merge);
          merges_.erase(merge);
          break;
        }
    }
    begin_merge(0);
    pending_.aged = true;
  }
  for (int level = 1;; ++level) {
    const KeyRun* full = live(level);
    const bool deeper =
        std::any_of(runs_.begin(), runs_.end(), [&](const auto& run) { return run.second.level > level; });
    if (full == nullptr && !deeper) return;
    const bool busy = std::any_of(merges_.begin(), merges_.end(),
                                  [&](const Merge& merge) { return merge.output->level == level + 1; });
    if (full != nullptr && !busy && static_cast<double>(full->records) > window(level + 1)) begin_merge(level);
  }
}

/// Begins to merge all runs of a level, and the run of the next one, into one run of the next level.
void KeyIndex::begin_merge(int level) {
  KeyRun& output = new_run(level + 1, KeyRun::State::building);
  KeyRun* const deeper = live(level + 1);
  for (auto& [id, run] : runs_) {
    const bool input = run.level == level && run.state == KeyRun::State::live && run.target == 0;
    if (!input && &run != deeper) continue;
    run.target = output.id;
    output.claims = std::max(output.claims, run.claims);
    output.entries = std::max(output.entries, run.entries);
    pending_.changed.insert(id);
  }
  resume(output);
  const std::uint64_t records = merges_.back().total;
  if (KeyFilter::helps(records)) filters_.emplace(output.id, KeyFilter(records));
}

void KeyIndex::advance(Merge& merge, std::size_t added) {
  const double rate = static_cast<double>(merge.total) / window(merge.output->level) * headroom + 1;
  merge.credit += static_cast<double>(added) * rate;
  if (merge.credit < static_cast<double>(geometry_.leaf)) return;
  bool more = true;
  while (more && merge.credit >= static_cast<double>(geometry_.leaf)) {
    more = write_leaf(merge);
    merge.credit -= static_cast<double>(geometry_.leaf);
  }
}

/// Writes the next leaf of the merge's output. Returns false if no records are left.
bool KeyIndex::write_leaf(Merge& merge) {
  pending_.worked = true;  // the merge is ahead of its run from here on, and a failure has to load it again
  leaf_.clear();
  while (leaf_.size() < geometry_.leaf && !merge.heap.empty()) {
    std::pop_heap(merge.heap.begin(), merge.heap.end(), Later());
    RunCursor& least = *merge.heap.back();
    leaf_.push_back(*least);
    least.next();
    if (least.ended())
      merge.heap.pop_back();
    else
      std::push_heap(merge.heap.begin(), merge.heap.end(), Later());
  }
  if (leaf_.empty()) return false;
  append_leaf(*merge.output, leaf_);
  return true;
}

void KeyIndex::finish(Merge& merge) {
  KeyRun& output = *merge.output;
  std::uint64_t records = 0, sum = 0;
  for (const auto& [id, run] : runs_) {
    if (run.target != output.id) continue;
    records += run.records;
    sum += run.sum;
  }
  if (output.records != records || output.sum != sum) does_not_add_up();
  if (output.root.empty()) {
    output.root = std::exchange(output.pending, {});
  } else {
    if (!output.pending.empty()) close_directory(output);
    output.height = 2;
  }
  output.state = KeyRun::State::live;
  pending_.changed.insert(output.id);
  for (auto& [id, run] : runs_) {
    if (run.target != output.id) continue;
    run.state = KeyRun::State::dead;
    run.target = 0;
    filters_.erase(id);
    pending_.changed.insert(id);
  }
  if (const auto filter = filters_.find(output.id); filter != filters_.end())
    OPENEXEC_ASSERT(filter->second.may_hold(Fences(output.root).at(0)) && filter->second.may_hold(output.last),
                    "key index I8: a filter has the keys of its run");
  if (output.level == 1) pending_.merged = true;
  pending_.worked = true;
  note_deep();
}

void KeyIndex::append_leaf(KeyRun& run, std::span<const KeyRecord> records) {
  OPENEXEC_ASSERT(!records.empty() && (run.records == 0 || run.last < records.front()),
                  "key index I2: the records of a run ascend from leaf to leaf");
  OPENEXEC_ASSERT_SLOW(std::adjacent_find(records.begin(), records.end(), std::greater_equal<>()) == records.end(),
                       "key index I2: the records of a leaf ascend");
  pending_.changed.insert(run.id);
  block_.clear();
  for (const KeyRecord& record : records) append_record(record, block_);
  append_fence(records.front(), write_block(run, block_), run.pending);
  run.last = records.back();
  run.records += records.size();
  for (const KeyRecord& record : records) run.sum += record.mixed();
  if (const auto filter = filters_.find(run.id); filter != filters_.end())
    for (const KeyRecord& record : records) filter->second.add(record);
  if (run.level > 0 && run.pending.size() >= geometry_.fences * fence_bytes) close_directory(run);
}

void KeyIndex::close_directory(KeyRun& run) {
  const KeyRecord first = Fences(run.pending).at(0);
  append_fence(first, write_block(run, run.pending), run.root);
  run.pending.clear();
}

std::int64_t KeyIndex::write_block(const KeyRun& run, const std::string& content) {
  pending_.worked = true;
  const std::optional<std::int64_t> again = free_slot();
  const std::int64_t slot = again ? *again : ++last_slot_;
  OPENEXEC_ASSERT(slot > 0 && slot <= last_slot_ && run.state != KeyRun::State::dead,
                  "key index I5: a block has a slot of its own");
  directories_.forget(slot);
  queries_.write(run.id, slot, !again, content);
  return slot;
}

/// Returns a slot of a dead run: those of the leaves of each directory block, then that of the block itself. Returns
/// nullopt if no run is dead.
std::optional<std::int64_t> KeyIndex::free_slot() {
  for (auto& [id, run] : runs_) {
    if (run.state != KeyRun::State::dead) continue;
    const Fences root(run.root);
    const std::uint64_t stride = geometry_.fences + 1;
    const std::uint64_t directory = run.height == 1 ? 0 : run.taken / stride;
    const std::uint64_t leaf = run.height == 1 ? run.taken : run.taken % stride;
    std::optional<std::int64_t> slot;
    if (run.height == 1) {
      if (leaf < root.size()) slot = root.slot(leaf);
    } else if (directory < root.size()) {
      if (freed_from_ != id || freed_directory_ != directory)
        queries_.block<Fences>(id, root.slot(directory), [&](Fences fences) { freed_ = fences.bytes(); });
      freed_from_ = id;
      freed_directory_ = directory;
      const Fences freed(freed_);
      slot = leaf < freed.size() ? freed.slot(leaf) : root.slot(directory);
      if (leaf >= freed.size()) run.taken = (directory + 1) * stride - 1;
    }
    if (!slot) {
      queries_.forget(id);
      runs_.erase(id);
      freed_from_ = 0;
      return free_slot();
    }
    ++run.taken;
    pending_.changed.insert(id);
    return slot;
  }
  return std::nullopt;
}

/// Returns the live run of a level above 0 that is not being merged, or null.
KeyRun* KeyIndex::live(int level) {
  for (auto& [id, run] : runs_)
    if (run.level == level && run.state == KeyRun::State::live && run.target == 0) return &run;
  return nullptr;
}

/// How many keys are added between one merge into this level and the next.
double KeyIndex::window(int level) const {
  return static_cast<double>(geometry_.generation) * std::pow(static_cast<double>(geometry_.growth), level - 1);
}

KeyRun& KeyIndex::new_run(int level, KeyRun::State state) {
  pending_.worked = true;
  KeyRun run;
  run.id = ++state_.last_run;  // never the number of another, because a block is known by it
  OPENEXEC_ASSERT(runs_.empty() || runs_.rbegin()->first < run.id, "key index I6: a run's number is a new one");
  run.level = level;
  run.state = state;
  pending_.changed.insert(run.id);
  return runs_.emplace(run.id, std::move(run)).first->second;
}

void KeyIndex::committed() {
  kept_ = state_;
  table_.publish(staged_.records());
  staged_.clear();
  if (pending_.merged) table_.drop_old();
  if (pending_.flushed) in_runs_ = table_.young().size();
  if (pending_.aged) {
    table_.age();
    in_runs_ = 0;
  }
  pending_ = {};
}

void KeyIndex::rolled_back() {
  state_ = kept_;
  staged_.clear();
  pending_.changed.clear();
  if (pending_.worked) load();
  pending_ = {};
}

}  // namespace openexec::store
