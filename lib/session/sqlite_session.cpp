// SPDX-License-Identifier: Apache-2.0
#include "session/sqlite_session.hpp"

#include <utility>

#include "rows/running.hpp"
#include "sqlite/open_mark.hpp"

namespace openexec::store {

Database open_to_write(const LedgerPath& path) {
  Database database(path.database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, path.vfs);
  database.harden();
  if (database.text("PRAGMA journal_mode = WAL") != "wal")
    throw StoreFailure("the file system cannot hold a write-ahead log");
  database.execute("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON");
  if (database.integer("PRAGMA synchronous") != 2) throw StoreFailure("SQLite refused synchronous = FULL");
  database.execute("PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864");
  sqlite3_wal_autocheckpoint(database.handle(), path.checkpoint_pages);
  recover(database, "the ledger");
  check_schema(database);
  mark(database, "the ledger");
  return database;
}

namespace {

Database open_to_read(const LedgerPath& path) {
  Database database(path.database, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW, path.vfs);
  database.harden();
  database.keep_log_on_close();
  database.execute("PRAGMA query_only = ON; PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY");
  check_schema(database);
  return database;
}

Head checked_head(ReadQueries& read) {
  Head head = read.head();
  read.check(head);
  if (!head.index_whole)
    throw StoreFailure("the ledger's index is not whole: run `openexec ledger rebuild-index` to its end");
  return head;
}

}  // namespace

WriteSession::WriteSession(const LedgerPath& path, KeyTable& table)
    : database(open_to_write(path)),
      read(database),
      write(database, read),
      head(checked_head(read)),
      index(
          database, path.keys, table, [this](RunQueries::Watermark after, const auto& give) { read.keys(after, give); },
          head.index) {}

std::vector<std::int64_t> open_claims(const Head& head) {
  auto claims = read_ranges(head.running);
  if (!claims) throw StoreFailure("the ledger is damaged: which claims are running");
  return *std::move(claims);
}

bool WriteSession::close_cleanly() { return unmark(database); }

ReadSession::ReadSession(const LedgerPath& path)
    : database(open_to_read(path)), read(database), runs(database, path.keys) {}

}  // namespace openexec::store
