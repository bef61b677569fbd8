// SPDX-License-Identifier: Apache-2.0
// An SQLite file system that remembers what every write to one file replaced, so that a large file need not be copied
// to be changed a thousand times.
#pragma once

#include <sqlite3.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace openexec::test {

/// One at a time: SQLite's methods have no room for more. Registered under its name as long as it lives.
class UndoVfs {
 public:
  explicit UndoVfs(std::string watched) : watched_(std::move(watched)) {
    current() = this;
    sqlite3_vfs* const real = sqlite3_vfs_find(nullptr);
    vfs_ = *real;
    vfs_.zName = "openexec-undo";
    vfs_.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
      return current()->open(name, file, flags, out);
    };
    real_ = real;
    if (sqlite3_vfs_register(&vfs_, 0) != SQLITE_OK) throw std::runtime_error("cannot register a file system");
  }
  UndoVfs(const UndoVfs&) = delete;
  UndoVfs& operator=(const UndoVfs&) = delete;
  ~UndoVfs() {
    sqlite3_vfs_unregister(&vfs_);
    current() = nullptr;
  }

  [[nodiscard]] const char* name() const noexcept { return vfs_.zName; }

  /// What is in the file from here on is what undo() leaves.
  void forget() noexcept { replaced_.clear(); }
  /// Puts the file back as it was, of that size. Precondition: nobody has it open.
  void undo(std::int64_t size) {
    const int fd = ::open(watched_.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) throw std::runtime_error("cannot open the watched file");
    bool done = true;
    for (auto write = replaced_.rbegin(); write != replaced_.rend(); ++write)
      done = ::pwrite(fd, write->second.data(), write->second.size(), write->first) ==
                 static_cast<ssize_t>(write->second.size()) &&
             done;
    done = ::ftruncate(fd, size) == 0 && done;
    ::close(fd);
    if (!done) throw std::runtime_error("cannot put the watched file back");
    replaced_.clear();
  }

 private:
  int open(const char* name, sqlite3_file* file, int flags, int* out) {
    const int code = real_->xOpen(real_, name, file, flags, out);
    if (code != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0 || name == nullptr || watched_ != name) return code;
    real_methods_ = file->pMethods;
    methods_ = *real_methods_;
    methods_.xWrite = [](sqlite3_file* of, const void* bytes, int size, sqlite3_int64 offset) {
      return current()->write(of, bytes, size, offset);
    };
    methods_.xTruncate = [](sqlite3_file* of, sqlite3_int64 size) { return current()->truncate(of, size); };
    file->pMethods = &methods_;
    return code;
  }

  int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
    keep(file, size, offset);
    return real_methods_->xWrite(file, bytes, size, offset);
  }
  int truncate(sqlite3_file* file, sqlite3_int64 size) {
    sqlite3_int64 now = 0;
    if (real_methods_->xFileSize(file, &now) == SQLITE_OK && now > size) keep(file, static_cast<int>(now - size), size);
    return real_methods_->xTruncate(file, size);
  }
  void keep(sqlite3_file* file, int size, sqlite3_int64 offset) {
    std::string before(static_cast<std::size_t>(size), '\0');
    const int code = real_methods_->xRead(file, before.data(), size, offset);
    if (code == SQLITE_OK || code == SQLITE_IOERR_SHORT_READ) replaced_.emplace_back(offset, std::move(before));
  }

  static UndoVfs*& current() {
    static UndoVfs* vfs = nullptr;
    return vfs;
  }

  const std::string watched_;
  sqlite3_vfs vfs_{};
  sqlite3_vfs* real_ = nullptr;
  const sqlite3_io_methods* real_methods_ = nullptr;
  sqlite3_io_methods methods_{};
  std::vector<std::pair<std::int64_t, std::string>> replaced_;
};

}  // namespace openexec::test
