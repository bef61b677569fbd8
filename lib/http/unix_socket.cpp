// SPDX-License-Identifier: Apache-2.0
#include "http/unix_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace openexec::http {
namespace {

/// Connections that may wait to be accepted. Those that have gone again wait too, and a halt behind them waits until
/// each was accepted and closed. A thousand take a few hundredths of a second on a busy machine, the kernel's 4,096 a
/// tenth.
constexpr int backlog = 1024;

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw std::runtime_error("the admin socket " + path + ": " + why);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    fail(path, "must be 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* as_address(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

base::Descriptor stream_socket() {
  return base::Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

/// Returns true only if it is certain. A full queue and a lack of descriptors look like a listener.
bool nobody_listens(const sockaddr_un& address) {
  const base::Descriptor probe = stream_socket();
  return probe.open() && ::connect(probe.get(), as_address(address), sizeof address) != 0 && errno == ECONNREFUSED;
}

/// A user who may write the folder could put a socket of their own there.
void check_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  struct stat there {};
  if (::stat(folder.c_str(), &there) != 0) fail(path, std::string("its folder: ") + std::strerror(errno));
  if (!S_ISDIR(there.st_mode)) fail(path, "its parent is not a directory");
  if (there.st_uid != 0 && there.st_uid != ::geteuid()) fail(path, "its folder belongs to another user");
  if ((there.st_mode & 0022) != 0 && (there.st_mode & S_ISVTX) == 0) fail(path, "its folder is writable by others");
}

void remove_abandoned(const std::string& path, const sockaddr_un& address) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0) return;
  if (!S_ISSOCK(there.st_mode)) fail(path, "something else is there");
  if (there.st_uid != ::geteuid()) fail(path, "another user's socket is there");
  if (!nobody_listens(address)) fail(path, "another process listens there");
  if (::unlink(path.c_str()) != 0) fail(path, std::strerror(errno));
}

}  // namespace

UnixSocket::UnixSocket(std::string path, mode_t mode) : path_(std::move(path)) {
  const sockaddr_un address = address_of(path_);
  check_folder(path_);
  remove_abandoned(path_, address);
  base::Descriptor listener = stream_socket();
  // The mode is set before the name exists, so that there is no moment at which others might connect.
  if (!listener.open() || ::fchmod(listener.get(), mode) != 0 ||
      ::bind(listener.get(), as_address(address), sizeof address) != 0)
    fail(path_, std::strerror(errno));
  // The process's umask takes bits away from a mode that lets listed users connect. They are put back.
  if (mode != 0600) (void)::chmod(path_.c_str(), mode);
  struct stat there {};
  if (::lstat(path_.c_str(), &there) != 0 || (there.st_mode & 0777 & ~mode) != 0 ||
      ::listen(listener.get(), backlog) != 0) {
    ::unlink(path_.c_str());
    fail(path_, "others could reach it");
  }
  device_ = there.st_dev;
  inode_ = there.st_ino;
  listener_ = std::move(listener);
}

UnixSocket::~UnixSocket() {
  struct stat there {};
  if (::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace openexec::http
