// The ledger's files as files: who holds them, whose they are, how they come to be.
#pragma once

#include <memory>
#include <string>

#include "store/key_runs.hpp"

namespace openexec::store {

/// A ledger's path, absolute and without symbolic links, and how it is reached.
struct LedgerPath {
  std::string database;
  const char* vfs = nullptr;    ///< SQLite's file system; null: its own
  int checkpoint_pages = 1000;  ///< pages of write-ahead log after which a commit moves them into the database
  KeyGeometry keys;             ///< of its index

  [[nodiscard]] std::string lock() const { return database + ".lock"; }
  [[nodiscard]] std::string log() const { return database + "-wal"; }
  [[nodiscard]] std::string log_key() const { return database + ".log-key"; }
  [[nodiscard]] std::string cosigned() const { return database + ".cosigned"; }
};

/// Resolves the folder, so that one ledger has one lock whatever it is called by. Throws StoreFailure.
LedgerPath resolve(const std::string& path, const char* vfs);

/// The right to write one ledger. The kernel takes it back when its holder dies, however it dies; a forked child that
/// was not replaced by exec keeps it as long as it lives.
class LedgerLock {
 public:
  /// Throws StoreFailure "in use by process N" where another opening holds it, in this process or in another.
  static LedgerLock acquire(const LedgerPath& path);

  LedgerLock(LedgerLock&& other) noexcept;
  LedgerLock& operator=(LedgerLock&&) = delete;
  ~LedgerLock();

 private:
  explicit LedgerLock(int fd) noexcept : fd_(fd) {}
  int fd_;
};

/// Whether there is a ledger. Reads the file's header before SQLite does, which might repair or tidy a database that is
/// not ours. Throws StoreFailure where there is something else, or a ledger of a newer or unknown schema.
bool inspect(const LedgerPath& path);

/// Makes a ledger without rows, mode 0600, all of it or nothing. Precondition: the lock is held and inspect() said no.
void create(const LedgerPath& path);

/// Throws StoreFailure where the disk has no room for another transaction.
void check_free_space(const LedgerPath& path);

}  // namespace openexec::store
