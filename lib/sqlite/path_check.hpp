// SPDX-License-Identifier: Apache-2.0
// Where a file lies, and who else may write it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace openexec::store {

/// What an operator allows for one start. Each member that is true takes a risk.
struct PathRules {
  bool others_may_write = false;    ///< every user of the machine may replace the file; it is warned about only
  bool unsafe_file_system = false;  ///< two machines may hold the lock at once
  std::function<void(const std::string& finding)> warn;  ///< told of what is no reason to refuse; may be empty
};

/// Throws StoreFailure if every user may write the file, or its folder without the sticky bit. Warns if its group may.
/// The file need not be there. A symbolic link is followed. `what` names the file in the message, such as "the ledger".
void check_writers(std::string_view what, const std::string& path, const PathRules& rules);
/// The same for the file alone.
void check_file_writers(std::string_view what, const std::string& path, const PathRules& rules);

/// Throws StoreFailure if the file's folder lies on a file system that is shared between machines or that a program
/// answers for (NFS, SMB, FUSE, virtiofs, 9p): its locks, or its syncs, may not be what SQLite needs.
void check_file_system(std::string_view what, const std::string& path, const PathRules& rules);

/// Throws StoreFailure if the file itself is a mount point: then it has other names, each with its own journal. Linux
/// tells since 5.8.
void check_mount(std::string_view what, const std::string& path);

/// The name of a file system that check_file_system() refuses, by the number that statfs() gives.
std::optional<std::string_view> unsafe_file_system(std::uint64_t magic) noexcept;

}  // namespace openexec::store
