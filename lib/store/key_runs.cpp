#include "store/key_runs.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace openexec::store {
namespace {

constexpr std::size_t number_bytes = 6;
constexpr std::size_t record_bytes = 2 * number_bytes;              // hash and place
constexpr std::size_t fence_bytes = record_bytes + number_bytes;  // and slot

/// Big-endian, so that bytes sort as numbers do.
void write_number(std::uint64_t value, char* at) {
  for (std::size_t i = number_bytes; i-- > 0; value >>= 8) at[i] = static_cast<char>(value & 0xff);
}

std::uint64_t read_number(const char* at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < number_bytes; ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
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

/// Blocks have one size, so that one can be written over another. No record's bytes are all ones: such a kind is none.
constexpr char padding = '\xff';

constexpr const char* run_columns = "SELECT id, level, state, target, records, claims, entries, height, root";

KeyRun run_from(const Rows& rows) {
  KeyRun run;
  run.id = rows.integer(0);
  run.level = static_cast<int>(rows.integer(1));
  run.state = static_cast<KeyRun::State>(rows.integer(2));
  run.target = rows.integer(3);
  run.records = static_cast<std::uint64_t>(rows.integer(4));
  run.claims = rows.integer(5);
  run.entries = rows.integer(6);
  run.height = static_cast<int>(rows.integer(7));
  run.root = Fences(std::string(rows.bytes(8)));
  return run;
}

[[noreturn]] void damaged() { throw StoreFailure("the ledger is damaged: a block of its index"); }

}  // namespace

std::size_t KeyGeometry::block_bytes() const noexcept { return std::max(leaf * record_bytes, fences * fence_bytes); }

template <std::size_t width>
std::size_t Packed<width>::lower_bound(const KeyRecord& record) const noexcept {
  const RecordBytes sought = bytes_of(record);
  std::size_t first = 0;
  for (std::size_t count = size(); count > 0;) {
    const std::size_t half = count / 2;
    if (std::memcmp((*this)[first + half], sought.data(), record_bytes) < 0) {
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

void Records::push_back(const KeyRecord& record) {
  const RecordBytes bytes = bytes_of(record);
  bytes_.append(bytes.data(), bytes.size());
}

KeyRecord Records::at(std::size_t i) const noexcept { return read_record((*this)[i]); }

void Fences::push_back(const KeyRecord& first, std::int64_t slot) {
  std::array<char, fence_bytes> bytes;
  write_number(first.hash, bytes.data());
  write_number(first.place, bytes.data() + number_bytes);
  write_number(static_cast<std::uint64_t>(slot), bytes.data() + record_bytes);
  bytes_.append(bytes.data(), bytes.size());
}

std::int64_t Fences::slot(std::size_t i) const noexcept {
  return static_cast<std::int64_t>(read_number((*this)[i] + record_bytes));
}

KeyRecord Fences::first(std::size_t i) const noexcept { return read_record((*this)[i]); }

std::size_t Fences::leading_to(const KeyRecord& record) const noexcept {
  const std::size_t at = lower_bound(record);
  if (at < size() && first(at) == record) return at;
  return at == 0 ? 0 : at - 1;
}

RunQueries::RunQueries(const Database& database, const KeyGeometry& geometry)
    : block_bytes_(geometry.block_bytes()),
      all_(database, std::string(run_columns) + ", pending, last, taken FROM runs ORDER BY id"),
      live_(database, std::string(run_columns) + " FROM runs WHERE state = 1 AND level >= ?1 ORDER BY level DESC, id"),
      block_of_(database, "SELECT content FROM blocks WHERE slot = ?1"),
      watermark_(database, "SELECT coalesce(max(claims), 0), coalesce(max(entries), 0) FROM runs"),
      last_slot_(database, "SELECT coalesce(max(slot), 0) FROM blocks"),
      put_(database, "INSERT OR REPLACE INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"),
      forget_(database, "DELETE FROM runs WHERE id = ?1"),
      add_block_(database, "INSERT INTO blocks VALUES (?1, ?2)"),
      change_block_(database, "UPDATE blocks SET content = ?2 WHERE slot = ?1") {}

std::vector<KeyRun> RunQueries::all() {
  std::vector<KeyRun> runs;
  Rows rows = all_.run();
  while (rows.next()) {
    KeyRun run = run_from(rows);
    run.pending = Fences(std::string(rows.bytes(9)));
    if (const std::string_view last = rows.bytes(10); last.size() == record_bytes) run.last = read_record(last.data());
    run.taken = static_cast<std::uint64_t>(rows.integer(11));
    runs.push_back(std::move(run));
  }
  return runs;
}

std::vector<KeyRun> RunQueries::live(int min_level) {
  std::vector<KeyRun> runs;
  Rows rows = live_.run(std::int64_t{min_level});
  while (rows.next()) runs.push_back(run_from(rows));
  return runs;
}

std::string RunQueries::content_of(std::int64_t slot, std::size_t width) {
  Rows rows = block_of_.run(slot);
  if (!rows.next()) damaged();
  const std::string_view block = rows.bytes(0);
  if (block.size() != block_bytes_) damaged();
  const RecordBytes none = [] {
    RecordBytes bytes;
    bytes.fill(padding);
    return bytes;
  }();
  std::size_t count = block.size() / width;
  while (count > 0 && std::memcmp(block.data() + (count - 1) * width, none.data(), record_bytes) == 0) --count;
  if (count == 0) damaged();
  return std::string(block.substr(0, count * width));
}

Records RunQueries::leaf(std::int64_t slot) { return Records(content_of(slot, record_bytes)); }
Fences RunQueries::directory(std::int64_t slot) { return Fences(content_of(slot, fence_bytes)); }

RunQueries::Watermark RunQueries::watermark() {
  Rows rows = watermark_.run();
  if (!rows.next()) return {};
  return {rows.integer(0), rows.integer(1)};
}

std::int64_t RunQueries::last_slot() {
  Rows rows = last_slot_.run();
  return rows.next() ? rows.integer(0) : 0;
}

void RunQueries::put(const KeyRun& run) {
  const RecordBytes last = bytes_of(run.last);
  put_.execute(run.id, std::int64_t{run.level}, std::int64_t{static_cast<int>(run.state)}, run.target,
               static_cast<std::int64_t>(run.records), run.claims, run.entries, std::int64_t{run.height},
               Blob{run.root.bytes()}, Blob{run.pending.bytes()}, Blob{{last.data(), last.size()}},
               static_cast<std::int64_t>(run.taken));
}

void RunQueries::forget(std::int64_t run) { forget_.execute(run); }

void RunQueries::write(std::int64_t slot, bool is_new, std::string_view content) {
  block_.assign(content);
  block_.resize(block_bytes_, padding);
  (is_new ? add_block_ : change_block_).execute(slot, Blob{block_});
}

void RunCursor::seek(const KeyRecord& from) {
  leaf_.clear();
  at_ = 0;
  if (run_->root.empty()) return;
  if (run_->height == 1) {
    open_leaf(0, run_->root.leading_to(from));
  } else {
    const std::size_t directory = run_->root.leading_to(from);
    opened_ = queries_->directory(run_->root.slot(directory));
    open_leaf(directory, opened_.leading_to(from));
  }
  at_ = leaf_.lower_bound(from);
  if (ended())
    next_leaf();
  else
    record_ = leaf_.at(at_);
}

void RunCursor::next() {
  if (++at_ < leaf_.size())
    record_ = leaf_.at(at_);
  else
    next_leaf();
}

void RunCursor::open_leaf(std::size_t directory, std::size_t fence) {
  directory_ = directory;
  fence_ = fence;
  at_ = 0;
  leaf_ = queries_->leaf((run_->height == 1 ? run_->root : opened_).slot(fence));
  record_ = leaf_.at(0);
}

void RunCursor::next_leaf() {
  const std::size_t fences = (run_->height == 1 ? run_->root : opened_).size();
  if (fence_ + 1 < fences) return open_leaf(directory_, fence_ + 1);
  leaf_.clear();
  at_ = 0;
  if (run_->height == 1 || directory_ + 1 >= run_->root.size()) return;
  opened_ = queries_->directory(run_->root.slot(directory_ + 1));
  open_leaf(directory_ + 1, 0);
}

void find_in_run(RunQueries& queries, const KeyRun& run, Key key, std::vector<std::int64_t>& rows, std::size_t most) {
  if (rows.size() >= most) return;
  RunCursor cursor(queries, run);
  for (cursor.seek(KeyRecord(key, 0)); !cursor.ended() && (*cursor).is_of(key); cursor.next()) {
    rows.push_back((*cursor).row());
    if (rows.size() >= most) return;
  }
}

}  // namespace openexec::store
