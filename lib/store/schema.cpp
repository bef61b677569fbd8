#include "store/schema.hpp"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <string>

#include <openexec/version.hpp>

#include "store/rules.hpp"

namespace openexec::store {
namespace {

constexpr const char* tables = R"sql(
-- One row an opening for writing. Claims carry its number, so that a later one knows whose process died.
CREATE TABLE openings (epoch INTEGER PRIMARY KEY, pid INTEGER NOT NULL, version TEXT NOT NULL) STRICT;

-- What the data was written under, e.g. the hasher's name.
CREATE TABLE pins (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- One row a claim, in order; never changed.
CREATE TABLE attempts (
  id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, nonce TEXT NOT NULL, action TEXT NOT NULL,
  exec_id BLOB NOT NULL, request_hash BLOB NOT NULL, approval_id TEXT, approval_digest BLOB, approval TEXT NOT NULL,
  claimed_at INTEGER NOT NULL, high_water INTEGER NOT NULL) STRICT;

-- What is spent, for ever: the first 16 bytes of pair_key().
CREATE TABLE nonces (key BLOB PRIMARY KEY, attempt INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE approvals (key BLOB PRIMARY KEY, attempt INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Claims without an outcome: a handful of rows, whatever the ledger's length.
CREATE TABLE running (attempt INTEGER PRIMARY KEY, epoch INTEGER NOT NULL) STRICT;

-- How attempts ended; changed only where an attempt in doubt is settled.
CREATE TABLE outcomes (
  attempt INTEGER PRIMARY KEY, state INTEGER NOT NULL, code INTEGER NOT NULL, effect INTEGER NOT NULL,
  entry INTEGER NOT NULL, ended_at INTEGER NOT NULL, result TEXT NOT NULL) STRICT;

-- The log, in order; never changed. high_water is the highest time of any claim, seal or entry so far.
CREATE TABLE entries (
  idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL, exec_id BLOB, attempt BLOB, high_water INTEGER NOT NULL,
  json TEXT NOT NULL) STRICT;
CREATE INDEX entries_by_exec ON entries (substr(exec_id, 1, 8)) WHERE exec_id IS NOT NULL;
CREATE UNIQUE INDEX entries_by_attempt ON entries (attempt) WHERE attempt IS NOT NULL;
)sql";

constexpr const char* describe_tables =
    "SELECT group_concat(type || ' ' || name || ' ' || sql, char(10)) FROM (SELECT type, name, sql FROM sqlite_schema "
    "WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name)";

constexpr const char* record_columns =
    "SELECT a.tenant, a.nonce, a.action, a.exec_id, a.request_hash, a.approval_digest, a.approval,"
    " o.state, o.code, o.effect, o.result, o.entry, a.id ";

constexpr std::size_t key_size = 16;

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
  stored.attempt = rows.integer(12);
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

std::vector<LogLine> lines_from(Rows rows) {
  std::vector<LogLine> lines;
  while (rows.next())
    lines.push_back({static_cast<std::uint64_t>(rows.integer(0)), rows.digest(1), std::string(rows.bytes(2))});
  return lines;
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
    : record_(database,
              std::string(record_columns) +
                  "FROM nonces n JOIN attempts a ON a.id = n.attempt LEFT JOIN outcomes o ON o.attempt = a.id "
                  "WHERE n.key = ?1"),
      last_attempt_(database, "SELECT id, high_water FROM attempts ORDER BY id DESC LIMIT 1"),
      last_entry_(database, "SELECT idx, high_water FROM entries ORDER BY idx DESC LIMIT 1"),
      orphans_(database,
               std::string(record_columns) +
                   "FROM running r JOIN attempts a ON a.id = r.attempt LEFT JOIN outcomes o ON o.attempt = a.id "
                   "WHERE r.epoch < ?1 ORDER BY r.attempt"),
      pinned_(database, "SELECT value FROM pins WHERE key = ?1"),
      lines_(database, "SELECT idx, leaf, json FROM entries WHERE idx >= ?1 ORDER BY idx LIMIT ?2"),
      lines_of_(database,
                "SELECT idx, leaf, json FROM entries WHERE substr(exec_id, 1, 8) = substr(?1, 1, 8) AND exec_id = ?1 "
                "ORDER BY idx LIMIT ?2") {}

std::optional<StoredRecord> ReadQueries::record(std::string_view tenant, std::string_view nonce) {
  const Digest key = pair_key(tenant, nonce);
  Rows rows = record_.run(blob(key, key_size));
  if (!rows.next()) return std::nullopt;
  return record_from(rows);
}

Position ReadQueries::position() {
  Position position;
  if (Rows rows = last_attempt_.run(); rows.next()) {
    position.attempts = rows.integer(0);
    position.latest = {rows.integer(1)};
  }
  if (Rows rows = last_entry_.run(); rows.next()) {
    position.entries = rows.integer(0) + 1;
    position.latest = std::max(position.latest, Timestamp{rows.integer(1)});
  }
  return position;
}

std::vector<NonceRecord> ReadQueries::orphans(std::int64_t epoch) {
  std::vector<NonceRecord> found;
  Rows rows = orphans_.run(epoch);
  while (rows.next()) found.push_back(record_from(rows).record);
  return found;
}

std::optional<std::string> ReadQueries::pinned(std::string_view key) {
  Rows rows = pinned_.run(key);
  if (!rows.next()) return std::nullopt;
  return std::string(rows.bytes(0));
}

std::vector<LogLine> ReadQueries::lines(std::uint64_t first, std::size_t count) {
  if (first > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {};
  return lines_from(lines_.run(static_cast<std::int64_t>(first), limit(count)));
}

std::vector<LogLine> ReadQueries::lines_of(const Digest& exec_id, std::size_t count) {
  return lines_from(lines_of_.run(blob(exec_id), limit(count)));
}

WriteQueries::WriteQueries(const Database& database)
    : begin_(database, "BEGIN IMMEDIATE"),
      commit_(database, "COMMIT"),
      rollback_(database, "ROLLBACK"),
      last_epoch_(database, "SELECT max(epoch) FROM openings"),
      new_epoch_(database, "INSERT INTO openings (pid, version) VALUES (?1, ?2) RETURNING epoch"),
      disown_(database, "UPDATE running SET epoch = 0 WHERE attempt > ?1 AND attempt <= ?2"),
      approval_spent_(database, "SELECT 1 FROM approvals WHERE key = ?1"),
      entry_of_(database, "SELECT idx FROM entries WHERE attempt = ?1"),
      add_attempt_(database, "INSERT INTO attempts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"),
      add_nonce_(database, "INSERT INTO nonces VALUES (?1, ?2)"),
      add_approval_(database, "INSERT INTO approvals VALUES (?1, ?2)"),
      add_running_(database, "INSERT INTO running VALUES (?1, ?2)"),
      add_outcome_(database, "INSERT OR REPLACE INTO outcomes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
      end_running_(database, "DELETE FROM running WHERE attempt = ?1"),
      add_entry_(database, "INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
      add_pin_(database, "INSERT INTO pins VALUES (?1, ?2)") {}

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

void WriteQueries::disown(std::int64_t after, std::int64_t last) { disown_.execute(after, last); }

bool WriteQueries::approval_spent(const Claim& claim) {
  const Digest key = pair_key(claim.tenant, claim.approval_id);
  return approval_spent_.run(blob(key, key_size)).next();
}

std::optional<std::uint64_t> WriteQueries::entry_of(const Digest& attempt) {
  Rows rows = entry_of_.run(blob(attempt));
  if (!rows.next()) return std::nullopt;
  return static_cast<std::uint64_t>(rows.integer(0));
}

void WriteQueries::add_claim(const Claim& claim, std::int64_t epoch, Position& at) {
  at.latest = std::max(at.latest, claim.at);
  const std::int64_t attempt = ++at.attempts;
  add_attempt_.execute(attempt, claim.tenant, claim.nonce, claim.action, blob(claim.exec_id), blob(claim.request_hash),
                       unless_empty(claim.approval_id), unless_zero(claim.approval_digest), claim.approval,
                       claim.at.micros, at.latest.micros);
  const Digest nonce = pair_key(claim.tenant, claim.nonce);
  add_nonce_.execute(blob(nonce, key_size), attempt);
  if (!claim.approval_id.empty()) {
    const Digest approval = pair_key(claim.tenant, claim.approval_id);
    add_approval_.execute(blob(approval, key_size), attempt);
  }
  add_running_.execute(attempt, epoch);
}

void WriteQueries::add_outcome(const Seal& seal, std::int64_t attempt, std::uint64_t entry) {
  add_outcome_.execute(attempt, std::int64_t{static_cast<int>(seal.state)}, std::int64_t{static_cast<int>(seal.code)},
                       std::int64_t{static_cast<int>(seal.effect)}, static_cast<std::int64_t>(entry), seal.at.micros,
                       seal.result);
  end_running_.execute(attempt);
}

std::uint64_t WriteQueries::add_entry(const NewEntry& entry, Position& at) {
  at.latest = std::max(at.latest, entry.at);
  const std::int64_t index = at.entries++;
  add_entry_.execute(index, blob(leaf_hash(entry.json)), unless_zero(entry.exec_id), unless_zero(entry.attempt),
                     at.latest.micros, entry.json);
  return static_cast<std::uint64_t>(index);
}

void WriteQueries::add_pin(const Pin& pin) { add_pin_.execute(pin.key, pin.value); }

}  // namespace openexec::store
