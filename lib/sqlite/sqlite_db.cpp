// SPDX-License-Identifier: Apache-2.0
#include "sqlite/sqlite_db.hpp"

#include <algorithm>
#include <array>

namespace openexec::store {
namespace {

constexpr int busy_ms = 5'000;

void check(int code, std::string_view step) {
  if (code != SQLITE_OK) throw SqliteError(step, code);
}

}  // namespace

SqliteError::SqliteError(std::string_view step, int code)
    : StoreFailure(std::string(step) + ": " + sqlite3_errstr(code) + " (" + std::to_string(code) + ")"), code_(code) {}

Database::Database(const std::string& filename, int flags, const char* vfs) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(filename.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
  handle_.reset(handle);
  check(code, "open");
}

void Database::execute(const char* sql) { check(sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr), sql); }

std::int64_t Database::integer(const char* sql) {
  Statement statement(*this, sql);
  Rows rows = statement.run();
  return rows.next() ? rows.integer(0) : 0;
}

std::string Database::text(const char* sql) {
  Statement statement(*this, sql);
  Rows rows = statement.run();
  return rows.next() ? std::string(rows.bytes(0)) : std::string();
}

void Database::configure(int option, bool on) {
  int now = -1;
  check(sqlite3_db_config(handle_.get(), option, on ? 1 : 0, &now), "db_config");
  if ((now != 0) != on) throw StoreFailure("SQLite refused a setting of its connection");
}

void Database::harden() {
  configure(SQLITE_DBCONFIG_DEFENSIVE, true);
  configure(SQLITE_DBCONFIG_TRUSTED_SCHEMA, false);
  configure(SQLITE_DBCONFIG_ENABLE_TRIGGER, false);
  configure(SQLITE_DBCONFIG_ENABLE_VIEW, false);
  configure(SQLITE_DBCONFIG_DQS_DML, false);
  configure(SQLITE_DBCONFIG_DQS_DDL, false);
  sqlite3_limit(handle(), SQLITE_LIMIT_ATTACHED, 0);
  execute("PRAGMA cell_size_check = ON");
  sqlite3_busy_timeout(handle(), busy_ms);
}

bool Database::file_has_moved() {
  int moved = 0;
  check(sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved), "has_moved");
  return moved != 0;
}

std::uint32_t Database::data_version() {
  unsigned int version = 0;
  check(sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_DATA_VERSION, &version), "data_version");
  return version;
}

bool Database::checkpoint() {
  sqlite3_busy_timeout(handle(), 0);
  const int code = sqlite3_wal_checkpoint_v2(handle_.get(), "main", SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
  sqlite3_busy_timeout(handle(), busy_ms);
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) throw SqliteError("checkpoint", code);
  return code == SQLITE_OK;
}

bool Database::empty_log() {
  const int code = sqlite3_wal_checkpoint_v2(handle_.get(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) throw SqliteError("checkpoint", code);
  return code == SQLITE_OK;
}

void Database::sync_log() {
  sqlite3_file* const log = log_file();
  if (log == nullptr) return;
  sqlite3_int64 size = 0;
  check(log->pMethods->xFileSize(log, &size), "write-ahead log");
  std::array<char, 65536> bytes{};
  for (sqlite3_int64 at = 0; at < size;) {
    const int count = static_cast<int>(std::min<sqlite3_int64>(size - at, bytes.size()));
    check(log->pMethods->xRead(log, bytes.data(), count, at), "read the write-ahead log");
    check(log->pMethods->xWrite(log, bytes.data(), count, at), "write the write-ahead log");
    at += count;
  }
  check(log->pMethods->xSync(log, SQLITE_SYNC_FULL), "sync the write-ahead log");
}

void Database::copy_into(Database& target) {
  struct Finish {
    void operator()(sqlite3_backup* backup) const noexcept { sqlite3_backup_finish(backup); }
  };
  sqlite3_busy_timeout(handle(), 10'000);
  const std::unique_ptr<sqlite3_backup, Finish> backup(sqlite3_backup_init(target.handle(), "main", handle(), "main"));
  if (!backup) throw SqliteError("begin the copy", sqlite3_errcode(target.handle()));
  // All pages in one step: a copy that lets go of its transaction begins anew with each commit of the writer.
  if (const int code = sqlite3_backup_step(backup.get(), -1); code != SQLITE_DONE) throw SqliteError("copy", code);
}

sqlite3_file* Database::main_file() { return file_of(SQLITE_FCNTL_FILE_POINTER); }
sqlite3_file* Database::log_file() { return file_of(SQLITE_FCNTL_JOURNAL_POINTER); }

sqlite3_file* Database::file_of(int which) {
  sqlite3_file* file = nullptr;
  check(sqlite3_file_control(handle_.get(), "main", which, &file), "file_control");
  return file != nullptr && file->pMethods != nullptr ? file : nullptr;
}

void Database::keep_log_on_close(bool keep) { configure(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep); }

Rows::~Rows() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Rows::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw SqliteError("step", code);
}

std::string_view Rows::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (data == nullptr) {
    if (sqlite3_errcode(sqlite3_db_handle(statement_)) == SQLITE_NOMEM) throw std::bad_alloc();
    return {};
  }
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

Digest Rows::digest(int column) const {
  Digest digest{};
  if (is_null(column)) return digest;
  const std::string_view stored = bytes(column);
  if (stored.size() != digest.size()) throw StoreFailure("the ledger is damaged: a digest of the wrong size");
  std::copy(stored.begin(), stored.end(), digest.begin());
  return digest;
}

Statement::Statement(const Database& database, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
  check(code, "prepare");
}

void Statement::bind(int position, std::int64_t value) {
  check(sqlite3_bind_int64(statement_.get(), position, value), "bind");
}

// A null pointer would bind NULL, which an empty text or blob is not.

void Statement::bind(int position, std::string_view text) {
  const char* data = text.data() != nullptr ? text.data() : "";
  check(sqlite3_bind_text64(statement_.get(), position, data, text.size(), SQLITE_STATIC, SQLITE_UTF8), "bind");
}

void Statement::bind(int position, Blob blob) {
  const char* data = blob.bytes.data() != nullptr ? blob.bytes.data() : "";
  check(sqlite3_bind_blob64(statement_.get(), position, data, blob.bytes.size(), SQLITE_STATIC), "bind");
}

void Statement::bind(int position, Null) { check(sqlite3_bind_null(statement_.get(), position), "bind"); }

}  // namespace openexec::store
