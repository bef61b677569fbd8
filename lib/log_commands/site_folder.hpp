// SPDX-License-Identifier: Apache-2.0
// The folder of an exported log. Files below it are reached step by step from its descriptor, so that a link that
// somebody put there is refused, and a pipe is not waited on.
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
  /// Makes the folder if it is not there, and holds it: Stop(cannot) if another run does. The kernel gives it back when
  /// this process ends.
  explicit SiteFolder(const std::string& path);

  /// Returns all bytes, or nullopt if there is no such file. More than `most` bytes are read as `most` + 1.
  [[nodiscard]] std::optional<std::string> read(const std::string& name, std::size_t most) const;
  /// Replaces a file, which a reader finds as it was or whole. Drafts of a run that was killed go with the first file
  /// that is put beside them. `synced`: the bytes are on the disk before the name leads to them.
  void put(const std::string& name, std::string_view bytes, bool synced = false);
  /// Names of what is in a folder. None if there is no such folder.
  [[nodiscard]] std::vector<std::string> list(const std::string& folder) const;
  /// Removes a folder and the files in it. A folder that holds a folder stays.
  void remove(const std::string& folder);
  /// Waits until everything that was put is on the disk.
  void sync() const;

 private:
  /// Returns an open folder, or -1 if there is none and it is not to be made.
  [[nodiscard]] int open_folder(const std::string& folder, bool make) const;
  /// The folder that a file is put in. Opened once for files that are put beside each other.
  int beside(const std::string& folder);

  const std::string path_;
  store::Descriptor root_;
  std::string beside_name_;
  std::optional<store::Descriptor> beside_;
};

}  // namespace openexec::log_commands
