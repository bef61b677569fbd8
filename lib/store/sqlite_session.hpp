// One configured connection to a ledger, with its statements. Rebuilt as a whole after an I/O error.
#pragma once

#include <mutex>
#include <optional>

#include "store/ledger_file.hpp"
#include "store/schema.hpp"
#include "store/sqlite_db.hpp"

namespace openexec::store {

/// The only connection that writes and checkpoints.
struct WriteSession {
  explicit WriteSession(const LedgerPath& path);

  Database database;
  ReadQueries read;
  WriteQueries write;
};

struct ReadSession {
  explicit ReadSession(const LedgerPath& path);

  Database database;
  ReadQueries read;
};

/// Reads without waiting for the writer: a connection of its own, which sees what is committed. Thread-safe.
class Reader {
 public:
  explicit Reader(LedgerPath path) : path_(std::move(path)) {}

  /// Calls `query` with ReadQueries. A connection that fails is replaced, once.
  template <class Query>
  auto read(Query&& query) {
    const std::lock_guard lock(mutex_);
    if (session_) {
      try {
        return query(session_->read);
      } catch (const SqliteError&) {
        session_.reset();
      }
    }
    session_.emplace(path_);
    try {
      return query(session_->read);
    } catch (const SqliteError&) {
      session_.reset();
      throw;
    }
  }

 private:
  const LedgerPath path_;
  std::mutex mutex_;
  std::optional<ReadSession> session_;
};

}  // namespace openexec::store
