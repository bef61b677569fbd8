// SPDX-License-Identifier: Apache-2.0
// The files of a ledger: locks, owners, and creation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/assert.hpp"
#include "index/key_runs.hpp"
#include "sqlite/held_file.hpp"
#include "sqlite/path_check.hpp"

namespace openexec::store {

/// The absolute path of a ledger without symbolic links, and how to open it.
struct LedgerPath {
  std::string database;
  const char* vfs = nullptr;     ///< the file system that SQLite uses; null: its default
  int checkpoint_pages = 1000;   ///< pages of write-ahead log after which a commit moves them into the database
  KeyGeometry keys;              ///< of the key index
  bool any_file = false;         ///< the file may be another one than at the last opening
  bool log_may_be_lost = false;  ///< an operator adopts the main file as it is, although its write-ahead log is gone

  [[nodiscard]] std::string lock() const { return database + ".lock"; }
  [[nodiscard]] std::string wal() const { return database + "-wal"; }
  [[nodiscard]] std::string log_key() const { return database + ".log-key"; }
  [[nodiscard]] std::string cosigned() const { return database + ".cosigned"; }
};

/// Resolves the folder, so that one ledger has one lock under every path. Throws StoreFailure.
LedgerPath resolve(const std::string& path, const char* vfs);

/// The exclusive lock for writing a ledger, on its name and on its inode, because a file may have several names. The
/// kernel releases it when its process ends in any way. A forked child that does not call exec keeps it until the child
/// ends. Must outlive the connections to the ledger.
class LedgerLock {
 public:
  /// Locks the name. Throws StoreFailure "in use by process N" if another opening has it, in this process or another.
  static LedgerLock acquire(const LedgerPath& path);
  /// Locks the inode of the ledger, which exists by now, and checks its write-ahead log. Throws StoreFailure if another
  /// opening holds it under another name, or if the write-ahead log is lost.
  void hold(const LedgerPath& path);

  /// Precondition: hold() returned.
  [[nodiscard]] const FileIdentity& identity() const {
    OPENEXEC_ASSERT(file_, "ledger lock: its file is held");
    return file_->identity();
  }

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

/// Returns the schema of the ledger, or nullopt if there is no file. Throws StoreFailure if the file is not a ledger.
std::optional<std::uint32_t> schema_of(const LedgerPath& path);

/// Whether there is a ledger. Reads the header of the file before SQLite does, because SQLite might modify a database
/// that is not a ledger. Throws StoreFailure if the file is not a ledger, or has another schema.
bool inspect(const LedgerPath& path);

/// Creates a ledger without rows, of mode 0600, atomically. Called while the lock is held. Precondition: inspect()
/// returns false.
void create(const LedgerPath& path);

/// Throws StoreFailure if the disk has no room for another transaction.
void check_free_space(const LedgerPath& path);

}  // namespace openexec::store
