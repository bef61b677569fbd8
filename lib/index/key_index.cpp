// SPDX-License-Identifier: Apache-2.0
#include "index/key_index.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace openexec::store {
namespace {

/// A merge is done well before the next one has to begin.
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

/// The keys of the generation that is in memory, or of the one before it.
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

/// After a deep run came alive or died.
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

/// A slice of the filters that were lost when the ledger was closed, a leaf for each new key: until it is back, a run
/// costs each lookup a read.
void KeyIndex::read_filters(std::size_t added) {
  std::size_t records = added * geometry_.leaf;
  while (records > 0 && !unread_.empty()) {
    auto& [run, cursor, kept] = unread_.front();
    const std::int64_t id = run->id;
    // Taken, and put back at the end of the slice: after a read that failed it begins again, or keys would be missing.
    std::optional<KeyFilter> filter = std::exchange(kept, std::nullopt);
    try {
      if (!filter) {
        filter.emplace(run->records);
        cursor.seek({});
      }
      for (; records > 0 && !cursor.ended(); cursor.next(), --records) filter->add(*cursor);
    } catch (const SqliteError&) {
      throw;
    } catch (const StoreFailure&) {  // a damaged block fails the lookups that need it, and nobody else
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
  if (flushed_ || merged_) begin_merges();
  read_filters(added);
  for (const std::int64_t id : std::exchange(changed_, {}))
    if (const auto run = runs_.find(id); run != runs_.end()) queries_.put(run->second);
  if (worked_) state_.runs = digest_of(runs_);
}

/// What is in memory alone becomes a run.
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
  flushed_ = true;
}

void KeyIndex::begin_merges() {
  std::uint64_t in_memory = 0;
  bool underway = false;
  for (const auto& [id, run] : runs_) {
    if (run.level == 0 && run.target == 0 && run.state == KeyRun::State::live) in_memory += run.records;
    underway = underway || (run.level == 1 && run.state == KeyRun::State::building);
  }
  // Only where all keys of the generation are in runs, which is so right after a flush.
  if (flushed_ && in_memory >= geometry_.generation) {
    if (underway) {  // it is always done by now, unless the geometry is odd
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
    aged_ = true;
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

/// All of a level, with what the next one holds, is to become one run of the next level.
void KeyIndex::begin_merge(int level) {
  KeyRun& output = new_run(level + 1, KeyRun::State::building);
  KeyRun* const deeper = live(level + 1);
  for (auto& [id, run] : runs_) {
    const bool input = run.level == level && run.state == KeyRun::State::live && run.target == 0;
    if (!input && &run != deeper) continue;
    run.target = output.id;
    output.claims = std::max(output.claims, run.claims);
    output.entries = std::max(output.entries, run.entries);
    changed_.insert(id);
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

/// Whether there was one to write.
bool KeyIndex::write_leaf(Merge& merge) {
  worked_ = true;  // from here on the merge is ahead of its run: whatever fails, it begins again from there
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
  changed_.insert(output.id);
  for (auto& [id, run] : runs_) {
    if (run.target != output.id) continue;
    run.state = KeyRun::State::dead;
    run.target = 0;
    filters_.erase(id);
    changed_.insert(id);
  }
  if (output.level == 1) merged_ = true;
  worked_ = true;
  note_deep();
}

void KeyIndex::append_leaf(KeyRun& run, std::span<const KeyRecord> records) {
  changed_.insert(run.id);
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
  worked_ = true;
  const std::optional<std::int64_t> again = free_slot();
  const std::int64_t slot = again ? *again : ++last_slot_;
  directories_.forget(slot);
  queries_.write(run.id, slot, !again, content);
  return slot;
}

/// A slot of a dead run: the leaves of each directory block, then the directory block itself.
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
    changed_.insert(id);
    return slot;
  }
  return std::nullopt;
}

/// The level's one run that is not being merged.
KeyRun* KeyIndex::live(int level) {
  for (auto& [id, run] : runs_)
    if (run.level == level && run.state == KeyRun::State::live && run.target == 0) return &run;
  return nullptr;
}

/// How many new keys come between one merge into this level and the next.
double KeyIndex::window(int level) const {
  return static_cast<double>(geometry_.generation) * std::pow(static_cast<double>(geometry_.growth), level - 1);
}

KeyRun& KeyIndex::new_run(int level, KeyRun::State state) {
  worked_ = true;
  KeyRun run;
  run.id = ++state_.last_run;  // never the number of another: blocks are known by it
  run.level = level;
  run.state = state;
  changed_.insert(run.id);
  return runs_.emplace(run.id, std::move(run)).first->second;
}

void KeyIndex::committed() {
  kept_ = state_;
  table_.publish(staged_.records());
  staged_.clear();
  if (merged_) table_.drop_old();
  if (flushed_) in_runs_ = table_.young().size();
  if (aged_) {
    table_.age();
    in_runs_ = 0;
  }
  worked_ = flushed_ = aged_ = merged_ = false;
}

void KeyIndex::rolled_back() {
  state_ = kept_;
  staged_.clear();
  changed_.clear();
  if (worked_) load();
  worked_ = flushed_ = aged_ = merged_ = false;
}

}  // namespace openexec::store
