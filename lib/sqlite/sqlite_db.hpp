// SPDX-License-Identifier: Apache-2.0
// SQLite, held by values that clean up after themselves. Throws; guard.hpp turns what is thrown into a Status.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>

#include "sqlite/guard.hpp"

namespace openexec::store {

/// A call of SQLite that failed. The text names the step and SQLite's reason, never a bound value.
class SqliteError : public StoreFailure {
 public:
  SqliteError(std::string_view step, int code);
  [[nodiscard]] int primary_code() const noexcept { return code_ & 0xff; }

 private:
  int code_;
};

/// Bytes to be bound as a blob.
struct Blob {
  std::string_view bytes;
};
inline Blob blob(const Digest& digest, std::size_t size = sizeof(Digest)) noexcept {
  return {{reinterpret_cast<const char*>(digest.data()), size}};
}
struct Null {};

/// One open database. One thread at a time.
class Database {
 public:
  /// `filename` is an absolute path, or a URI where `flags` say so.
  Database(const std::string& filename, int flags, const char* vfs);

  void execute(const char* sql);  ///< for constants only: values are bound, never spelled
  [[nodiscard]] std::int64_t integer(const char* sql);
  [[nodiscard]] std::string text(const char* sql);
  void configure(int option, bool on);
  /// What is in a file cannot make the connection do more than its statements say.
  void harden();
  [[nodiscard]] bool in_transaction() const noexcept { return sqlite3_get_autocommit(handle_.get()) == 0; }
  [[nodiscard]] bool file_has_moved();
  /// Inside a transaction: what it was after this connection's last commit, as long as nobody has written since.
  [[nodiscard]] std::uint32_t data_version();
  /// Moves what is in the write-ahead log into the database, and syncs it. Waits for no reader. Returns false if a
  /// reader's transaction kept it from moving everything. The log's file stays as long as it is.
  bool checkpoint();
  /// The same, and then shortens the log's file to nothing. Returns false where a reader keeps it from that.
  bool empty_log();
  /// Makes all bytes of the write-ahead log durable. They are written once more, since a sync that failed earlier may
  /// have left pages in the system's cache that no later sync writes.
  void sync_log();
  /// Makes the other one a copy of this moment, in one step. Waits ten seconds at most for a lock.
  void copy_into(Database& target);
  /// SQLite's own handles, which share its locks. Null if there is none.
  [[nodiscard]] sqlite3_file* main_file();
  [[nodiscard]] sqlite3_file* log_file();
  /// Whether a close leaves the write-ahead log as it is. Otherwise the last connection's close moves the log into the
  /// database and removes it.
  void keep_log_on_close(bool keep = true);

  [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }

 private:
  sqlite3_file* file_of(int which);

  struct Close {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

/// The rows of one run of a statement. When it goes, the statement is reset and nothing of the caller's stays bound.
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows();

  bool next();
  [[nodiscard]] std::int64_t integer(int column) const noexcept { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] bool is_null(int column) const noexcept {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  [[nodiscard]] std::string_view bytes(int column) const;  ///< of a text or a blob; until the next call of next()
  [[nodiscard]] Digest digest(int column) const;           ///< zero for null

 private:
  sqlite3_stmt* statement_;
};

/// Prepared once, run many times.
class Statement {
 public:
  Statement(const Database& database, std::string_view sql);

  /// Binds the values in order. Views must outlive the Rows.
  template <class... Values>
  [[nodiscard]] Rows run(const Values&... values) {
    int position = 0;
    (bind(++position, values), ...);
    return Rows(statement_.get());
  }

  /// For statements without rows.
  template <class... Values>
  void execute(const Values&... values) {
    Rows rows = run(values...);
    while (rows.next()) {
    }
  }

 private:
  void bind(int position, std::int64_t value);
  void bind(int position, std::string_view text);
  void bind(int position, Blob blob);
  void bind(int position, Null);
  template <class T>
  void bind(int position, const std::optional<T>& value) {
    if (value) return bind(position, *value);
    bind(position, Null{});
  }

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace openexec::store
