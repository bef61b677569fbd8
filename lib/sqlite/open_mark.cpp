// SPDX-License-Identifier: Apache-2.0
#include "sqlite/open_mark.hpp"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "sqlite/descriptor.hpp"
#include "sqlite/guard.hpp"

namespace openexec::store {
namespace {

constexpr int version_at = 60;
constexpr off_t shortest_log = 32 + 24 + 512;  // its header, a frame's header, a page of the smallest size

using Word = std::array<unsigned char, 4>;

std::uint32_t read_big_endian(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

Word write_big_endian(std::uint32_t value) {
  return {static_cast<unsigned char>(value >> 24), static_cast<unsigned char>(value >> 16),
          static_cast<unsigned char>(value >> 8), static_cast<unsigned char>(value)};
}

sqlite3_file& main_file(Database& database, const std::string& what) {
  sqlite3_file* const file = database.main_file();
  if (file == nullptr) throw StoreFailure("cannot read the header of " + what);
  return *file;
}

std::uint32_t version_of(Database& database) {
  return static_cast<std::uint32_t>(database.integer("PRAGMA user_version"));
}

void commit_version(Database& database, std::uint32_t version) {
  database.execute(("BEGIN IMMEDIATE; PRAGMA user_version = " + std::to_string(version) + "; COMMIT").c_str());
}

/// A page that is torn at the end of the main file is whole in the log, and complete once the log was moved.
void check_whole(Database& database, const std::string& what, bool moved) {
  sqlite3_int64 size = 0;
  sqlite3_file& file = main_file(database, what);
  if (const int code = file.pMethods->xFileSize(&file, &size); code != SQLITE_OK) throw SqliteError("size", code);
  const std::int64_t page_size = database.integer("PRAGMA page_size");
  const bool torn = page_size <= 0 || size % page_size != 0;
  if (torn || (moved && size < database.integer("PRAGMA page_count") * page_size))
    throw StoreFailure(what + " is damaged: its file ends within a page");
}

}  // namespace

Header read_header(Database& database, const std::string& what) {
  constexpr int size = 100;
  std::array<unsigned char, size> bytes{};
  sqlite3_file& file = main_file(database, what);
  const int read = file.pMethods->xRead(&file, bytes.data(), size, 0);
  if (read == SQLITE_IOERR_SHORT_READ) throw StoreFailure("not " + what + ": shorter than a database's header");
  if (read != SQLITE_OK) throw SqliteError("read the header", read);
  constexpr std::string_view magic("SQLite format 3\0", 16);
  if (std::string_view(reinterpret_cast<const char*>(bytes.data()), magic.size()) != magic)
    throw StoreFailure("not " + what + ": not an SQLite database");
  Header header;
  const std::uint32_t version = read_big_endian(&bytes[version_at]);
  header.application_id = read_big_endian(&bytes[68]);
  header.user_version = version & ~open_mark;
  header.is_marked = (version & open_mark) != 0;
  header.page_size = read_big_endian(&bytes[16]) >> 16;
  if (header.page_size == 1) header.page_size = 65536;
  return header;
}

void check_log_is_there(const Header& header, const std::string& path, const std::string& what) {
  if (!header.is_marked) return;
  struct stat status {};
  const bool there = ::lstat((path + "-wal").c_str(), &status) == 0;
  if (!there && errno != ENOENT) fail("cannot look at " + path + "-wal");
  if (!there || status.st_size < shortest_log)
    throw StoreFailure(what + " was not closed, and its write-ahead log is lost, with what was written last. Put " +
                       path + "-wal back, or adopt " + what + " as it is");
}

void recover(Database& database, const std::string& what) {
  database.keep_log_on_close();
  const bool moved = database.checkpoint();
  check_whole(database, what, moved);
  // What was written but could not be synced may be in the system's cache alone. Moving it into the database, with a
  // sync that is checked, made it durable. If a reader's transaction prevented that, the log is written again and
  // synced.
  if (!moved) database.sync_log();
}

void mark(Database& database, const std::string& what) {
  // This commit also overwrites what follows it in the log: the rows of a commit that failed, which SQLite does not see
  // as long as other connections are open, cannot come back after a crash.
  const std::uint32_t version = version_of(database) | open_mark;
  commit_version(database, version);
  const Word word = write_big_endian(version);
  sqlite3_file& file = main_file(database, what);
  int code = file.pMethods->xWrite(&file, word.data(), static_cast<int>(word.size()), version_at);
  if (code == SQLITE_OK) code = file.pMethods->xSync(&file, SQLITE_SYNC_FULL);
  if (code != SQLITE_OK) throw SqliteError("mark as open", code);
}

bool unmark(Database& database) {
  if (!database.checkpoint()) return false;
  commit_version(database, version_of(database) & ~open_mark);
  if (!database.empty_log()) return false;
  database.keep_log_on_close(false);
  return true;
}

}  // namespace openexec::store
