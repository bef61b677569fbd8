// SPDX-License-Identifier: Apache-2.0
#include "log_commands/site_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "base/text.hpp"
#include "commands/terminal.hpp"

namespace openexec::log_commands {
namespace {

using store::Descriptor;
using terminal::shown;
using terminal::Stop;

constexpr std::string_view draft_mark = ".new-";

[[noreturn]] void cannot(const std::string& what, const std::string& name, int error) {
  throw Stop(terminal::cannot, "cannot " + what + " " + shown(name) + ": " + std::generic_category().message(error));
}

/// Splits "tile/0/067" into "tile/0" and "067".
std::pair<std::string, std::string> split(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string::npos) return {"", name};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

std::string draft_of(const std::string& file) {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random))
    cannot("name a draft of", file, errno);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(random));
  return file + std::string(draft_mark) + text;
}

bool is_draft(std::string_view name) {
  const std::size_t mark = name.rfind(draft_mark);
  if (mark == std::string_view::npos) return false;
  name.remove_prefix(mark + draft_mark.size());
  return name.size() == 16 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Returns the names in an open folder, without "." and "..".
std::vector<std::string> names_in(int folder, const std::string& name) {
  const int own = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) cannot("list", name, errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::fdopendir(own), ::closedir);
  if (open == nullptr) {
    ::close(own);
    cannot("list", name, ENOMEM);
  }
  std::vector<std::string> names;
  while (const dirent* each = ::readdir(open.get()))
    if (const std::string_view found = each->d_name; found != "." && found != "..") names.emplace_back(found);
  return names;
}

/// Refuses to replace something that is not a regular file.
void check_replaceable(int folder, const std::string& file, const std::string& name) {
  struct stat status {};
  if (::fstatat(folder, file.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) cannot("look at", name, errno);
  } else if (!S_ISREG(status.st_mode)) {
    throw Stop(terminal::cannot, shown(name) + " is not a regular file; move it away");
  }
}

Descriptor open_root(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) cannot("make", path, error.value());
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) cannot("open", path, errno);
  return Descriptor(fd);
}

}  // namespace

SiteFolder::SiteFolder(const std::string& path) : path_(path), root_(open_root(path)) {
  while (::flock(root_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      throw Stop(terminal::cannot, "another export writes " + shown(path) + "; run it again when that one has ended");
    if (errno != EINTR) cannot("lock", path, errno);
  }
}

std::optional<std::string> SiteFolder::read(const std::string& name, std::size_t most) const {
  const auto [below, file] = split(name);
  const Descriptor folder(open_folder(below, false));
  if (folder.get() < 0) return std::nullopt;
  const Descriptor fd(::openat(folder.get(), file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (fd.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    if (errno == ELOOP) throw Stop(terminal::cannot, shown(path_ + "/" + name) + " is a symbolic link; move it away");
    cannot("open", path_ + "/" + name, errno);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) cannot("look at", path_ + "/" + name, errno);
  if (!S_ISREG(status.st_mode))
    throw Stop(terminal::cannot, shown(path_ + "/" + name) + " is not a regular file; move it away");
  std::string bytes(most + 1, '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) cannot("read", path_ + "/" + name, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

void SiteFolder::put(const std::string& name, std::string_view bytes, bool synced) {
  const auto [below, file] = split(name);
  const int folder = beside(below);
  const std::string whole = path_ + "/" + name;
  check_replaceable(folder, file, whole);
  const std::string draft = draft_of(file);
  const Descriptor fd(::openat(folder, draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (fd.get() < 0) cannot("write", whole, errno);
  try {
    store::write_all(fd.get(), bytes, whole);
    if (synced && ::fsync(fd.get()) != 0) cannot("sync", whole, errno);
    if (::renameat(folder, draft.c_str(), folder, file.c_str()) != 0) cannot("write", whole, errno);
  } catch (...) {
    ::unlinkat(folder, draft.c_str(), 0);
    throw;
  }
}

std::vector<std::string> SiteFolder::list(const std::string& folder) const {
  const Descriptor fd(open_folder(folder, false));
  if (fd.get() < 0) return {};
  return names_in(fd.get(), path_ + "/" + folder);
}

void SiteFolder::remove(const std::string& folder) {
  const auto [below, last] = split(folder);
  const Descriptor above(open_folder(below, false));
  if (above.get() < 0) return;
  {
    const Descriptor fd(open_folder(folder, false));
    if (fd.get() < 0) return;
    for (const std::string& file : names_in(fd.get(), path_ + "/" + folder)) ::unlinkat(fd.get(), file.c_str(), 0);
  }
  ::unlinkat(above.get(), last.c_str(), AT_REMOVEDIR);  // it does no harm where it stays
}

void SiteFolder::sync() const {
  if (::syncfs(root_.get()) != 0) cannot("sync", path_, errno);
}

int SiteFolder::open_folder(const std::string& folder, bool make) const {
  std::optional<Descriptor> at;
  int parent = root_.get();
  for (std::size_t begin = 0; begin <= folder.size();) {
    const std::size_t end = std::min(folder.find('/', begin), folder.size());
    const std::string part = folder.empty() ? "." : folder.substr(begin, end - begin);
    if (make && ::mkdirat(parent, part.c_str(), 0755) != 0 && errno != EEXIST)
      cannot("make", path_ + "/" + folder, errno);
    const int fd = ::openat(parent, part.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT && !make) return -1;
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
      throw Stop(terminal::cannot, shown(path_ + "/" + folder.substr(0, end)) + " is not a folder; move it away");
    if (fd < 0) cannot("open", path_ + "/" + folder, errno);
    at.emplace(fd);
    parent = fd;
    begin = end + 1;
  }
  return at->release();
}

int SiteFolder::beside(const std::string& folder) {
  if (!beside_ || beside_name_ != folder) {
    beside_.emplace(open_folder(folder, true));
    beside_name_ = folder;
    // This run holds the lock, so a draft that exists was left by a run that was killed.
    for (const std::string& name : names_in(beside_->get(), path_ + "/" + folder))
      if (is_draft(name)) ::unlinkat(beside_->get(), name.c_str(), 0);
  }
  return beside_->get();
}

}  // namespace openexec::log_commands
