// SPDX-License-Identifier: Apache-2.0
// The listening unix socket of the operator, as a file.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/descriptor.hpp"

namespace openexec::http {

/// Owns the socket and its name. The folder must be one that no other user can write, and a name that a running process
/// listens on is never taken from it.
class UnixSocket {
 public:
  /// Throws std::runtime_error, naming the path and the reason, if the name cannot be had with exactly this mode. A
  /// socket without a listener is replaced.
  UnixSocket(std::string path, mode_t mode);
  UnixSocket(const UnixSocket&) = delete;
  UnixSocket& operator=(const UnixSocket&) = delete;
  /// Removes the name if it is still that of this socket.
  ~UnixSocket();

  [[nodiscard]] int fd() const noexcept { return listener_.get(); }

 private:
  const std::string path_;
  base::Descriptor listener_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace openexec::http
