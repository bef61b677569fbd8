// SPDX-License-Identifier: Apache-2.0
// An owned file descriptor, closed by its destructor.
#pragma once

#include <unistd.h>

#include <utility>

namespace openexec::base {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept { Descriptor(std::move(*this)); }

 private:
  int fd_;
};

}  // namespace openexec::base
