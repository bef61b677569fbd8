// SPDX-License-Identifier: Apache-2.0
#include "sqlite/descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "sqlite/guard.hpp"

namespace openexec::store {
void fail(const std::string& step, int error) {
  throw StoreFailure(step + ": " + std::generic_category().message(error));
}

void write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("cannot write " + path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void read_from_start(int fd, std::string& bytes, const std::string& path) {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::pread(fd, bytes.data() + filled, bytes.size() - filled, static_cast<::off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read " + path);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void sync_folder(const std::string& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) fail("cannot sync " + folder);
}

void remove_if_there(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail("cannot remove " + path);
}

bool create_file(const std::string& path, std::string_view bytes) {
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.get() < 0) {
    if (errno == EEXIST) return false;
    fail("cannot create " + path);
  }
  try {
    write_all(fd.get(), bytes, path);
    if (::fsync(fd.get()) != 0) fail("cannot sync " + path);
    sync_folder(folder_of(path));
  } catch (...) {
    ::unlink(path.c_str());
    throw;
  }
  return true;
}

bool read_file(const std::string& path, std::size_t most, std::string& bytes) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (fd.get() < 0) {
    if (errno == ENOENT) return false;
    fail("cannot open " + path);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) fail("cannot look at " + path);
  if (!S_ISREG(status.st_mode)) throw StoreFailure(path + " is not a regular file");
  if (status.st_size < 0 || static_cast<std::size_t>(status.st_size) > most)
    throw StoreFailure(path + " is too large for what it should hold");
  bytes.resize(static_cast<std::size_t>(status.st_size));
  read_from_start(fd.get(), bytes, path);
  return true;
}

}  // namespace openexec::store
