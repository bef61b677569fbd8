// SPDX-License-Identifier: Apache-2.0
// A database file that this process keeps open, and the lock of its inode.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sqlite/file_identity.hpp"

namespace openexec::store {

/// Keeps a database file open from before the first SQLite connection until after the last one.
///
/// The kernel releases all POSIX locks that a process has on a file when the process closes any descriptor of it. Those
/// are the locks of all SQLite connections to the file, so a descriptor beside theirs must not be closed earlier than
/// they are. The descriptors of one inode are therefore shared in this process, and are closed with the last HeldFile.
/// This is the only process-wide state of the library, because the locks are process-wide too.
class HeldFile {
 public:
  enum class Access : std::uint8_t { read, write };

  /// Throws StoreFailure if the file cannot be opened, is reached through a symbolic link, or is not a regular file.
  HeldFile(const std::string& path, Access access);
  HeldFile(HeldFile&&) noexcept;
  HeldFile& operator=(HeldFile&&) = delete;
  ~HeldFile();

  /// Takes the inode's lock until this object is destroyed. Returns false if another opening has it, in this process
  /// or in another, under any name. Precondition: Access::write.
  [[nodiscard]] bool lock();

  [[nodiscard]] const FileIdentity& identity() const noexcept;

 private:
  struct Shared;
  struct Table;
  static std::shared_ptr<Table> table();

  std::shared_ptr<Table> table_;
  std::shared_ptr<Shared> shared_;
  FileIdentity identity_;
  bool locked_ = false;
};

}  // namespace openexec::store
