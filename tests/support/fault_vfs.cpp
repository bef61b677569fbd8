// SPDX-License-Identifier: Apache-2.0
#include "support/fault_vfs.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace openexec::test {

/// An open file: SQLite's part first, then ours, then the real file in the same memory.
struct FaultFile {
  sqlite3_file base;
  FaultVfs* vfs;
  std::string* path;  ///< null for files without a name
  sqlite3_file* real;
};

namespace {

FaultFile& self(sqlite3_file* file) { return *reinterpret_cast<FaultFile*>(file); }
FaultVfs& self(sqlite3_vfs* vfs) { return *static_cast<FaultVfs*>(vfs->pAppData); }

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  std::abort();
}

void apply(std::string& image, std::int64_t offset, const std::string& bytes, bool truncate) {
  const auto at = static_cast<std::size_t>(offset);
  if (truncate) return image.resize(at);
  if (image.size() < at + bytes.size()) image.resize(at + bytes.size());
  image.replace(at, bytes.size(), bytes);
}

}  // namespace

struct FaultVfsCalls {
  template <class Real>
  static int counted(FaultVfs& vfs, Real&& real) {
    return counted(vfs, real, [] {});
  }
  /// `half`: what a process that is killed inside the call has done of it.
  template <class Real, class Half>
  static int counted(FaultVfs& vfs, Real&& real, Half&& half) {
    const FaultVfs::Decision decision = vfs.decide();
    if (decision.die_inside) {
      half();
      die();
    }
    if (!decision.do_it) return decision.code;
    const int code = real();
    if (decision.die_after) die();
    return decision.code != SQLITE_OK ? decision.code : code;
  }

  static int close(sqlite3_file* file) {
    const int code = self(file).real->pMethods->xClose(self(file).real);
    delete self(file).path;
    return code;
  }
  static int read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
    return counted(*self(file).vfs,
                   [&] { return self(file).real->pMethods->xRead(self(file).real, data, size, offset); });
  }
  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    FaultFile& f = self(file);
    const auto real = [&] {
      if (!f.vfs->has_room(offset + size)) return SQLITE_FULL;
      const int code = f.real->pMethods->xWrite(f.real, data, size, offset);
      if (code == SQLITE_OK && f.path != nullptr)
        f.vfs->wrote(*f.path,
                     {offset, std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)), false});
      return code;
    };
    return counted(*f.vfs, real, [&] { (void)f.real->pMethods->xWrite(f.real, data, size / 2, offset); });
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    FaultFile& f = self(file);
    return counted(*f.vfs, [&] {
      const int code = f.real->pMethods->xTruncate(f.real, size);
      if (code == SQLITE_OK && f.path != nullptr) f.vfs->wrote(*f.path, {size, {}, true});
      return code;
    });
  }
  static int sync(sqlite3_file* file, int) {
    FaultFile& f = self(file);
    std::function<void()> call;
    {
      const std::lock_guard lock(f.vfs->mutex_);
      call = f.vfs->at_sync_;
    }
    if (call) call();
    return counted(*f.vfs, [&] {
      if (f.path != nullptr) f.vfs->synced(*f.path);
      return SQLITE_OK;
    });
  }
  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return self(file).real->pMethods->xFileSize(self(file).real, size);
  }
  static int lock(sqlite3_file* file, int kind) { return self(file).real->pMethods->xLock(self(file).real, kind); }
  static int unlock(sqlite3_file* file, int kind) { return self(file).real->pMethods->xUnlock(self(file).real, kind); }
  static int check_lock(sqlite3_file* file, int* out) {
    return self(file).real->pMethods->xCheckReservedLock(self(file).real, out);
  }
  static int control(sqlite3_file* file, int what, void* argument) {
    return self(file).real->pMethods->xFileControl(self(file).real, what, argument);
  }
  static int sector_size(sqlite3_file* file) { return self(file).real->pMethods->xSectorSize(self(file).real); }
  static int characteristics(sqlite3_file* file) {
    return self(file).real->pMethods->xDeviceCharacteristics(self(file).real);
  }
  static int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
    return counted(*self(file).vfs,
                   [&] { return self(file).real->pMethods->xShmMap(self(file).real, page, size, extend, out); });
  }
  static int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    FaultFile& f = self(file);
    // SQLite does not ask how unlocking went; and a lock is either taken or refused, so it fails in one way only.
    if ((flags & SQLITE_SHM_LOCK) != 0) {
      if (const int code = f.vfs->decide().code; code != SQLITE_OK) return code;
    }
    return f.real->pMethods->xShmLock(f.real, offset, count, flags);
  }
  static void shm_barrier(sqlite3_file* file) { self(file).real->pMethods->xShmBarrier(self(file).real); }
  static int shm_unmap(sqlite3_file* file, int remove) {
    return self(file).real->pMethods->xShmUnmap(self(file).real, remove);
  }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    static const sqlite3_io_methods methods = {
        2,         close,      read,    write,       truncate,        sync,    file_size, lock,
        unlock,    check_lock, control, sector_size, characteristics, shm_map, shm_lock,  shm_barrier,
        shm_unmap, nullptr,    nullptr};
    FaultVfs& v = self(vfs);
    FaultFile& f = self(file);
    f = {};
    f.vfs = &v;
    f.real = reinterpret_cast<sqlite3_file*>(&f + 1);
    f.real->pMethods = nullptr;
    return counted(v, [&] {
      const int code = v.real_->xOpen(v.real_, name, f.real, flags, out_flags);
      if (code != SQLITE_OK) return code;
      if (name != nullptr) {
        f.path = new std::string(name);
        v.opened(*f.path);
      }
      f.base.pMethods = &methods;
      return SQLITE_OK;
    });
  }
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    FaultVfs& v = self(vfs);
    return counted(v, [&] {
      const int code = v.real_->xDelete(v.real_, name, sync_folder);
      if (code == SQLITE_OK) v.removed(name);
      return code;
    });
  }
  static int access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    return self(vfs).real_->xAccess(self(vfs).real_, name, flags, out);
  }
  static int full_path(sqlite3_vfs* vfs, const char* name, int size, char* out) {
    return self(vfs).real_->xFullPathname(self(vfs).real_, name, size, out);
  }
};

FaultVfs::FaultVfs(std::string name) : name_(std::move(name)), real_(sqlite3_vfs_find(nullptr)) {
  vfs_ = *real_;
  vfs_.pNext = nullptr;
  vfs_.iVersion = 2;
  vfs_.szOsFile = static_cast<int>(sizeof(FaultFile)) + real_->szOsFile;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = FaultVfsCalls::open;
  vfs_.xDelete = FaultVfsCalls::remove;
  vfs_.xAccess = FaultVfsCalls::access;
  vfs_.xFullPathname = FaultVfsCalls::full_path;
  if (sqlite3_vfs_register(&vfs_, 0) != SQLITE_OK) throw std::runtime_error("cannot register a file system");
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(&vfs_); }

void FaultVfs::arm(const Fault& fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  calls_ = 0;
  syncs_ = 0;
}

bool FaultVfs::reached() const {
  const std::lock_guard lock(mutex_);
  return fault_.nth != 0 && calls_ >= fault_.nth;
}

std::uint64_t FaultVfs::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::uint64_t FaultVfs::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

FaultVfs::Decision FaultVfs::decide() {
  const std::lock_guard lock(mutex_);
  ++calls_;
  const bool fails = fault_.nth != 0 && calls_ >= fault_.nth && calls_ - fault_.nth < fault_.times;
  if (!fails) return {};
  switch (fault_.how) {
    case Fault::How::without_doing_it: return {fault_.code, false};
    case Fault::How::after_doing_it: return {fault_.code, true};
    case Fault::How::killed_before: die();
    case Fault::How::killed_inside: return {SQLITE_OK, true, true, false};
    case Fault::How::killed_after: return {SQLITE_OK, true, false, true};
  }
  return {};
}

bool FaultVfs::step(const std::function<void()>& real, const std::function<void()>& half) {
  const auto whole = [&] {
    real();
    return SQLITE_OK;
  };
  const auto part = [&] {
    if (half) half();
  };
  return FaultVfsCalls::counted(*this, whole, part) == SQLITE_OK;
}

bool FaultVfs::has_room(std::int64_t end) {
  const std::lock_guard lock(mutex_);
  return !limit_ || end <= *limit_;
}

void FaultVfs::forget_files() {
  const std::lock_guard lock(mutex_);
  disks_.clear();
}

void FaultVfs::lie_about_syncs(bool lies) {
  const std::lock_guard lock(mutex_);
  lies_ = lies;
}

void FaultVfs::at_sync(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  at_sync_ = std::move(call);
}

void FaultVfs::limit_files(std::optional<std::int64_t> size) {
  const std::lock_guard lock(mutex_);
  limit_ = size;
}

/// What is in a file when it is first seen is taken to be on the disk.
void FaultVfs::opened(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (disks_.count(path) != 0) return;
  std::ifstream in(path, std::ios::binary);
  disks_[path].synced.assign(std::istreambuf_iterator<char>(in), {});
}

void FaultVfs::wrote(const std::string& path, Write write) {
  const std::lock_guard lock(mutex_);
  disks_[path].pending.push_back(std::move(write));
}

void FaultVfs::synced(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ++syncs_;
  if (lies_) return;
  Disk& disk = disks_[path];
  for (const Write& write : disk.pending) apply(disk.synced, write.offset, write.bytes, write.truncate);
  disk.pending.clear();
}

void FaultVfs::removed(const std::string& path) {
  const std::lock_guard lock(mutex_);
  disks_.erase(path);
}

void FaultVfs::cut_power(const std::function<bool()>& choose) {
  const std::lock_guard lock(mutex_);
  for (auto& [path, disk] : disks_) {
    for (const Write& write : disk.pending)
      if (choose()) apply(disk.synced, write.offset, write.bytes, write.truncate);
    // A draft that was given another name since is not there any more.
    if (!std::ifstream(path)) continue;
    std::ofstream(path, std::ios::binary | std::ios::trunc) << disk.synced;
  }
  disks_.clear();
}

}  // namespace openexec::test
