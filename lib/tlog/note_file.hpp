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

/// The right to replace one note file. One opening has it at a time, in this process or in another, so that what its
/// holder reads is still there when the holder replaces it. The kernel takes the right back when its holder dies.
class NoteLock {
 public:
  /// Waits for another holder, ten seconds at most. Throws StoreFailure if that was not enough, or if the lock's file
  /// (the note's name and ".lock") cannot be opened or is no regular file.
  static NoteLock acquire(const std::string& path);
  /// Returns nullopt at once if another opening holds the lock. Throws as acquire() does.
  static std::optional<NoteLock> try_acquire(const std::string& path);

  /// Returns what the file holds, as read_note_file() does.
  [[nodiscard]] std::optional<std::string> read() const { return read_note_file(path_); }
  /// Replaces what the file holds, durably. A reader finds the old text or the new one, whenever the machine dies.
  /// Throws StoreFailure.
  void replace(std::string_view text) const;

 private:
  NoteLock(std::string path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  void remove_stale_drafts() const;

  std::string path_;
  Descriptor fd_;
};

/// A note file that its holder keeps open, to read it again and to write parts of it in their place.
class OpenNote {
 public:
  /// Returns nullopt if there is no file. Throws as read_note_file() does.
  static std::optional<OpenNote> open(const std::string& path);

  /// Whether the file's name still leads to it.
  [[nodiscard]] bool is_named() const;
  /// Returns what the file holds, or its first `most` bytes. Throws StoreFailure.
  [[nodiscard]] std::string read(std::size_t most) const;
  /// Writes a part of the file in its place, durably, within what the file has. Cheaper than a replacement, which is
  /// two syncs more in most file systems, but if the machine dies, that part may hold anything. Throws StoreFailure.
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
  /// Returns where the name leads, or the descriptor if the name is empty. Returns nullopt if there is no such name.
  static std::optional<Place> place_of(int fd, const std::string& name);

  std::string path_;
  Descriptor fd_;
  Place place_;
};

}  // namespace openexec::store
