// SPDX-License-Identifier: Apache-2.0
// The identity of a file independent of its name. A copy, a restored backup and a clone have another identity.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace openexec::store {

/// A file keeps its identity when it is renamed within its file system. A copy of the whole file system, such as a
/// snapshot of a virtual machine, keeps it too.
struct FileIdentity {
  std::uint64_t inode = 0;
  std::optional<std::uint32_t> generation;  ///< counts uses of the inode; absent if not reported
  std::optional<std::int64_t> birth_ns;     ///< creation, since 1970; absent if not reported
  std::uint64_t device = 0;                 ///< information only: it may change with a restart of the machine
  std::string path;                         ///< information only

  /// Compares generation and birth only if both identities have them.
  [[nodiscard]] bool is_same_file(const FileIdentity& other) const noexcept;

  /// One line, such as "inode=7 generation=3 birth_ns=17": without device and path, which may change.
  [[nodiscard]] std::string write() const;
  /// Returns nullopt if the text is not what write() writes.
  static std::optional<FileIdentity> parse(std::string_view text);
};

/// Returns the identity of an open file. Throws StoreFailure. There is no function for a path, because it would open
/// and close the file, and closing releases the locks of all SQLite connections of this process. HeldFile keeps the
/// file open.
FileIdentity identity_of(int fd, const std::string& path);

}  // namespace openexec::store
