// SPDX-License-Identifier: Apache-2.0
// RAII wrappers of SQLite. They throw, and guard.hpp converts the exceptions to a Status.
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

/// A failed call of SQLite. The text has the step and the reason that SQLite gives, never a bound value.
class SqliteError : public StoreFailure {
 public:
  SqliteError(std::string_view step, int code);
  [[nodiscard]] int primary_code() const noexcept { return code_ & 0xff; }

 private:
  int code_;
};

/// Bytes to bind as a blob.
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
  /// `filename` is an absolute path, or a URI if `flags` say so.
  Database(const std::string& filename, int flags, const char* vfs);

  void execute(const char* sql);  ///< for constants only: values are bound, never spelled
  [[nodiscard]] std::int64_t integer(const char* sql);
  [[nodiscard]] std::string text(const char* sql);
  void configure(int option, bool on);
  /// What is in a file cannot make the connection do more than its statements say.
  void harden();
  [[nodiscard]] bool in_transaction() const noexcept { return sqlite3_get_autocommit(handle_.get()) == 0; }
  [[nodiscard]] bool file_has_moved();
  /// Inside a transaction: has the value of the last commit of this connection, unless another connection has written
  /// since.
  [[nodiscard]] std::uint32_t data_version();
  /// Moves the pages of the write-ahead log (WAL) into the database, and syncs it. Does not wait for readers. Returns
  /// false if a transaction of a reader prevents it from moving everything. Does not shorten the file of the WAL.
  bool checkpoint();
  /// Like checkpoint(), and then truncates the file of the WAL. Returns false if a reader prevents it.
  bool empty_log();
  /// Makes all bytes of the WAL durable. It writes them again, because after a failed sync the system's cache may hold
  /// pages that no later sync writes.
  void sync_log();
  /// Copies a snapshot of this database to the other one, in one step. Waits at most ten seconds for a lock.
  void copy_into(Database& target);
  /// The file handle of SQLite, which shares its locks, or null.
  [[nodiscard]] sqlite3_file* main_file();
  [[nodiscard]] sqlite3_file* log_file();
  /// Makes a close leave the WAL unchanged. Otherwise the close of the last connection moves it into the database and
  /// removes it.
  void keep_log_on_close(bool keep = true);

  [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }

 private:
  sqlite3_file* file_of(int which);

  struct Close {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

/// The rows of one run of a statement. The destructor resets the statement and clears its bindings.
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
