// SPDX-License-Identifier: Apache-2.0
#include "tlog/note_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <thread>

#include "merkle/note.hpp"
#include "sqlite/guard.hpp"

namespace openexec::store {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

// A holder reads, merges and replaces one small file. One that is stopped half-way must not stop the others for ever.
constexpr auto patience = std::chrono::seconds(10);
constexpr auto pause = std::chrono::milliseconds(2);

constexpr std::string_view draft_mark = ".new-";
constexpr std::string_view draft_template = "XXXXXX";

bool is_draft_of(std::string_view note, std::string_view name) {
  if (name.size() != note.size() + draft_mark.size() + draft_template.size() || !name.starts_with(note)) return false;
  name.remove_prefix(note.size());
  if (!name.starts_with(draft_mark)) return false;
  name.remove_prefix(draft_mark.size());
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
}

/// Whether the name still leads to the open file. Somebody who removes a lock's file separates its holders.
bool is_named(const std::string& name, int fd) {
  struct stat held {};
  struct stat named {};
  if (::fstat(fd, &held) != 0) fail("cannot look at " + name);
  if (!S_ISREG(held.st_mode)) throw StoreFailure(name + " is not a regular file");
  return ::lstat(name.c_str(), &named) == 0 && named.st_ino == held.st_ino && named.st_dev == held.st_dev;
}

/// A file with a name that no other call gets, removed unless it was renamed.
class Draft {
 public:
  explicit Draft(const std::string& note)
      : path_(note + std::string(draft_mark) + std::string(draft_template)), fd_(::mkostemp(path_.data(), O_CLOEXEC)) {
    if (fd_.get() < 0) fail("cannot create a draft of " + note);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void write(std::string_view text) const {
    write_all(fd_.get(), text, path_);
    if (::fsync(fd_.get()) != 0) fail("cannot sync " + path_);
  }
  void rename_to(const std::string& note) {
    if (std::rename(path_.c_str(), note.c_str()) != 0) fail("cannot name " + note);
    path_.clear();
  }

 private:
  std::string path_;
  Descriptor fd_;
};

}  // namespace

std::optional<std::string> read_note_file(const std::string& path) {
  std::string text;
  if (!read_file(path, merkle::max_note_bytes, text)) return std::nullopt;
  return text;
}

std::optional<NoteLock> NoteLock::try_acquire(const std::string& path) {
  const std::string name = path + ".lock";
  for (;;) {
    Descriptor fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (fd.get() < 0) fail("cannot open " + name);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::nullopt;
      if (errno != EINTR) fail("cannot lock " + name);
      continue;
    }
    if (!is_named(name, fd.get())) continue;
    NoteLock lock(path, std::move(fd));
    lock.remove_stale_drafts();
    return lock;
  }
}

NoteLock NoteLock::acquire(const std::string& path) {
  for (const auto end = steady_clock::now() + patience;;) {
    if (auto lock = try_acquire(path)) return *std::move(lock);
    if (steady_clock::now() >= end)
      throw StoreFailure(path + " is held by another process; try again when it has ended");
    std::this_thread::sleep_for(pause);
  }
}

void NoteLock::replace(std::string_view text) const {
  Draft draft(path_);
  draft.write(text);
  draft.rename_to(path_);
  sync_folder(folder_of(path_));
}

/// A draft that is there while the lock is held belongs to a holder that died. A folder that cannot be listed keeps it,
/// which harms nothing.
void NoteLock::remove_stale_drafts() const {
  const std::string note = fs::path(path_).filename().string();
  std::error_code error;
  for (fs::directory_iterator each(folder_of(path_), error), end; !error && each != end; each.increment(error))
    if (is_draft_of(note, each->path().filename().string())) ::unlink(each->path().c_str());
}

std::optional<OpenNote> OpenNote::open(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.open()) {
    if (errno == ENOENT) return std::nullopt;
    fail("cannot open " + path);
  }
  const auto place = place_of(fd.get(), "");
  if (!place) throw StoreFailure(path + " is not a regular file");
  return OpenNote(path, std::move(fd), *place);
}

/// Does not query the times of the file. After such a query Linux updates them exactly, so that each write in place
/// changes the inode, which the sync has to write too. That takes half as long again.
std::optional<OpenNote::Place> OpenNote::place_of(int fd, const std::string& name) {
  struct statx status {};
  const int flags = AT_SYMLINK_NOFOLLOW | (name.empty() ? AT_EMPTY_PATH : 0);
  if (::statx(fd, name.c_str(), flags, STATX_TYPE | STATX_INO, &status) != 0) {
    if (errno == ENOENT) return std::nullopt;
    fail("cannot look at the note file");
  }
  if (!S_ISREG(status.stx_mode)) return std::nullopt;
  return Place{status.stx_dev_major, status.stx_dev_minor, status.stx_ino};
}

bool OpenNote::is_named() const { return place_of(AT_FDCWD, path_) == place_; }

std::string OpenNote::read(std::size_t most) const {
  std::string text(most, '\0');
  read_from_start(fd_.get(), text, path_);
  return text;
}

void OpenNote::overwrite(std::size_t at, std::string_view part) const {
  if (::lseek(fd_.get(), static_cast<::off_t>(at), SEEK_SET) < 0) fail("cannot write " + path_);
  write_all(fd_.get(), part, path_);
  if (::fdatasync(fd_.get()) != 0) fail("cannot sync " + path_);
}

}  // namespace openexec::store
