// SPDX-License-Identifier: Apache-2.0
#include "session/migrate.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "index/key_index.hpp"
#include "merkle/hash.hpp"
#include "merkle/tree.hpp"
#include "rows/rules.hpp"
#include "rows/running.hpp"
#include "rows/schema.hpp"
#include "sqlite/descriptor.hpp"
#include "tlog/log_proofs.hpp"

namespace openexec::store {
namespace {

constexpr const char* old_tables = R"sql(
CREATE TABLE openings (epoch INTEGER PRIMARY KEY, pid INTEGER NOT NULL, version TEXT NOT NULL) STRICT;
CREATE TABLE pins (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE claims (
  id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, nonce TEXT NOT NULL, action TEXT NOT NULL,
  exec_id BLOB NOT NULL, request_hash BLOB NOT NULL, approval_id TEXT, approval_digest BLOB, approval TEXT NOT NULL,
  claimed_at INTEGER NOT NULL, high_water INTEGER NOT NULL) STRICT;
CREATE TABLE outcomes (
  claim INTEGER PRIMARY KEY, state INTEGER NOT NULL, code INTEGER NOT NULL, effect INTEGER NOT NULL,
  entry INTEGER NOT NULL, ended_at INTEGER NOT NULL, result TEXT NOT NULL) STRICT;
CREATE TABLE controls (
  kind INTEGER NOT NULL, id TEXT NOT NULL, tenant TEXT NOT NULL, entry INTEGER NOT NULL,
  PRIMARY KEY (kind, id, tenant)) STRICT, WITHOUT ROWID;
CREATE TABLE entries (
  idx INTEGER PRIMARY KEY, exec_id BLOB, attempt BLOB, high_water INTEGER NOT NULL, json TEXT NOT NULL) STRICT;
CREATE TABLE tiles (place INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, level INTEGER NOT NULL, state INTEGER NOT NULL, target INTEGER NOT NULL,
  records INTEGER NOT NULL, claims INTEGER NOT NULL, entries INTEGER NOT NULL, height INTEGER NOT NULL,
  root BLOB NOT NULL, pending BLOB NOT NULL, last BLOB NOT NULL, taken INTEGER NOT NULL) STRICT;
CREATE TABLE blocks (slot INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), running BLOB NOT NULL, checkpoint TEXT NOT NULL) STRICT;
)sql";

constexpr std::int64_t members_at_once = 1024;

[[noreturn]] void damaged(const std::string& what) {
  throw StoreFailure("the ledger of schema 3 is damaged and was left as it is: " + what);
}

/// The old ledger, with all its data in the main file, and open in this process only.
Database open_old(const LedgerPath& path) {
  Database old(path.database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, path.vfs);
  old.harden();
  // Also moves the rest of the write-ahead log (WAL) into the main file, and fails if another program has the ledger
  // open: a reader of the old file would mistake the WAL of the new file for its own.
  try {
    if (old.text("PRAGMA journal_mode = DELETE") != "delete")
      throw StoreFailure("SQLite refused journal_mode = DELETE");
  } catch (const SqliteError& error) {
    if (error.primary_code() != SQLITE_BUSY) throw;
    throw StoreFailure("the ledger has schema 3 and is open elsewhere: close its readers, then open it again");
  }
  check_tables(old, old_tables);
  return old;
}

class Migration {
 public:
  Migration(Database& old, Database& fresh, const KeyGeometry& geometry)
      : old_(old),
        fresh_(fresh),
        read_(fresh),
        write_(fresh, read_),
        at_(read_.head()),
        index_(
            fresh, geometry, table_, [](RunQueries::Watermark, const auto&) {}, at_.index),
        old_outcome_(old, "SELECT state, code, effect, ended_at, result FROM outcomes WHERE claim = ?1") {}

  void run() {
    read_open_claims();
    copy_claims();
    copy_entries();
    copy_rest();
    verify();
  }

 private:
  /// Finds the open claims, which the head lists and the outcomes have to confirm.
  void read_open_claims() {
    Statement head(old_, "SELECT running, checkpoint FROM head WHERE id = 1");
    Rows rows = head.run();
    if (!rows.next()) damaged("it has no head");
    at_.running = rows.bytes(0);
    at_.checkpoint = rows.bytes(1);
    const auto open = read_ranges(at_.running);
    if (!open) damaged("which claims are running");
    const std::int64_t claims = old_.integer("SELECT count(*) FROM claims");
    const std::int64_t ended = old_.integer("SELECT count(*) FROM outcomes");
    for (const std::int64_t claim : *open)
      if (claim > claims || old_outcome_.run(claim).next()) damaged("a claim is open and has ended");
    if (ended + static_cast<std::int64_t>(open->size()) != claims) damaged("claims that are neither open nor ended");
  }

  void copy_claims() {
    Statement claims(old_,
                     "SELECT id, tenant, nonce, action, exec_id, request_hash, approval_id, approval_digest, approval, "
                     "claimed_at, high_water FROM claims ORDER BY id");
    Rows rows = claims.run();
    for (begin(); rows.next(); step()) {
      if (rows.integer(0) != at_.claims.next) damaged("claim " + std::to_string(at_.claims.next) + " is missing");
      StoredClaim stored;
      Claim& claim = stored.claim;
      claim.tenant = rows.bytes(1);
      claim.nonce = rows.bytes(2);
      claim.action = rows.bytes(3);
      claim.exec_id = rows.digest(4);
      claim.request_hash = rows.digest(5);
      if (!rows.is_null(6)) claim.approval_id = rows.bytes(6);
      claim.approval_digest = rows.digest(7);
      stored.approval = {rows.bytes(8)};
      claim.at = {rows.integer(9)};
      stored.high_water = {rows.integer(10)};
      const std::int64_t number = at_.claims.next;
      write_.add_stored(stored, at_);
      at_.latest = std::max(at_.latest, stored.high_water);
      index_.add(nonce_key(claim.tenant, claim.nonce), number);
      give_approval_keys(claim, [&](const Key& key) { index_.add(key, number); });
    }
    commit();
  }

  void copy_entries() {
    Statement entries(old_, "SELECT idx, exec_id, attempt, high_water, json FROM entries ORDER BY idx");
    Statement outcomes(old_, "SELECT entry, claim FROM outcomes ORDER BY entry, claim");
    Rows rows = entries.run(), ends = outcomes.run();
    bool more_ends = ends.next();
    for (begin(); rows.next(); step()) {
      const std::int64_t index = at_.entries.next;
      if (rows.integer(0) != index) damaged("entry " + std::to_string(index) + " is missing");
      const std::string_view json = rows.bytes(4);
      const Digest leaf = merkle::leaf_hash(json);
      StoredEntry entry{{json}, rows.digest(1), rows.digest(2), {rows.integer(3)}, std::nullopt};
      std::string result;
      if (more_ends && ends.integer(0) == index) {
        entry.ending = old_ending(ends.integer(1), result);
        more_ends = ends.next();
      }
      append_to_tree(leaf);
      write_.add_stored(entry, leaf, result, at_);
      at_.latest = std::max(at_.latest, entry.high_water);
      if (entry.ending || !is_zero(entry.exec_id))
        index_.add(Key(entry.ending ? KeyKind::outcome : KeyKind::execution, entry.exec_id), index);
      if (!is_zero(entry.attempt)) index_.add(Key(KeyKind::attempt, entry.attempt), index);
    }
    if (more_ends) damaged("an outcome without its entry");
    commit();
  }

  Ending old_ending(std::int64_t claim, std::string& result) {
    Rows rows = old_outcome_.run(claim);
    if (!rows.next()) damaged("an outcome");
    Ending ending;
    ending.claim = claim;
    ending.state = static_cast<NonceState>(rows.integer(0));
    ending.code = static_cast<Code>(rows.integer(1));
    ending.effect = static_cast<Effect>(rows.integer(2));
    ending.ended_at = {rows.integer(3)};
    result = rows.bytes(4);
    return ending;
  }

  void append_to_tree(const Digest& leaf) {
    struct Nowhere final : merkle::TileSink {
      Status put(unsigned, std::uint64_t, std::span<const Digest>) override { return Status::success(); }
    } nowhere;
    if (Status status = tree_.append(leaf, nowhere); !status.ok()) throw StoreFailure(status.detail());
  }

  void copy_rest() {
    begin();
    Statement tiles(old_, "SELECT place, hashes FROM tiles");
    Statement add_tile(fresh_, "INSERT INTO tiles VALUES (?1, ?2)");
    for (Rows rows = tiles.run(); rows.next();) add_tile.execute(rows.integer(0), Blob{rows.bytes(1)});
    Statement pins(old_, "SELECT key, value FROM pins");
    for (Rows rows = pins.run(); rows.next();) write_.add_pin({rows.bytes(0), rows.bytes(1)}, at_);
    Statement controls(old_, "SELECT kind, id, tenant, entry FROM controls");
    for (Rows rows = controls.run(); rows.next();)
      write_.set_control(
          {static_cast<ControlKind>(rows.integer(0)), std::string(rows.bytes(1)), std::string(rows.bytes(2))}, true,
          static_cast<std::uint64_t>(rows.integer(3)), at_);
    at_.epoch = old_.integer("SELECT coalesce(max(epoch), 0) FROM openings");
    commit();
  }

  /// Reads the new rows back, and checks that the last checkpoint covers the log.
  void verify() {
    if (read_.claims().walk_all() != at_.claims || read_.entries().walk_all() != at_.entries)
      throw StoreFailure("the migrated ledger does not hold what was written to it; the old one was left as it is");
    read_.check(read_.head());
    if (at_.checkpoint.empty() && at_.entries.next == 0) return;
    const SignedCheckpoint said = read_checkpoint(at_.checkpoint);
    if (said.size != at_.entry_count() || said.root != tree_.root())
      damaged("its log is not what its last checkpoint covers; `openexec log verify` of the older version tells more");
  }

  void begin() {
    write_.begin();
    staged_ = 0;
  }
  void step() {
    if (++staged_ < members_at_once) return;
    commit();
    begin();
  }
  void commit() {
    write_.flush(at_);
    index_.advance(at_.claim_count(), at_.entries.next);
    at_.index = index_.state();
    ++at_.serial;
    write_.set_head(at_);
    write_.commit();
    index_.committed();
  }

  Database& old_;
  Database& fresh_;
  ReadQueries read_;
  WriteQueries write_;
  Head at_;
  KeyTable table_;
  KeyIndex index_;
  Statement old_outcome_;
  merkle::Tree tree_;
  std::int64_t staged_ = 0;
};

void sync_file(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) fail("cannot sync " + path);
}

}  // namespace

void migrate(const LedgerPath& path) {
  LedgerPath draft = path;
  draft.database = path.database + ".new";
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) remove_if_there(draft.database + suffix);
  {
    Database old = open_old(path);
    if (!create_file(draft.database, {}))
      throw StoreFailure("cannot create the migrated ledger: another process just did");
    Database fresh(draft.database, SQLITE_OPEN_READWRITE, draft.vfs);
    // A draft needs no journal, because it does not have the name of the ledger yet. It is synced as a whole before it
    // is renamed.
    fresh.execute(
        "PRAGMA page_size = 4096; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -8192");
    create_schema(fresh);
    Migration(old, fresh, path.keys).run();
  }
  sync_file(draft.database);
  if (std::rename(draft.database.c_str(), path.database.c_str()) != 0) fail("cannot name the migrated ledger");
  sync_folder(folder_of(path.database));
}

}  // namespace openexec::store
