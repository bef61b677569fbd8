// SPDX-License-Identifier: Apache-2.0
#include "index/key_runs.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "crypto/sha256.hpp"
#include "index/row_bytes.hpp"

namespace openexec::store {
namespace {

constexpr std::size_t number_bytes = 6;

/// Big-endian, so that bytes sort as numbers do.
void write_number(std::uint64_t value, char* at) {
  for (std::size_t i = 0; i < number_bytes; ++i) at[i] = static_cast<char>(value >> (8 * (number_bytes - 1 - i)));
}

std::uint64_t read_number(const char* at) {
  std::array<unsigned char, number_bytes> bytes;
  std::memcpy(bytes.data(), at, bytes.size());
  return std::uint64_t{bytes[0]} << 40 | std::uint64_t{bytes[1]} << 32 | std::uint64_t{bytes[2]} << 24 |
         std::uint64_t{bytes[3]} << 16 | std::uint64_t{bytes[4]} << 8 | bytes[5];
}

using RecordBytes = std::array<char, record_bytes>;

RecordBytes bytes_of(const KeyRecord& record) {
  RecordBytes bytes;
  write_number(record.hash, bytes.data());
  write_number(record.place, bytes.data() + number_bytes);
  return bytes;
}

KeyRecord read_record(const char* at) {
  KeyRecord record;
  record.hash = read_number(at);
  record.place = read_number(at + number_bytes);
  return record;
}

/// Blocks have one size, so that one can be written over another. No record has bytes that are all ones,
/// because there is no such kind.
constexpr RecordBytes no_record = [] {
  RecordBytes bytes{};
  for (char& byte : bytes) byte = '\xff';
  return bytes;
}();

[[noreturn]] void damaged() { throw StoreFailure("the ledger is damaged: a block of its index"); }

CheckSum sum_of(std::initializer_list<std::string_view> parts) {
  const Digest digest = crypto::sha256(parts);
  CheckSum sum;
  std::copy_n(digest.begin(), sum.size(), sum.begin());
  return sum;
}

std::string_view view_of(const CheckSum& sum) noexcept { return {sum.data(), sum.size()}; }

CheckSum sum_of_block(std::int64_t run, std::int64_t slot, std::string_view content) {
  return sum_of({"block", fixed_number(static_cast<std::uint64_t>(run)), fixed_number(static_cast<std::uint64_t>(slot)),
                 content});
}

CheckSum sum_of_run(const KeyRun& run) {
  std::string bytes;
  for (const std::int64_t number : {run.id, std::int64_t{run.level}, std::int64_t{static_cast<int>(run.state)},
                                    run.target, run.claims, run.entries, std::int64_t{run.height}})
    append_signed(number, bytes);
  for (const std::uint64_t number : {run.records, run.sum, run.taken}) append_number(number, bytes);
  append_text(run.root, bytes);
  append_text(run.pending, bytes);
  append_record(run.last, bytes);
  return sum_of({"run", bytes});
}

KeyRun run_from(const Rows& rows) {
  KeyRun run;
  run.id = rows.integer(0);
  run.level = static_cast<int>(rows.integer(1));
  run.state = static_cast<KeyRun::State>(rows.integer(2));
  run.target = rows.integer(3);
  run.records = static_cast<std::uint64_t>(rows.integer(4));
  run.sum = static_cast<std::uint64_t>(rows.integer(5));
  run.claims = rows.integer(6);
  run.entries = rows.integer(7);
  run.height = static_cast<int>(rows.integer(8));
  run.root = rows.bytes(9);
  run.pending = rows.bytes(10);
  if (const std::string_view last = rows.bytes(11); last.size() == record_bytes) run.last = read_record(last.data());
  run.taken = static_cast<std::uint64_t>(rows.integer(12));
  run.row_sum = sum_of_run(run);
  if (rows.bytes(13) != view_of(run.row_sum)) throw StoreFailure("the ledger is damaged: a run of its index");
  return run;
}

}  // namespace

std::size_t KeyGeometry::block_bytes() const noexcept { return std::max(leaf * record_bytes, fences * fence_bytes); }

template <std::size_t width>
KeyRecord Packed<width>::at(std::size_t i) const noexcept {
  return read_record(bytes_.data() + i * width);
}

template <std::size_t width>
std::size_t Packed<width>::lower_bound(const KeyRecord& record) const noexcept {
  const RecordBytes sought = bytes_of(record);
  std::size_t first = 0;
  for (std::size_t count = size(); count > 0;) {
    const std::size_t half = count / 2;
    if (std::memcmp(bytes_.data() + (first + half) * width, sought.data(), record_bytes) < 0) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first;
}

template class Packed<record_bytes>;
template class Packed<fence_bytes>;

std::int64_t Fences::slot(std::size_t i) const noexcept {
  return static_cast<std::int64_t>(read_number(bytes_.data() + i * fence_bytes + record_bytes));
}

std::size_t Fences::leading_to(const KeyRecord& record) const noexcept {
  const std::size_t place = lower_bound(record);
  if (place < size() && at(place) == record) return place;
  return place == 0 ? 0 : place - 1;
}

void append_record(const KeyRecord& record, std::string& out) {
  const RecordBytes bytes = bytes_of(record);
  out.append(bytes.data(), bytes.size());
}

void append_fence(const KeyRecord& first, std::int64_t slot, std::string& out) {
  append_record(first, out);
  std::array<char, number_bytes> bytes;
  write_number(static_cast<std::uint64_t>(slot), bytes.data());
  out.append(bytes.data(), bytes.size());
}

RunQueries::RunQueries(const Database& database, const KeyGeometry& geometry)
    : block_bytes_(geometry.block_bytes()),
      all_(
          database,
          "SELECT id, level, state, target, records, key_sum, claims, entries, height, root, pending, last, taken, sum "
          "FROM runs ORDER BY id"),
      block_of_(database, "SELECT sum, content FROM blocks WHERE slot = ?1"),
      watermark_(database, "SELECT coalesce(max(claims), 0), coalesce(max(entries), 0) FROM runs"),
      last_slot_(database, "SELECT coalesce(max(slot), 0) FROM blocks"),
      put_(database,
           "INSERT OR REPLACE INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"),
      forget_(database, "DELETE FROM runs WHERE id = ?1"),
      add_block_(database, "INSERT INTO blocks VALUES (?1, ?2, ?3)"),
      change_block_(database, "UPDATE blocks SET sum = ?2, content = ?3 WHERE slot = ?1") {}

std::vector<KeyRun> RunQueries::all() {
  std::vector<KeyRun> runs;
  Rows rows = all_.run();
  while (rows.next()) runs.push_back(run_from(rows));
  return runs;
}

std::vector<KeyRun> RunQueries::live(int min_level) {
  std::vector<KeyRun> runs = all();
  std::erase_if(runs, [&](const KeyRun& run) { return run.state != KeyRun::State::live || run.level < min_level; });
  std::stable_sort(runs.begin(), runs.end(), [](const KeyRun& a, const KeyRun& b) { return a.level > b.level; });
  return runs;
}

std::string_view RunQueries::content(Rows& rows, std::int64_t run, std::int64_t slot, std::size_t width) const {
  if (!rows.next()) damaged();
  const std::string_view block = rows.bytes(1);
  if (block.size() != block_bytes_ || rows.bytes(0) != view_of(sum_of_block(run, slot, block))) damaged();
  std::size_t count = block.size() / width;
  while (count > 0 && std::memcmp(block.data() + (count - 1) * width, no_record.data(), record_bytes) == 0) --count;
  if (count == 0) damaged();
  return block.substr(0, count * width);
}

RunQueries::Watermark RunQueries::watermark() {
  Rows rows = watermark_.run();
  if (!rows.next()) return {};
  return {rows.integer(0), rows.integer(1)};
}

std::int64_t RunQueries::last_slot() {
  Rows rows = last_slot_.run();
  return rows.next() ? rows.integer(0) : 0;
}

void RunQueries::put(KeyRun& run) {
  const RecordBytes last = bytes_of(run.last);
  run.row_sum = sum_of_run(run);
  put_.execute(run.id, std::int64_t{run.level}, std::int64_t{static_cast<int>(run.state)}, run.target,
               static_cast<std::int64_t>(run.records), static_cast<std::int64_t>(run.sum), run.claims, run.entries,
               std::int64_t{run.height}, Blob{run.root}, Blob{run.pending}, Blob{{last.data(), last.size()}},
               static_cast<std::int64_t>(run.taken), Blob{view_of(run.row_sum)});
}

void RunQueries::forget(std::int64_t run) { forget_.execute(run); }

void RunQueries::write(std::int64_t run, std::int64_t slot, bool is_new, std::string_view content) {
  block_.assign(content);
  block_.resize(block_bytes_, no_record.front());
  const CheckSum sum = sum_of_block(run, slot, block_);
  (is_new ? add_block_ : change_block_).execute(slot, Blob{view_of(sum)}, Blob{block_});
}

Digest digest_of(const std::map<std::int64_t, KeyRun>& runs) {
  std::string bytes;
  for (const auto& [id, run] : runs)
    bytes.append(fixed_number(static_cast<std::uint64_t>(id))).append(view_of(run.row_sum));
  return crypto::sha256({"runs", bytes});
}

void RunCursor::seek(const KeyRecord& from) {
  leaf_.clear();
  at_ = 0;
  if (run_->root.empty()) return;
  if (run_->height == 2) open_directory(Fences(run_->root).leading_to(from));
  open_leaf(fences().leading_to(from));
  at_ = static_cast<std::size_t>(std::lower_bound(leaf_.begin(), leaf_.end(), from) - leaf_.begin());
  if (ended())
    next_leaf();
  else
    record_ = leaf_[at_];
}

void RunCursor::next() {
  if (++at_ < leaf_.size())
    record_ = leaf_[at_];
  else
    next_leaf();
}

void RunCursor::open_directory(std::size_t directory) {
  directories_ = directory;
  queries_->block<Fences>(run_->id, Fences(run_->root).slot(directory),
                          [&](Fences fences) { directory_ = fences.bytes(); });
}

void RunCursor::open_leaf(std::size_t fence) {
  fence_ = fence;
  at_ = 0;
  leaf_.clear();
  queries_->block<Records>(run_->id, fences().slot(fence), [&](Records records) {
    for (std::size_t i = 0; i < records.size(); ++i) leaf_.push_back(records.at(i));
  });
  record_ = leaf_.front();
}

void RunCursor::next_leaf() {
  if (fence_ + 1 < fences().size()) return open_leaf(fence_ + 1);
  leaf_.clear();
  at_ = 0;
  if (run_->height == 1 || directories_ + 1 >= Fences(run_->root).size()) return;
  open_directory(directories_ + 1);
  open_leaf(0);
}

const std::string& DirectoryCache::get(RunQueries& queries, std::int64_t run, std::int64_t slot) {
  if (const auto known = blocks_.find(slot); known != blocks_.end()) return known->second;
  if (blocks_.size() >= most) blocks_.erase(blocks_.begin());
  std::string bytes = queries.block<Fences>(run, slot, [](Fences fences) { return std::string(fences.bytes()); });
  return blocks_.emplace(slot, std::move(bytes)).first->second;
}

void find_in_run(RunQueries& queries, DirectoryCache* directories, const KeyRun& run, Key key,
                 std::vector<std::int64_t>& rows, std::size_t most) {
  if (rows.size() >= most || run.root.empty()) return;
  const KeyRecord from(key, 0);
  const Fences root(run.root);
  const auto leaf_of = [&](Fences fences) { return fences.slot(fences.leading_to(from)); };
  const std::int64_t leaf = [&] {
    if (run.height == 1) return leaf_of(root);
    const std::int64_t directory = leaf_of(root);
    if (directories != nullptr) return leaf_of(Fences(directories->get(queries, run.id, directory)));
    return queries.block<Fences>(run.id, directory, leaf_of);
  }();
  // In one leaf as a rule: read in place.
  KeyRecord next = from;
  const bool more = queries.block<Records>(run.id, leaf, [&](Records records) {
    for (std::size_t i = records.lower_bound(from); i < records.size(); ++i) {
      const KeyRecord record = records.at(i);
      if (!record.is_of(key) || rows.size() >= most) return false;
      rows.push_back(record.row());
      next = KeyRecord(key, record.row() + 1);
    }
    return true;
  });
  if (!more) return;
  RunCursor cursor(queries, run);
  for (cursor.seek(next); !cursor.ended() && (*cursor).is_of(key) && rows.size() < most; cursor.next())
    rows.push_back((*cursor).row());
}

}  // namespace openexec::store
