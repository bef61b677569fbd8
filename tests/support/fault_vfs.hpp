// SPDX-License-Identifier: Apache-2.0
// An SQLite file system that fails on request, and that remembers what would survive a power cut.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace openexec::test {

/// Which call fails, and how. Calls that can be counted: open, delete, read, write, truncate, sync, shared memory.
struct Fault {
  static constexpr std::uint64_t for_ever = std::numeric_limits<std::uint64_t>::max();
  /// killed_*: the process dies by SIGKILL there; `inside` a write when half of it is written, else before.
  enum class How { without_doing_it, after_doing_it, killed_before, killed_inside, killed_after };
  std::uint64_t nth = 0;  ///< the first call that fails, from 1; 0: none
  How how = How::without_doing_it;
  std::uint64_t times = 1;  ///< so many calls in a row
  int code = SQLITE_IOERR;
};

/// Registered under its name as long as it lives. Thread-safe. Syncs are not passed on to the disk: what they promise
/// is kept by cut_power().
class FaultVfs {
 public:
  explicit FaultVfs(std::string name);
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;
  ~FaultVfs();

  [[nodiscard]] const char* name() const noexcept { return name_.c_str(); }
  void arm(const Fault& fault);  ///< counts from here
  [[nodiscard]] bool reached() const;
  [[nodiscard]] std::uint64_t calls() const;
  [[nodiscard]] std::uint64_t syncs() const;

  /// Leaves in every file what was synced, and of what was written since a part that `choose` decides on, write by
  /// write.
  void cut_power(const std::function<bool()>& choose);
  /// What is in the files from here on is taken to be on the disk.
  void forget_files();
  /// A disk that lies: syncs are acknowledged and promise nothing.
  void lie_about_syncs(bool lies);
  /// Counts a call that is not SQLite's, and fails it as SQLite's would fail; `half` is what a process that is killed
  /// inside has done of it. Answers whether it succeeds.
  bool step(const std::function<void()>& real, const std::function<void()>& half = nullptr);
  /// Called at each sync, on the thread that syncs, before it takes place.
  void at_sync(std::function<void()> call);
  /// Writes that reach beyond this size fail for want of room.
  void limit_files(std::optional<std::int64_t> size);

 private:
  friend struct FaultFile;
  friend struct FaultVfsCalls;

  struct Write {
    std::int64_t offset;
    std::string bytes;  ///< of a write
    bool truncate;      ///< to `offset`
  };
  struct Disk {
    std::string synced;
    std::vector<Write> pending;
  };

  /// What becomes of this call: nothing (do it), or a code and whether it is done first, or death.
  struct Decision {
    int code = SQLITE_OK;
    bool do_it = true;
    bool die_inside = false;
    bool die_after = false;
  };
  Decision decide();
  bool has_room(std::int64_t end);
  void opened(const std::string& path);
  void wrote(const std::string& path, Write write);
  void synced(const std::string& path);
  void removed(const std::string& path);

  const std::string name_;
  sqlite3_vfs vfs_{};
  sqlite3_vfs* real_;
  mutable std::mutex mutex_;
  Fault fault_;
  std::uint64_t calls_ = 0;
  std::uint64_t syncs_ = 0;
  bool lies_ = false;
  std::optional<std::int64_t> limit_;
  std::function<void()> at_sync_;
  std::map<std::string, Disk> disks_;
};

}  // namespace openexec::test
