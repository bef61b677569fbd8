// SPDX-License-Identifier: Apache-2.0
// A configured connection to a ledger with its statements. It is rebuilt as a whole after an I/O error.
#pragma once

#include <optional>
#include <vector>

#include "base/mutex.hpp"
#include "index/key_index.hpp"
#include "index/key_table.hpp"
#include "rows/schema.hpp"
#include "session/ledger_file.hpp"
#include "session/ledger_log.hpp"
#include "sqlite/sqlite_db.hpp"

namespace openexec::store {

/// Opens a connection with the settings of the writer. Called while the lock of the ledger is held.
Database open_to_write(const LedgerPath& path);

/// The only connection that writes, and that moves the write-ahead log into the main file.
struct WriteSession {
  /// Fills the table with the newest keys. Throws StoreFailure if the newest rows, the small tables or the index do not
  /// match the head.
  WriteSession(const LedgerPath& path, KeyTable& table);

  /// Closes cleanly: moves everything into the main file and removes the open mark. This is the last call of a session.
  /// Returns false if a transaction of a reader prevents it. The ledger is then in the state of a crash, without loss.
  bool close_cleanly();

  Database database;
  ReadQueries read;
  WriteQueries write;
  Head head;  ///< as read at the opening
  KeyIndex index;
  std::optional<std::uint32_t> left_at;  ///< the data version after the last commit of this session
};

/// The open claims.
std::vector<std::int64_t> open_claims(const Head& head);

/// A read transaction of a connection, for the lifetime of the object.
class Snapshot {
 public:
  explicit Snapshot(ReadQueries& queries) : queries_(queries) { queries_.begin(); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot() {
    try {
      queries_.end();
    } catch (...) {  // the connection failed, and the next read reports it
    }
  }

 private:
  ReadQueries& queries_;
};

struct ReadSession {
  explicit ReadSession(const LedgerPath& path);

  Database database;
  ReadQueries read;
  RunQueries runs;
  EdgeLeaves edge;
};

/// Reads without waiting for the writer, through a separate connection that sees committed data. Thread-safe.
class Reader {
 public:
  explicit Reader(LedgerPath path) : path_(std::move(path)) {}

  /// Calls `query` with the ReadSession. A connection that fails is replaced, once.
  template <class Query>
  auto read(Query&& query) {
    const base::Lock lock(mutex_);
    if (session_) {
      try {
        return query(*session_);
      } catch (const SqliteError&) {
        session_.reset();
      }
    }
    session_.emplace(path_);
    try {
      return query(*session_);
    } catch (const SqliteError&) {
      session_.reset();
      throw;
    }
  }

 private:
  const LedgerPath path_;
  base::Mutex mutex_;
  std::optional<ReadSession> session_ OPENEXEC_GUARDED_BY(mutex_);
};

}  // namespace openexec::store
