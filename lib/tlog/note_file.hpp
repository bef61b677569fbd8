// SPDX-License-Identifier: Apache-2.0
// A signed note in a file of its own, which is replaced as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sqlite/descriptor.hpp"

namespace openexec::store {

/// Returns what the file holds, or nullopt if there is no file. A reader needs no lock, because a replacement is
/// atomic. Throws StoreFailure if the file cannot be read, is no regular file or is larger than a note.
std::optional<std::string> read_note_file(const std::string& path);

/// The exclusive lock for replacing a note file. One holder at a time has it, in this process or another, so that the
/// note does not change between its read and its replacement. The kernel releases it when the process ends.
class NoteLock {
 public:
  /// Waits at most ten seconds for another holder. Throws StoreFailure after that, or if the lock file (the name of the
  /// note with ".lock") cannot be opened or is not a regular file.
  static NoteLock acquire(const std::string& path);
  /// Returns nullopt at once if another opening holds the lock. Throws as acquire() does.
  static std::optional<NoteLock> try_acquire(const std::string& path);

  /// Returns what the file holds, as read_note_file() does.
  [[nodiscard]] std::optional<std::string> read() const { return read_note_file(path_); }
  /// Replaces the content of the file, durably and atomically, also if the machine crashes. Throws StoreFailure.
  void replace(std::string_view text) const;

 private:
  NoteLock(std::string path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  void remove_stale_drafts() const;

  std::string path_;
  Descriptor fd_;
};

/// An open note file, which can be read again and partly overwritten in place.
class OpenNote {
 public:
  /// Returns nullopt if there is no file. Throws as read_note_file() does.
  static std::optional<OpenNote> open(const std::string& path);

  /// Whether the name still refers to this file.
  [[nodiscard]] bool is_named() const;
  /// Returns the content of the file, or its first `most` bytes. Throws StoreFailure.
  [[nodiscard]] std::string read(std::size_t most) const;
  /// Overwrites a part of the file in place, durably, within its size. This saves two syncs of a replacement on most
  /// file systems, but if the machine crashes the part may have any content. Throws StoreFailure.
  void overwrite(std::size_t at, std::string_view part) const;

 private:
  struct Place {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::uint64_t inode = 0;
    bool operator==(const Place&) const = default;
  };
  OpenNote(std::string path, Descriptor fd, const Place& place)
      : path_(std::move(path)), fd_(std::move(fd)), place_(place) {}
  /// Returns device and inode of the name, or of the descriptor if the name is empty. Returns nullopt if there is no
  /// such name.
  static std::optional<Place> place_of(int fd, const std::string& name);

  std::string path_;
  Descriptor fd_;
  Place place_;
};

}  // namespace openexec::store
