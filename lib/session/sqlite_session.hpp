// SPDX-License-Identifier: Apache-2.0
// One configured connection to a ledger, with its statements. Rebuilt as a whole after an I/O error.
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

/// A connection with the settings of the one that writes and checkpoints. Precondition: the ledger's lock is held.
Database open_to_write(const LedgerPath& path);

/// The only connection that writes and checkpoints.
struct WriteSession {
  /// Fills the table with the newest keys. Throws StoreFailure where the newest rows, the small tables or the index are
  /// not those that the head names.
  WriteSession(const LedgerPath& path, KeyTable& table);

  /// The last call of a session that may close: everything is in the main file, and the open mark is gone. Returns
  /// false if a reader's transaction prevents it, which leaves the ledger as a crash does, with nothing lost.
  bool close_cleanly();

  Database database;
  ReadQueries read;
  WriteQueries write;
  Head head;  ///< as it was found
  KeyIndex index;
  std::optional<std::uint32_t> left_at;  ///< the data version after the last commit of this session
};

/// The claims without an outcome.
std::vector<std::int64_t> open_claims(const Head& head);

/// What one transaction of a connection sees, as long as it lives.
class Snapshot {
 public:
  explicit Snapshot(ReadQueries& queries) : queries_(queries) { queries_.begin(); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot() {
    try {
      queries_.end();
    } catch (...) {  // the connection failed, and whoever reads learns it from what comes next
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

/// Reads without waiting for the writer: a connection of its own, which sees what is committed. Thread-safe.
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
