// SPDX-License-Identifier: Apache-2.0
#include "session/ledger_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "rows/schema.hpp"
#include "session/migrate.hpp"
#include "sqlite/descriptor.hpp"
#include "sqlite/open_mark.hpp"
#include "sqlite/sqlite_db.hpp"

namespace openexec::store {
namespace {

namespace fs = std::filesystem;

std::optional<struct stat> status_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return status;
  if (errno == ENOENT) return std::nullopt;
  fail("cannot look at " + path);
}

// The process number in the lock file has a fixed width, so that one write replaces it.
constexpr std::size_t holder_width = 12;

void write_holder(int fd) {
  std::array<char, holder_width + 1> text{};
  std::snprintf(text.data(), text.size(), "%-11ld\n", static_cast<long>(::getpid()));
  if (::pwrite(fd, text.data(), holder_width, 0) != static_cast<ssize_t>(holder_width))
    fail("cannot write the ledger's lock");
}

std::string read_holder(int fd) {
  std::array<char, holder_width> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  const std::string_view all(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return std::string(all.substr(0, all.find_first_not_of("0123456789")));
}

// Uses the file handle of SQLite. Closing another descriptor would release the locks that other connections of this
// process hold on the file.
Header header_of(const LedgerPath& path) {
  Database database(path.database, SQLITE_OPEN_READONLY, path.vfs);
  return read_header(database, "a ledger");
}

}  // namespace

LedgerPath resolve(const std::string& path, const char* vfs) {
  if (path.empty()) throw StoreFailure("path: empty");
  if (path.find('\0') != std::string::npos) throw StoreFailure("path: holds a zero byte");
  const fs::path given(path);
  if (given.filename().empty() || given.filename() == "." || given.filename() == "..")
    throw StoreFailure("path: names a folder");
  std::error_code error;
  const bool there = fs::exists(given, error);
  if (!there && fs::is_symlink(fs::symlink_status(given, error)))
    throw StoreFailure("path: a symbolic link that leads nowhere");
  const fs::path folder = given.has_parent_path() ? given.parent_path() : fs::path(".");
  const fs::path full = there ? fs::canonical(given, error) : fs::canonical(folder, error) / given.filename();
  if (error) throw StoreFailure("path: " + error.message());
  return {full.string(), vfs};
}

LedgerLock LedgerLock::acquire(const LedgerPath& path) {
  const std::string name = path.lock();
  for (;;) {
    Descriptor fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd.get() < 0) fail("cannot open the ledger's lock");
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) fail("cannot lock the ledger");
      const std::string holder = read_holder(fd.get());
      throw StoreFailure("the ledger is in use by " + (holder.empty() ? "another process" : "process " + holder));
    }
    struct stat held {};
    if (::fstat(fd.get(), &held) != 0) fail("cannot look at the ledger's lock");
    const auto named = status_of(name);
    if (!named || named->st_ino != held.st_ino || named->st_dev != held.st_dev) continue;  // removed meanwhile
    write_holder(fd.get());
    return LedgerLock(fd.release());
  }
}

void LedgerLock::hold(const LedgerPath& path) {
  file_.emplace(path.database, HeldFile::Access::write);
  if (!file_->lock())
    throw StoreFailure("the ledger is in use: another opening holds its file, perhaps under another name");
  if (!path.log_may_be_lost) check_log_is_there(header_of(path), path.database, "the ledger");
}

LedgerLock::LedgerLock(LedgerLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), file_(std::move(other.file_)) {}

// Closes the file without unlocking it, because in a forked child the lock belongs to the parent. The file stays, since
// removing it would race with another opening.
LedgerLock::~LedgerLock() {
  if (fd_ >= 0) ::close(fd_);
}

void check_place(const LedgerPath& path, const PathRules& rules) {
  check_file_system("the ledger", path.database, rules);
  check_writers("the ledger", path.database, rules);
  check_file_writers("the log's key", path.log_key(), rules);
}

std::optional<std::uint32_t> schema_of(const LedgerPath& path) {
  const auto status = status_of(path.database);
  if (!status) {
    if (status_of(path.wal())) throw StoreFailure("the ledger is gone, but its write-ahead log is there");
    return std::nullopt;
  }
  if (!S_ISREG(status->st_mode)) throw StoreFailure("not a ledger: not a regular file");
  if (status->st_nlink > 1) throw StoreFailure("the ledger has more than one name (hard links)");
  if (status->st_size == 0) throw StoreFailure("not a ledger: the file is empty; remove it to start a new ledger");
  check_mount("the ledger", path.database);
  const Header header = header_of(path);
  if (header.application_id != static_cast<std::uint32_t>(application_id))
    throw StoreFailure("not a ledger: a database of another application");
  // The file ends within a page, which SQLite would read as a page that ends in zeros. A write-ahead log may complete
  // it.
  const auto log = status_of(path.wal());
  const bool torn = header.page_size == 0 || status->st_size % header.page_size != 0;
  if (torn && (!log || log->st_size == 0)) throw StoreFailure("the ledger is damaged: its file ends within a page");
  return header.user_version;
}

bool inspect(const LedgerPath& path) {
  const std::optional<std::uint32_t> version = schema_of(path);
  if (!version) return false;
  const std::string both = "the ledger has schema " + std::to_string(*version) + "; this library reads schema " +
                           std::to_string(schema_version);
  if (*version == older_schema)
    throw StoreFailure(both + ": start its executor with this version once, which migrates it");
  if (*version != static_cast<std::uint32_t>(schema_version)) throw StoreFailure(both);
  return true;
}

void create(const LedgerPath& path) {
  OPENEXEC_ASSERT(!inspect(path), "ledger file: a ledger is made only if there is none");
  const LedgerPath draft{path.database + ".new", path.vfs};
  remove_if_there(draft.database);
  {
    const Descriptor fd(::open(draft.database.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd.get() < 0) fail("cannot create the ledger");
  }
  {
    Database database(draft.database, SQLITE_OPEN_READWRITE, draft.vfs);
    // A draft needs no journal, because it does not have the name of the ledger yet.
    database.execute("PRAGMA page_size = 4096; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL");
    create_schema(database);
  }
  if (::rename(draft.database.c_str(), path.database.c_str()) != 0) fail("cannot name the ledger");
  sync_folder(folder_of(path.database));
}

void check_free_space(const LedgerPath& path) {
  constexpr std::uint64_t enough = std::uint64_t{1} << 20;
  struct statvfs space {};
  if (::statvfs(folder_of(path.database).c_str(), &space) != 0) fail("cannot ask for free space");
  if (space.f_blocks > 0 && std::uint64_t{space.f_bavail} * space.f_frsize < enough)
    throw StoreFailure("the disk is full");
}

}  // namespace openexec::store
