// SPDX-License-Identifier: Apache-2.0
#include "rows/schema.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <string>
#include <tuple>

#include <openexec/version.hpp>

#include "crypto/sha256.hpp"
#include "rows/rules.hpp"

namespace openexec::store {
namespace {

constexpr const char* tables = R"sql(
-- One row an opening for writing. A ledger that another process opened meanwhile is no longer this one's. The hash covers
-- that of the opening before.
CREATE TABLE openings (
  epoch INTEGER PRIMARY KEY, pid INTEGER NOT NULL, version TEXT NOT NULL, opened_at INTEGER NOT NULL, identity TEXT,
  device INTEGER, path TEXT NOT NULL, adopts INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;

-- What the data was written under, e.g. the hasher's name.
CREATE TABLE pins (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- One row for the claims of a transaction, or several; never changed. They spend their nonces and approvals for ever.
CREATE TABLE claims (
  first INTEGER PRIMARY KEY, count INTEGER NOT NULL, hash BLOB NOT NULL, content BLOB NOT NULL) STRICT;

-- The log, and how claims ended: one row for the entries of a transaction, or several; never changed.
CREATE TABLE entries (
  first INTEGER PRIMARY KEY, count INTEGER NOT NULL, hash BLOB NOT NULL, content BLOB NOT NULL) STRICT;

-- What claims resulted in; changed only where results are removed.
CREATE TABLE results (
  first INTEGER PRIMARY KEY, count INTEGER NOT NULL, sum BLOB NOT NULL, content BLOB NOT NULL) STRICT;

-- What was ordered and stands (ControlKind): halts that were not lifted, and revocations.
CREATE TABLE controls (
  kind INTEGER NOT NULL, id TEXT NOT NULL, tenant TEXT NOT NULL, entry INTEGER NOT NULL,
  PRIMARY KEY (kind, id, tenant)) STRICT, WITHOUT ROWID;

-- Claims in doubt, with the entries that say so; gone when they are settled. The head counts and sums them up.
CREATE TABLE doubts (entry INTEGER PRIMARY KEY, claim INTEGER NOT NULL) STRICT;

-- The tree over the log, as tiles: one of level 0 when it is full, a higher one each time it gains a hash. Its place is
-- level * 2^56 + index.
CREATE TABLE tiles (place INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;

-- Where claims and entries are found by their keys: sorted runs, and their blocks (key_runs.hpp).
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, level INTEGER NOT NULL, state INTEGER NOT NULL, target INTEGER NOT NULL,
  records INTEGER NOT NULL, key_sum INTEGER NOT NULL, claims INTEGER NOT NULL, entries INTEGER NOT NULL,
  height INTEGER NOT NULL, root BLOB NOT NULL, pending BLOB NOT NULL, last BLOB NOT NULL, taken INTEGER NOT NULL,
  sum BLOB NOT NULL) STRICT;
CREATE TABLE blocks (slot INTEGER PRIMARY KEY, sum BLOB NOT NULL, content BLOB NOT NULL) STRICT;

-- One row, replaced by each transaction (head.hpp), with the newest signed checkpoint.
CREATE TABLE head (
  id INTEGER PRIMARY KEY CHECK (id = 1), hash BLOB NOT NULL, content BLOB NOT NULL, checkpoint TEXT NOT NULL) STRICT;
)sql";

constexpr const char* describe_tables =
    "SELECT group_concat(type || ' ' || name || ' ' || sql, char(10)) FROM (SELECT type, name, sql FROM sqlite_schema "
    "WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name)";

[[noreturn]] void damaged(const std::string& what) { throw StoreFailure("the ledger is damaged: " + what); }

std::int64_t place_of(unsigned level, std::uint64_t index) noexcept {
  return static_cast<std::int64_t>(std::uint64_t{level} << 56 | index);
}

std::optional<std::string_view> as_view(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return std::string_view(*text);
}

Digest opening_hash(const Opening& opening, std::int64_t pid, std::string_view program, const Digest& before) {
  std::string bytes;
  append_signed(opening.epoch, bytes);
  append_signed(pid, bytes);
  append_text(program, bytes);
  append_signed(opening.at.micros, bytes);
  append_number(opening.identity ? 1 : 0, bytes);
  append_text(opening.identity.value_or(std::string()), bytes);
  append_number(opening.device ? 1 : 0, bytes);
  append_signed(opening.device.value_or(0), bytes);
  append_text(opening.path, bytes);
  append_number(opening.adopts ? 1 : 0, bytes);
  return crypto::sha256({"openexec opening", bytes_of(before), bytes});
}

}  // namespace

Timestamp wall_clock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}

void create_schema(Database& database) {
  database.execute("BEGIN");
  database.execute(tables);
  ReadQueries read(database);
  WriteQueries write(database, read);
  Head head;
  std::tie(head.pins, head.controls) = read.table_digests();  // of tables without rows
  write.set_head(head);
  database.execute(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
  database.execute(("PRAGMA user_version = " + std::to_string(schema_version)).c_str());
  database.execute("COMMIT");
}

void check_schema(Database& database) { check_tables(database, tables); }

void check_tables(Database& database, const char* expected_tables) {
  Database expected(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, nullptr);
  expected.execute(expected_tables);
  if (database.text(describe_tables) != expected.text(describe_tables))
    damaged("its tables are not those of its schema");
}

Key nonce_key(std::string_view tenant, std::string_view nonce) noexcept {
  return {KeyKind::nonce, pair_key(tenant, nonce)};
}

Key approval_key(std::string_view tenant, std::string_view approval_id) noexcept {
  return {KeyKind::approval, pair_key(tenant, approval_id)};
}

void give_keys(const RowView& claims, std::int64_t after, const std::function<void(Key, std::int64_t number)>& give) {
  Members<StoredClaim> members(claims);
  StoredClaim stored;
  for (std::int64_t number = claims.first; members.next(stored); ++number) {
    if (number <= after) continue;
    const Claim& claim = stored.claim;
    give(nonce_key(claim.tenant, claim.nonce), number);
    give_approval_keys(claim, [&](const Key& key) { give(key, number); });
  }
}

void give_entry_keys(const RowView& entries, std::int64_t from,
                     const std::function<void(Key, std::int64_t number)>& give) {
  Members<StoredEntry> members(entries);
  StoredEntry entry;
  for (std::int64_t index = entries.first; members.next(entry); ++index) {
    if (index < from) continue;
    if (entry.ending || !is_zero(entry.exec_id))
      give(Key(entry.ending ? KeyKind::outcome : KeyKind::execution, entry.exec_id), index);
    if (!is_zero(entry.attempt)) give(Key(KeyKind::attempt, entry.attempt), index);
  }
}

ReadQueries::ReadQueries(const Database& database)
    : claims_(database, RowKind::claims),
      entries_(database, RowKind::entries),
      results_(database),
      begin_(database, "BEGIN"),
      end_(database, "END"),
      head_(database, "SELECT hash, content, checkpoint FROM head WHERE id = 1"),
      tile_(database, "SELECT hashes FROM tiles WHERE place = ?1"),
      pins_(database, "SELECT key, value FROM pins WHERE key > '' ORDER BY key"),
      controls_(database, "SELECT kind, id, tenant, entry FROM controls WHERE kind > 0 ORDER BY kind, id, tenant"),
      doubts_(database, "SELECT entry, claim FROM doubts WHERE entry > ?1 ORDER BY entry LIMIT ?2"),
      last_opening_(database,
                    "SELECT epoch, pid, version, opened_at, identity, device, path, adopts, hash FROM openings "
                    "WHERE epoch > 0 ORDER BY epoch DESC LIMIT 2") {}

const Head& ReadQueries::head() {
  Rows rows = head_.run();
  if (!rows.next()) damaged("it has no head");
  const Digest hash = rows.digest(0);
  const std::string_view content = rows.bytes(1), checkpoint = rows.bytes(2);
  const std::string_view known = head_bytes_;
  const bool same = known.size() == sizeof hash + content.size() && known.substr(0, sizeof hash) == bytes_of(hash) &&
                    known.substr(sizeof hash) == content && head_read_.checkpoint == checkpoint;
  if (same) return head_read_;
  head_bytes_.clear();
  if (head_hash(content, checkpoint) != hash) damaged("its head is not the one that was written");
  head_read_ = read_head(content, std::string(checkpoint));
  head_bytes_.append(bytes_of(hash)).append(content);
  return head_read_;
}

void ReadQueries::check(const Head& head) {
  if (claims_.end() != head.claims) damaged("its claims do not end where its head says");
  if (entries_.end() != head.entries) damaged("its entries do not end where its head says");
  if (pins_digest() != head.pins) damaged("its pins are not those of its head");
  if (controls_digest() != head.controls) damaged("its controls are not those of its head");
  if (doubts_state() != head.doubts) damaged("its claims in doubt are not those of its head");
  const auto opening = newest_opening();
  if ((opening ? opening->second : Digest{}) != head.openings) damaged("its openings are not those of its head");
}

std::pair<Digest, Digest> ReadQueries::table_digests() { return {pins_digest(), controls_digest()}; }

Digest ReadQueries::pins_digest() {
  std::string bytes;
  Rows rows = pins_.run();
  while (rows.next()) {
    append_text(rows.bytes(0), bytes);
    append_text(rows.bytes(1), bytes);
  }
  return crypto::sha256({"openexec pins", bytes});
}

Digest ReadQueries::controls_digest(std::vector<ControlName>* controls) {
  std::string bytes;
  Rows rows = controls_.run();
  while (rows.next()) {
    const std::int64_t kind = rows.integer(0);
    append_signed(kind, bytes);
    append_text(rows.bytes(1), bytes);
    append_text(rows.bytes(2), bytes);
    append_signed(rows.integer(3), bytes);
    if (controls == nullptr) continue;
    if (kind < static_cast<int>(ControlKind::halt) || kind > static_cast<int>(ControlKind::confirm_clock))
      damaged("a control of no known kind");
    controls->push_back({static_cast<ControlKind>(kind), std::string(rows.bytes(1)), std::string(rows.bytes(2)),
                         static_cast<std::uint64_t>(rows.integer(3))});
  }
  return crypto::sha256({"openexec controls", bytes});
}

std::optional<std::pair<Opening, Digest>> ReadQueries::newest_opening() {
  Rows rows = last_opening_.run();
  if (!rows.next()) return std::nullopt;
  Opening opening;
  opening.epoch = rows.integer(0);
  const std::int64_t pid = rows.integer(1);
  const std::string program(rows.bytes(2));
  opening.at = {rows.integer(3)};
  if (!rows.is_null(4)) opening.identity = rows.bytes(4);
  if (!rows.is_null(5)) opening.device = rows.integer(5);
  opening.path = rows.bytes(6);
  opening.adopts = rows.integer(7) != 0;
  const Digest hash = rows.digest(8);
  const Digest before = rows.next() ? rows.digest(8) : Digest{};
  if (opening_hash(opening, pid, program, before) != hash) damaged("its newest opening");
  return std::pair(std::move(opening), hash);
}

std::optional<Opening> ReadQueries::last_opening() {
  auto newest = newest_opening();
  if (!newest) return std::nullopt;
  return std::move(newest->first);
}

std::string ReadQueries::result(const Ending& ending, std::int64_t entry) {
  if (!ending.result_row) return {};
  if (staged_ != nullptr)
    if (const OwnedRow* const row = staged_->results.at(*ending.result_row)) {
      Results results(view_of(*row));
      for (StoredResult result; results.next(result);)
        if (result.entry == entry) return std::string(result.text);
    }
  return results_.result(*ending.result_row, entry);
}

bool ReadQueries::tile(unsigned level, std::uint64_t index, std::size_t width, std::vector<Digest>& hashes) {
  Rows rows = tile_.run(place_of(level, index));
  if (!rows.next()) return false;
  const std::string_view bytes = rows.bytes(0);
  if (bytes.size() < width * sizeof(Digest)) return false;
  hashes.resize(width);
  std::memcpy(hashes.data(), bytes.data(), width * sizeof(Digest));
  return true;
}

void ReadQueries::leaves(std::uint64_t first, std::size_t count, std::vector<Digest>& hashes) {
  for (const LogLine& line : lines(first, count)) hashes.push_back(line.leaf_hash);
}

std::optional<std::string> ReadQueries::pinned(std::string_view key, const Digest& digest) {
  if (pins_digest() != digest) damaged("its pins are not those of its head");
  Rows rows = pins_.run();
  while (rows.next())
    if (rows.bytes(0) == key) return std::string(rows.bytes(1));
  return std::nullopt;
}

std::vector<std::int64_t> ReadQueries::times_after(std::int64_t over, std::string_view tenant,
                                                   std::string_view action) {
  std::vector<std::int64_t> times;  // the newest first
  const auto add = [&](const RowView& row) {
    std::vector<std::int64_t> here;
    Members<StoredClaim> members(row);
    bool before = false;
    for (StoredClaim stored; members.next(stored);) {
      if (stored.high_water.micros <= over)
        before = true;
      else if (stored.claim.tenant == tenant && stored.claim.action == action)
        here.push_back(stored.high_water.micros);
    }
    times.insert(times.end(), here.rbegin(), here.rend());
    return !before;
  };
  bool more = true;
  if (staged_ != nullptr) {
    const std::vector<OwnedRow>& rows = staged_->claims.rows();
    for (auto row = rows.rbegin(); row != rows.rend() && more; ++row) more = add(view_of(*row));
  }
  if (const std::int64_t last = head().claim_count(); more && last > 0) claims_.walk_back(last, add);
  std::reverse(times.begin(), times.end());
  return times;
}

std::vector<ControlName> ReadQueries::controls(const Digest& digest) {
  std::vector<ControlName> controls;
  if (controls_digest(&controls) != digest) damaged("its controls are not those of its head");
  return controls;
}

std::vector<std::pair<std::int64_t, std::int64_t>> ReadQueries::doubts(std::int64_t after, std::int64_t count) {
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  Rows rows = doubts_.run(after, count);
  while (rows.next()) found.emplace_back(rows.integer(0), rows.integer(1));
  return found;
}

Head::Doubts ReadQueries::doubts_state() {
  Head::Doubts state;
  Rows rows = doubts_.run(std::numeric_limits<std::int64_t>::min(), std::int64_t{-1});
  while (rows.next()) state.add(rows.integer(0), rows.integer(1));
  return state;
}

std::vector<LogLine> ReadQueries::lines(std::uint64_t first, std::size_t count) {
  std::vector<LogLine> lines;
  const std::uint64_t size = head().entry_count();
  if (first >= size || count == 0) return lines;
  const std::uint64_t end = first + std::min<std::uint64_t>(count, size - first);
  entries_.walk(static_cast<std::int64_t>(first), [&](const RowView& row) {
    Members<StoredEntry> members(row);
    auto index = static_cast<std::uint64_t>(row.first);
    for (StoredEntry entry; members.next(entry) && index < end; ++index)
      if (index >= first) lines.push_back({index, {}, entry.json()});
    return static_cast<std::uint64_t>(row.end()) < end;
  });
  for (LogLine& line : lines) line.leaf_hash = leaf_hash(line.json);
  return lines;
}

bool ReadQueries::has_claims_of(std::string_view tenant, std::int64_t first_claims) {
  bool found = false;
  if (first_claims == 0) return found;
  claims_.walk(1, [&](const RowView& row) {
    Members<StoredClaim> members(row);
    for (StoredClaim stored; members.next(stored);) found = found || stored.claim.tenant == tenant;
    return !found && row.end() <= first_claims;
  });
  return found;
}

void ReadQueries::keys(RunQueries::Watermark after, const std::function<void(Key, std::int64_t number)>& give) {
  const Head newest = head();
  if (after.claims > newest.claim_count() || after.entries > newest.entries.next)
    damaged("its index reaches further than its rows");
  if (after.claims < newest.claim_count()) {
    const auto end = claims_.walk(after.claims + 1, [&](const RowView& row) {
      give_keys(row, after.claims, give);
      return true;
    });
    if (end != newest.claims) claims_.lost();
  }
  if (after.entries < newest.entries.next) {
    const auto end = entries_.walk(after.entries, [&](const RowView& row) {
      give_entry_keys(row, after.entries, give);
      return true;
    });
    if (end != newest.entries) entries_.lost();
  }
}

WriteQueries::WriteQueries(const Database& database, ReadQueries& read)
    : read_(read),
      begin_(database, "BEGIN IMMEDIATE"),
      commit_(database, "COMMIT"),
      rollback_(database, "ROLLBACK"),
      new_opening_(database, "INSERT INTO openings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
      add_tile_(database, "INSERT OR REPLACE INTO tiles VALUES (?1, ?2)"),
      set_head_(database, "INSERT OR REPLACE INTO head VALUES (1, ?1, ?2, ?3)"),
      add_pin_(database, "INSERT INTO pins VALUES (?1, ?2)"),
      add_control_(database, "INSERT OR REPLACE INTO controls VALUES (?1, ?2, ?3, ?4)"),
      remove_control_(database, "DELETE FROM controls WHERE kind = ?1 AND id = ?2 AND tenant = ?3"),
      add_doubt_(database, "INSERT INTO doubts VALUES (?1, ?2)"),
      remove_doubt_(database, "DELETE FROM doubts WHERE entry = ?1 AND claim = ?2 RETURNING entry") {
  read_.see(staged_);
}

void WriteQueries::add_opening(Opening opening, Head& at) {
  opening.epoch = at.epoch + 1;
  opening.at = wall_clock();
  const std::int64_t pid = ::getpid();
  const Digest hash = opening_hash(opening, pid, version(), at.openings);
  new_opening_.execute(opening.epoch, pid, version(), opening.at.micros, as_view(opening.identity), opening.device,
                       std::string_view(opening.path), std::int64_t{opening.adopts ? 1 : 0}, blob(hash));
  at.epoch = opening.epoch;
  at.openings = hash;
}

std::int64_t WriteQueries::add_claim(const Claim& claim, std::int64_t follows, Head& at) {
  at.latest = std::max(at.latest, claim.at);
  const std::int64_t number = at.claims.next;
  add_stored({claim, {claim.approval}, at.latest, follows}, at);
  return number;
}

std::uint64_t WriteQueries::add_entry(const NewEntry& entry, const Digest& leaf, Head& at) {
  at.latest = std::max(at.latest, entry.at);
  const std::int64_t index = at.entries.next;
  add_stored({{entry.json}, entry.exec_id, entry.attempt, at.latest, std::nullopt}, leaf, {}, at);
  return static_cast<std::uint64_t>(index);
}

std::uint64_t WriteQueries::add_seal(const Seal& seal, const Digest& leaf, std::int64_t claim, Head& at) {
  at.latest = std::max(at.latest, seal.at);
  const std::int64_t index = at.entries.next;
  const Ending ending{claim, seal.state, seal.code, seal.effect, seal.at, std::nullopt, seal.retryable};
  add_stored({{seal.entry}, seal.exec_id, {}, at.latest, ending}, leaf, seal.result, at);
  return static_cast<std::uint64_t>(index);
}

void WriteQueries::add_stored(const StoredClaim& claim, Head& at) {
  append_claim(claim, staged_.claims.row_for(at.claims.next++).content);
}

void WriteQueries::add_stored(const StoredEntry& entry, const Digest& leaf, std::string_view result, Head& at) {
  const std::int64_t index = at.entries.next++;
  StoredEntry stored = entry;
  if (stored.ending) stored.ending->result_row = stage_result(index, result);
  if (stored.ending && stored.ending->state == NonceState::in_doubt) add_doubt(index, stored.ending->claim, at);
  append_entry(stored, leaf, index, staged_.entries.row_for(index));
}

void WriteQueries::add_doubt(std::int64_t entry, std::int64_t claim, Head& at) {
  add_doubt_.execute(entry, claim);
  at.doubts.add(entry, claim);
}

void WriteQueries::remove_doubt(std::uint64_t entry, std::int64_t claim, Head& at) {
  const auto index = static_cast<std::int64_t>(entry);
  Rows removed = remove_doubt_.run(index, claim);
  if (!removed.next()) damaged("a claim in doubt is not listed as one");
  at.doubts.remove(index, claim);
}

std::optional<std::int64_t> WriteQueries::stage_result(std::int64_t entry, std::string_view result) {
  if (result.empty()) return std::nullopt;
  const bool alone = result.size() > large_result_bytes;
  std::string& content = staged_.results.row_for(entry, alone).content;
  const std::int64_t row = alone ? entry : staged_.results.open_row();
  append_result({entry, result}, row, content);
  return row;
}

void WriteQueries::flush(Head& at) {
  read_.claims_.append(staged_.claims.rows(), at.claims);
  read_.entries_.append(staged_.entries.rows(), at.entries);
  for (const OwnedRow& row : staged_.results.rows()) read_.results_.put(view_of(row));
  staged_.clear();
}

void WriteQueries::add_tile(unsigned level, std::uint64_t index, std::span<const Digest> hashes) {
  add_tile_.execute(place_of(level, index), Blob{{reinterpret_cast<const char*>(hashes.data()), hashes.size_bytes()}});
}

void WriteQueries::set_head(const Head& head) {
  const std::string content = write_head(head);
  set_head_.execute(blob(head_hash(content, head.checkpoint)), Blob{content}, std::string_view(head.checkpoint));
}

void WriteQueries::add_pin(const Pin& pin, Head& at) {
  add_pin_.execute(pin.key, pin.value);
  at.pins = read_.pins_digest();
}

void WriteQueries::set_control(const ControlName& name, bool stands, std::uint64_t entry, Head& at) {
  const std::int64_t kind = static_cast<int>(name.kind);
  if (stands)
    add_control_.execute(kind, std::string_view(name.id), std::string_view(name.tenant),
                         static_cast<std::int64_t>(entry));
  else
    remove_control_.execute(kind, std::string_view(name.id), std::string_view(name.tenant));
  at.controls = read_.controls_digest();
}

}  // namespace openexec::store
