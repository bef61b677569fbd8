// SPDX-License-Identifier: Apache-2.0
// The ledger's files as files: who holds them, whose they are, how they come to be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "index/key_runs.hpp"
#include "sqlite/held_file.hpp"
#include "sqlite/path_check.hpp"

namespace openexec::store {

/// A ledger's path, absolute and without symbolic links, and how it is reached.
struct LedgerPath {
  std::string database;
  const char* vfs = nullptr;     ///< SQLite's file system; null: its own
  int checkpoint_pages = 1000;   ///< pages of write-ahead log after which a commit moves them into the database
  KeyGeometry keys;              ///< of its index
  bool any_file = false;         ///< it need not be the file that was opened last
  bool log_may_be_lost = false;  ///< an operator adopts the main file as it is, although its write-ahead log is gone

  [[nodiscard]] std::string lock() const { return database + ".lock"; }
  [[nodiscard]] std::string log() const { return database + "-wal"; }
  [[nodiscard]] std::string log_key() const { return database + ".log-key"; }
  [[nodiscard]] std::string cosigned() const { return database + ".cosigned"; }
};

/// Resolves the folder, so that one ledger has one lock whatever it is called by. Throws StoreFailure.
LedgerPath resolve(const std::string& path, const char* vfs);

/// The right to write one ledger, by its name and by its inode: a file that has two names has one inode. The kernel
/// takes the right back when its holder dies, however it dies. A forked child that was not replaced by exec keeps it as
/// long as it lives. Must outlive the ledger's connections.
class LedgerLock {
 public:
  /// Takes the name. Throws StoreFailure "in use by process N" if another opening has it, in this process or another.
  static LedgerLock acquire(const LedgerPath& path);
  /// Takes the inode of the ledger, which is there by now, and looks at its write-ahead log. Throws StoreFailure if
  /// another opening has it under another name, or if the log is lost.
  void hold(const LedgerPath& path);

  /// Precondition: hold() returned.
  [[nodiscard]] const FileIdentity& identity() const noexcept { return file_->identity(); }

  LedgerLock(LedgerLock&& other) noexcept;
  LedgerLock& operator=(LedgerLock&&) = delete;
  ~LedgerLock();

 private:
  explicit LedgerLock(int fd) noexcept : fd_(fd) {}
  int fd_;
  std::optional<HeldFile> file_;
};

/// Throws StoreFailure if others may write the ledger, its key or its folder, or if the folder's file system is unsafe.
void check_place(const LedgerPath& path, const PathRules& rules);

/// The schema of the ledger that is there; nothing where there is none. Throws StoreFailure where there is something
/// else.
std::optional<std::uint32_t> schema_of(const LedgerPath& path);

/// Whether there is a ledger. Reads the file's header before SQLite does, which might repair or tidy a database that is
/// not ours. Throws StoreFailure where there is something else, or a ledger of another schema.
bool inspect(const LedgerPath& path);

/// Makes a ledger without rows, mode 0600, all of it or nothing. Precondition: the lock is held and inspect() said no.
void create(const LedgerPath& path);

/// Throws StoreFailure where the disk has no room for another transaction.
void check_free_space(const LedgerPath& path);

}  // namespace openexec::store
