// SPDX-License-Identifier: Apache-2.0
#include "upkeep/backup.hpp"

#include <sys/stat.h>

#include <memory>

#include "session/ledger_file.hpp"
#include "sqlite/descriptor.hpp"
#include "sqlite/guard.hpp"
#include "sqlite/sqlite_db.hpp"

namespace openexec::store {
namespace {

constexpr std::size_t most_beside = std::size_t{1} << 20;  // of a key, a checkpoint or an anchor
constexpr const char* of_sqlite[] = {"-wal", "-shm", "-journal"};

void copy_database(const LedgerPath& from, const std::string& to) {
  Database source(from.database, SQLITE_OPEN_READONLY, nullptr);
  Database target(to, SQLITE_OPEN_READWRITE, nullptr);
  source.copy_into(target);
}

[[noreturn]] void is_there(const std::string& path) {
  throw StoreFailure(path + " is there already: move it away, or name a new file");
}

/// A copy in progress, and the files that it has created.
class Copying {
 public:
  explicit Copying(std::vector<std::string>& made) : made_(made) {}

  void make(const std::string& path, std::string_view bytes) {
    made_.push_back(path);  // before the file is created, since it may fail
    if (create_file(path, bytes)) return;
    made_.pop_back();
    is_there(path);
  }

  /// Files beside a ledger that was lost may be those of its backup.
  void make_or_keep(const std::string& from, const std::string& to) {
    std::string bytes, present;
    if (!read_file(from, most_beside, bytes)) return;
    if (read_file(to, most_beside, present) && present == bytes) return;
    make(to, bytes);
  }

 private:
  std::vector<std::string>& made_;
};

void copy_all(const LedgerPath& from, const std::string& to, const std::string& anchor, Copying& copying) {
  // Readers leave an empty file of that name beside a ledger.
  if (struct stat found{}; ::lstat((to + "-wal").c_str(), &found) == 0 && found.st_size > 0) is_there(to + "-wal");
  copying.make(to, {});  // before SQLite, so that the mode is 0600 from the first byte
  // The anchor is read first, so that the ledger, which is read later, covers it.
  if (!anchor.empty()) {
    std::string bytes;
    if (!read_file(anchor, most_beside, bytes)) throw StoreFailure("there is no anchor " + anchor);
    copying.make(to + ".anchor", bytes);
  }
  copying.make_or_keep(from.log_key(), to + ".log-key");
  copying.make_or_keep(from.cosigned(), to + ".cosigned");
  copy_database(from, to);
  sync_folder(folder_of(to));
}

}  // namespace

Result<std::vector<std::string>> copy_ledger(const std::string& path, const std::string& to,
                                             const std::string& anchor) {
  return guarded([&]() -> Result<std::vector<std::string>> {
    const LedgerPath from = resolve(path, nullptr);
    if (!inspect(from)) return Status(Code::store_failed, "there is no ledger");
    std::vector<std::string> made;
    Copying copying(made);
    try {
      copy_all(from, resolve(to, nullptr).database, anchor, copying);
    } catch (...) {
      remove_copy(made);
      throw;
    }
    return made;
  });
}

void remove_copy(const std::vector<std::string>& made) {
  if (!made.empty())
    for (const char* suffix : of_sqlite) remove_if_there(made.front() + suffix);
  for (const std::string& path : made) remove_if_there(path);
}

}  // namespace openexec::store
