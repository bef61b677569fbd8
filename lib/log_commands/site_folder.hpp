// SPDX-License-Identifier: Apache-2.0
// The folder of an exported log. Files below it are opened step by step from its descriptor, so that a symbolic link
// that another process put there is refused, and opening a pipe does not block.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sqlite/descriptor.hpp"

namespace openexec::log_commands {

/// Names are relative, with slashes. Each function throws Stop(cannot) if the system refuses, if a part of a name is no
/// folder, or if a file is no regular one.
class SiteFolder {
 public:
  /// Makes the folder if it does not exist, and locks it. Throws Stop(cannot) if another run holds the lock. The kernel
  /// releases the lock when this process ends.
  explicit SiteFolder(const std::string& path);

  /// Returns all bytes, or nullopt if there is no such file. More than `most` bytes are read as `most` + 1.
  [[nodiscard]] std::optional<std::string> read(const std::string& name, std::size_t most) const;
  /// Replaces a file atomically, so that a reader finds the old file or the complete new one. The first put() in a
  /// folder removes the drafts that a killed run left there. If `synced` is set, the bytes are on the disk before the
  /// name leads to them.
  void put(const std::string& name, std::string_view bytes, bool synced = false);
  /// Returns the names in a folder, or an empty list if the folder does not exist.
  [[nodiscard]] std::vector<std::string> list(const std::string& folder) const;
  /// Removes a folder and the files in it. A folder that holds a folder stays.
  void remove(const std::string& folder);
  /// Waits until everything that was put is on the disk.
  void sync() const;

 private:
  /// Returns the descriptor of a folder, or -1 if the folder does not exist and `make` is false.
  [[nodiscard]] int open_folder(const std::string& folder, bool make) const;
  /// Returns the folder in which a file is put. It is opened once for all files that are put there in a row.
  int beside(const std::string& folder);

  const std::string path_;
  store::Descriptor root_;
  std::string beside_name_;
  std::optional<store::Descriptor> beside_;
};

}  // namespace openexec::log_commands
