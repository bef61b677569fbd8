// SPDX-License-Identifier: Apache-2.0
// Checks of the location of a file: who can write it, and on which file system it is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace openexec::store {

/// Exceptions that an operator permits for one start. Each member that is true accepts a risk.
struct PathRules {
  bool others_may_write = false;    ///< every user of the machine may replace the file; it is warned about only
  bool unsafe_file_system = false;  ///< two machines may hold the lock at once
  std::function<void(const std::string& finding)> warn;  ///< told of what is no reason to refuse; may be empty
};

/// Throws StoreFailure if every user may write the file, or its folder without the sticky bit. Warns if its group may.
/// The file need not exist. A symbolic link is followed. `what` names the file in the message, such as "the ledger".
void check_writers(std::string_view what, const std::string& path, const PathRules& rules);
/// Checks only the file, not its folder.
void check_file_writers(std::string_view what, const std::string& path, const PathRules& rules);

/// Throws StoreFailure if the folder of the file is on a file system that is shared between machines or implemented by
/// a program (NFS, SMB, FUSE, virtiofs, 9p). Its locks or its syncs may not be reliable, which SQLite needs.
void check_file_system(std::string_view what, const std::string& path, const PathRules& rules);

/// Throws StoreFailure if the file itself is a mount point. It then has other names, and each name has its own journal.
/// Needs Linux 5.8.
void check_mount(std::string_view what, const std::string& path);

/// The name of a file system that check_file_system() refuses, by the number that statfs() gives.
std::optional<std::string_view> unsafe_file_system(std::uint64_t magic) noexcept;

}  // namespace openexec::store
