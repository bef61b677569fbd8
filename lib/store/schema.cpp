#include "store/schema.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include <openexec/version.hpp>

#include "store/rules.hpp"

namespace openexec::store {
namespace {

constexpr const char* tables = R"sql(
-- One row an opening for writing. A ledger that another process opened meanwhile is no longer this one's.
CREATE TABLE openings (epoch INTEGER PRIMARY KEY, pid INTEGER NOT NULL, version TEXT NOT NULL) STRICT;

-- What the data was written under, e.g. the hasher's name.
CREATE TABLE pins (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- One row a claim, in order; never changed. It spends its nonce and its approval for ever.
CREATE TABLE claims (
  id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, nonce TEXT NOT NULL, action TEXT NOT NULL,
  exec_id BLOB NOT NULL, request_hash BLOB NOT NULL, approval_id TEXT, approval_digest BLOB, approval TEXT NOT NULL,
  claimed_at INTEGER NOT NULL, high_water INTEGER NOT NULL) STRICT;

-- How claims ended; changed only where one in doubt is settled.
CREATE TABLE outcomes (
  claim INTEGER PRIMARY KEY, state INTEGER NOT NULL, code INTEGER NOT NULL, effect INTEGER NOT NULL,
  entry INTEGER NOT NULL, ended_at INTEGER NOT NULL, result TEXT NOT NULL) STRICT;

-- What was ordered and stands (ControlKind): halts that were not lifted, and revocations.
CREATE TABLE controls (
  kind INTEGER NOT NULL, id TEXT NOT NULL, tenant TEXT NOT NULL, entry INTEGER NOT NULL,
  PRIMARY KEY (kind, id, tenant)) STRICT, WITHOUT ROWID;

-- The log, in order; never changed. high_water is the highest time of any claim, seal or entry so far.
CREATE TABLE entries (
  idx INTEGER PRIMARY KEY, exec_id BLOB, attempt BLOB, high_water INTEGER NOT NULL, json TEXT NOT NULL) STRICT;

-- The tree over the log, as tiles: one of level 0 when it is full, a higher one each time it gains a hash. Its place is
-- level * 2^56 + index.
CREATE TABLE tiles (place INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;

-- Where claims and entries are found by their keys: sorted runs, and their blocks (key_runs.hpp).
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, level INTEGER NOT NULL, state INTEGER NOT NULL, target INTEGER NOT NULL,
  records INTEGER NOT NULL, claims INTEGER NOT NULL, entries INTEGER NOT NULL, height INTEGER NOT NULL,
  root BLOB NOT NULL, pending BLOB NOT NULL, last BLOB NOT NULL, taken INTEGER NOT NULL) STRICT;
CREATE TABLE blocks (slot INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;

-- One row, written by each transaction: which claims have no outcome yet, as pairs of a gap and a length (running.hpp),
-- and the newest signed checkpoint.
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), running BLOB NOT NULL, checkpoint TEXT NOT NULL) STRICT;
INSERT INTO head VALUES (1, x'', '');
)sql";

constexpr const char* describe_tables =
    "SELECT group_concat(type || ' ' || name || ' ' || sql, char(10)) FROM (SELECT type, name, sql FROM sqlite_schema "
    "WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name)";

constexpr const char* record_columns =
    "SELECT c.tenant, c.nonce, c.action, c.exec_id, c.request_hash, c.approval_digest, c.approval,"
    " o.state, o.code, o.effect, o.result, o.entry, c.id "
    "FROM claims c LEFT JOIN outcomes o ON o.claim = c.id WHERE ";

std::optional<Blob> unless_zero(const Digest& digest) {
  if (is_zero(digest)) return std::nullopt;
  return blob(digest);
}

std::optional<std::string_view> unless_empty(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return text;
}

StoredRecord record_from(const Rows& rows) {
  StoredRecord stored;
  NonceRecord& record = stored.record;
  record.tenant = rows.bytes(0);
  record.nonce = rows.bytes(1);
  record.action = rows.bytes(2);
  record.exec_id = rows.digest(3);
  record.request_hash = rows.digest(4);
  record.approval_digest = rows.digest(5);
  record.approval = rows.bytes(6);
  stored.claim = rows.integer(12);
  if (rows.is_null(7)) {
    record.state = NonceState::claimed;
    return stored;
  }
  const std::int64_t state = rows.integer(7);
  const std::int64_t effect = rows.integer(9);
  if (state != static_cast<int>(NonceState::sealed) && state != static_cast<int>(NonceState::in_doubt))
    throw StoreFailure("the ledger is damaged: an outcome of no known state");
  if (effect < 0 || effect > static_cast<int>(Effect::unknown))
    throw StoreFailure("the ledger is damaged: an outcome of no known effect");
  record.state = static_cast<NonceState>(state);
  record.code = static_cast<Code>(rows.integer(8));
  record.effect = static_cast<Effect>(effect);
  record.result = rows.bytes(10);
  record.entry = static_cast<std::uint64_t>(rows.integer(11));
  return stored;
}

LogLine line_from(const Rows& rows) {
  LogLine line{static_cast<std::uint64_t>(rows.integer(0)), {}, std::string(rows.bytes(1))};
  line.leaf_hash = leaf_hash(line.json);
  return line;
}

std::int64_t place_of(unsigned level, std::uint64_t index) noexcept {
  return static_cast<std::int64_t>(std::uint64_t{level} << 56 | index);
}

std::int64_t limit(std::size_t count) {
  constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(count, most));
}

}  // namespace

void create_schema(Database& database) {
  database.execute("BEGIN");
  database.execute(tables);
  database.execute(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
  database.execute(("PRAGMA user_version = " + std::to_string(schema_version)).c_str());
  database.execute("COMMIT");
}

void check_schema(Database& database) {
  Database expected(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, nullptr);
  expected.execute(tables);
  if (database.text(describe_tables) != expected.text(describe_tables))
    throw StoreFailure("the ledger is damaged: its tables are not those of its schema");
}

ReadQueries::ReadQueries(const Database& database)
    : begin_(database, "BEGIN"),
      end_(database, "END"),
      record_(database, std::string(record_columns) + "c.id = ?1"),
      newest_record_(database, std::string(record_columns) + "c.id > ?1 AND c.tenant = ?2 AND c.nonce = ?3 LIMIT 1"),
      last_claim_(database, "SELECT id, high_water FROM claims ORDER BY id DESC LIMIT 1"),
      last_entry_(database, "SELECT idx, high_water FROM entries ORDER BY idx DESC LIMIT 1"),
      running_(database, "SELECT running FROM head WHERE id = 1"),
      checkpoint_(database, "SELECT checkpoint FROM head WHERE id = 1"),
      tile_(database, "SELECT hashes FROM tiles WHERE place = ?1"),
      pinned_(database, "SELECT value FROM pins WHERE key = ?1"),
      lines_(database, "SELECT idx, json FROM entries WHERE idx >= ?1 ORDER BY idx LIMIT ?2"),
      line_of_(database, "SELECT idx, json FROM entries WHERE idx = ?1 AND exec_id = ?2"),
      newest_lines_of_(database,
                       "SELECT idx, json FROM entries WHERE idx >= ?1 AND exec_id = ?2 ORDER BY idx LIMIT ?3"),
      has_executed_(database,
                    "SELECT 1 FROM claims c JOIN outcomes o ON o.claim = c.id WHERE c.id = ?1 AND c.tenant = ?2"
                    " AND c.approval_id = ?3 AND o.state = ?4 AND o.code = ?5"),
      newest_times_(database, "SELECT high_water, tenant, action FROM claims WHERE id <= ?1 ORDER BY id DESC"),
      controls_(database, "SELECT kind, id, tenant FROM controls WHERE kind > 0 ORDER BY kind, id, tenant"),
      claims_after_(database, "SELECT id, tenant, nonce, approval_id FROM claims WHERE id > ?1 ORDER BY id"),
      entries_from_(database, "SELECT idx, exec_id, attempt FROM entries WHERE idx >= ?1 ORDER BY idx") {}

std::optional<StoredRecord> ReadQueries::record(std::int64_t claim) {
  Rows rows = record_.run(claim);
  if (!rows.next()) return std::nullopt;
  return record_from(rows);
}

std::optional<StoredRecord> ReadQueries::newest_record(std::int64_t after, std::string_view tenant,
                                                       std::string_view nonce) {
  Rows rows = newest_record_.run(after, tenant, nonce);
  if (!rows.next()) return std::nullopt;
  return record_from(rows);
}

Position ReadQueries::position() {
  Position position;
  if (Rows rows = last_claim_.run(); rows.next()) {
    position.claims = rows.integer(0);
    position.latest = {rows.integer(1)};
  }
  if (Rows rows = last_entry_.run(); rows.next()) {
    position.entries = rows.integer(0) + 1;
    position.latest = std::max(position.latest, Timestamp{rows.integer(1)});
  }
  return position;
}

std::string ReadQueries::running() {
  Rows rows = running_.run();
  if (!rows.next()) throw StoreFailure("the ledger is damaged: it has no head");
  return std::string(rows.bytes(0));
}

std::string ReadQueries::checkpoint() {
  Rows rows = checkpoint_.run();
  if (!rows.next()) throw StoreFailure("the ledger is damaged: it has no head");
  return std::string(rows.bytes(0));
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
  Rows rows = lines_.run(static_cast<std::int64_t>(first), limit(count));
  for (std::uint64_t index = first; rows.next(); ++index) {
    if (static_cast<std::uint64_t>(rows.integer(0)) != index) return;
    hashes.push_back(leaf_hash(rows.bytes(1)));
  }
}

std::optional<std::string> ReadQueries::pinned(std::string_view key) {
  Rows rows = pinned_.run(key);
  if (!rows.next()) return std::nullopt;
  return std::string(rows.bytes(0));
}

bool ReadQueries::has_executed(std::int64_t claim, std::string_view tenant, std::string_view approval_id) {
  return has_executed_
      .run(claim, tenant, approval_id, std::int64_t{static_cast<int>(NonceState::sealed)},
           std::int64_t{static_cast<int>(Code::ok)})
      .next();
}

std::vector<std::int64_t> ReadQueries::times_after(std::int64_t over, std::string_view tenant, std::string_view action) {
  std::vector<std::int64_t> times;
  Rows rows = newest_times_.run(std::numeric_limits<std::int64_t>::max());
  while (rows.next() && rows.integer(0) > over)
    if (rows.bytes(1) == tenant && rows.bytes(2) == action) times.push_back(rows.integer(0));
  std::reverse(times.begin(), times.end());
  return times;
}

std::vector<ControlName> ReadQueries::controls() {
  std::vector<ControlName> controls;
  Rows rows = controls_.run();
  while (rows.next()) {
    const std::int64_t kind = rows.integer(0);
    if (kind < static_cast<int>(ControlKind::halt) || kind > static_cast<int>(ControlKind::revoke_key))
      throw StoreFailure("the ledger is damaged: a control of no known kind");
    controls.push_back({static_cast<ControlKind>(kind), std::string(rows.bytes(1)), std::string(rows.bytes(2))});
  }
  return controls;
}

std::vector<LogLine> ReadQueries::lines(std::uint64_t first, std::size_t count) {
  if (first > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {};
  std::vector<LogLine> lines;
  Rows rows = lines_.run(static_cast<std::int64_t>(first), limit(count));
  while (rows.next()) lines.push_back(line_from(rows));
  return lines;
}

std::optional<LogLine> ReadQueries::line_of(std::int64_t index, const Digest& exec_id) {
  Rows rows = line_of_.run(index, blob(exec_id));
  if (!rows.next()) return std::nullopt;
  return line_from(rows);
}

void ReadQueries::newest_lines_of(std::int64_t from, const Digest& exec_id, std::size_t count,
                                  std::vector<LogLine>& lines) {
  Rows rows = newest_lines_of_.run(from, blob(exec_id), limit(count));
  while (rows.next()) lines.push_back(line_from(rows));
}

void ReadQueries::keys(RunQueries::Watermark after, const std::function<void(Key, std::int64_t row)>& give) {
  {
    Rows rows = claims_after_.run(after.claims);
    while (rows.next()) {
      const std::string_view tenant = rows.bytes(1);
      give(Key(KeyKind::nonce, pair_key(tenant, rows.bytes(2))), rows.integer(0));
      if (!rows.is_null(3)) give(Key(KeyKind::approval, pair_key(tenant, rows.bytes(3))), rows.integer(0));
    }
  }
  Rows rows = entries_from_.run(after.entries);
  while (rows.next()) {
    if (!rows.is_null(1)) give(Key(KeyKind::execution, rows.digest(1)), rows.integer(0));
    if (!rows.is_null(2)) give(Key(KeyKind::attempt, rows.digest(2)), rows.integer(0));
  }
}

WriteQueries::WriteQueries(const Database& database)
    : begin_(database, "BEGIN IMMEDIATE"),
      commit_(database, "COMMIT"),
      rollback_(database, "ROLLBACK"),
      last_epoch_(database, "SELECT max(epoch) FROM openings"),
      new_epoch_(database, "INSERT INTO openings (pid, version) VALUES (?1, ?2) RETURNING epoch"),
      spends_(database, "SELECT 1 FROM claims WHERE id = ?1 AND tenant = ?2 AND approval_id = ?3"),
      is_attempt_(database, "SELECT 1 FROM entries WHERE idx = ?1 AND attempt = ?2"),
      add_claim_(database, "INSERT INTO claims VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
      add_outcome_(database, "INSERT OR REPLACE INTO outcomes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
      add_entry_(database, "INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5)"),
      add_tile_(database, "INSERT OR REPLACE INTO tiles VALUES (?1, ?2)"),
      set_head_(database, "UPDATE head SET running = ?1, checkpoint = ?2 WHERE id = 1"),
      add_pin_(database, "INSERT INTO pins VALUES (?1, ?2)"),
      add_control_(database, "INSERT OR REPLACE INTO controls VALUES (?1, ?2, ?3, ?4)"),
      remove_control_(database, "DELETE FROM controls WHERE kind = ?1 AND id = ?2 AND tenant = ?3") {}

std::int64_t WriteQueries::new_epoch() {
  Rows rows = new_epoch_.run(std::int64_t{::getpid()}, version());
  if (!rows.next()) throw StoreFailure("the ledger gave no number to this opening");
  const std::int64_t epoch = rows.integer(0);
  while (rows.next()) {
  }
  return epoch;
}

std::int64_t WriteQueries::last_epoch() {
  Rows rows = last_epoch_.run();
  return rows.next() ? rows.integer(0) : 0;
}

bool WriteQueries::spends(std::int64_t claim, std::string_view tenant, std::string_view approval_id) {
  return spends_.run(claim, tenant, approval_id).next();
}

bool WriteQueries::is_attempt(std::int64_t entry, const Digest& attempt) {
  return is_attempt_.run(entry, blob(attempt)).next();
}

std::int64_t WriteQueries::add_claim(const Claim& claim, Position& at) {
  at.latest = std::max(at.latest, claim.at);
  const std::int64_t id = ++at.claims;
  add_claim_.execute(id, claim.tenant, claim.nonce, claim.action, blob(claim.exec_id), blob(claim.request_hash),
                     unless_empty(claim.approval_id), unless_zero(claim.approval_digest), claim.approval,
                     claim.at.micros, at.latest.micros);
  return id;
}

void WriteQueries::add_outcome(const Seal& seal, std::int64_t claim, std::uint64_t entry) {
  add_outcome_.execute(claim, std::int64_t{static_cast<int>(seal.state)}, std::int64_t{static_cast<int>(seal.code)},
                       std::int64_t{static_cast<int>(seal.effect)}, static_cast<std::int64_t>(entry), seal.at.micros,
                       seal.result);
}

std::uint64_t WriteQueries::add_entry(const NewEntry& entry, Position& at) {
  at.latest = std::max(at.latest, entry.at);
  const std::int64_t index = at.entries++;
  add_entry_.execute(index, unless_zero(entry.exec_id), unless_zero(entry.attempt), at.latest.micros, entry.json);
  return static_cast<std::uint64_t>(index);
}

void WriteQueries::add_tile(unsigned level, std::uint64_t index, std::span<const Digest> hashes) {
  add_tile_.execute(place_of(level, index), Blob{{reinterpret_cast<const char*>(hashes.data()), hashes.size_bytes()}});
}

void WriteQueries::set_head(std::string_view running, std::string_view checkpoint) {
  set_head_.execute(Blob{running}, checkpoint);
}

void WriteQueries::set_control(const ControlName& name, bool stands, std::uint64_t entry) {
  const std::int64_t kind = static_cast<int>(name.kind);
  if (stands)
    add_control_.execute(kind, std::string_view(name.id), std::string_view(name.tenant),
                         static_cast<std::int64_t>(entry));
  else
    remove_control_.execute(kind, std::string_view(name.id), std::string_view(name.tenant));
}

void WriteQueries::add_pin(const Pin& pin) { add_pin_.execute(pin.key, pin.value); }

}  // namespace openexec::store
