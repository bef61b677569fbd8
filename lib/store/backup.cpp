#include "store/backup.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <memory>

#include "sqlite/descriptor.hpp"
#include "sqlite/guard.hpp"
#include "sqlite/sqlite_db.hpp"
#include "store/ledger_file.hpp"

namespace openexec::store {
namespace {

constexpr std::size_t most_beside = std::size_t{1} << 20;  // of a key, a checkpoint or an anchor
constexpr const char* beside[] = {".log-key", ".cosigned", ".anchor"};

struct Finish {
  void operator()(sqlite3_backup* backup) const noexcept { sqlite3_backup_finish(backup); }
};

void copy_database(const LedgerPath& from, const std::string& to) {
  Database source(from.database, SQLITE_OPEN_READONLY, nullptr);
  Database target(to, SQLITE_OPEN_READWRITE, nullptr);
  sqlite3_busy_timeout(source.handle(), 10'000);
  const std::unique_ptr<sqlite3_backup, Finish> backup(
      sqlite3_backup_init(target.handle(), "main", source.handle(), "main"));
  if (!backup) throw SqliteError("begin the copy", sqlite3_errcode(target.handle()));
  // All pages in one step: a copy that lets go of its transaction begins anew with each commit of the executor.
  if (const int code = sqlite3_backup_step(backup.get(), -1); code != SQLITE_DONE) throw SqliteError("copy", code);
}

void create_or_fail(const std::string& path, std::string_view bytes) {
  if (!create_file(path, bytes)) throw StoreFailure(path + " is there already: name a new file");
}

void copy_file(const std::string& from, const std::string& to) {
  std::string bytes;
  if (read_file(from, most_beside, bytes)) create_or_fail(to, bytes);
}

void copy_all(const LedgerPath& from, const std::string& to, const std::string& anchor) {
  // The anchor comes first: a ledger that is read later reaches as far.
  if (!anchor.empty()) {
    std::string bytes;
    if (!read_file(anchor, most_beside, bytes)) throw StoreFailure("there is no anchor " + anchor);
    create_or_fail(to + ".anchor", bytes);
  }
  copy_file(from.log_key(), to + ".log-key");
  copy_file(from.cosigned(), to + ".cosigned");
  copy_database(from, to);
  sync_folder(folder_of(to));
}

}  // namespace

Status copy_ledger(const std::string& path, const std::string& to, const std::string& anchor) {
  return guarded([&]() -> Status {
    const LedgerPath from = resolve(path, nullptr);
    if (!inspect(from)) return {Code::store_failed, "there is no ledger"};
    const std::string target = resolve(to, nullptr).database;
    for (const char* suffix : {"-wal", ".log-key", ".cosigned", ".anchor"})
      if (struct stat found {}; ::lstat((target + suffix).c_str(), &found) == 0)
        return {Code::store_failed, target + suffix + " is there already: name a new file"};
    create_or_fail(target, {});  // before SQLite, so that it is of mode 0600 from its first byte on
    try {
      copy_all(from, target, anchor);
    } catch (...) {
      remove_copy(target);
      throw;
    }
    return Status::success();
  });
}

void remove_copy(const std::string& to) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) remove_if_there(to + suffix);
  for (const char* suffix : beside) remove_if_there(to + suffix);
}

}  // namespace openexec::store
