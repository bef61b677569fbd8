// SPDX-License-Identifier: Apache-2.0
// Whether the handler of an asynchronous operation will still be called.
#pragma once

#include <utility>

namespace openexec::http {

/// Lives in the handler and keeps a flag set. The flag falls when the handler is called, and also when the operation is
/// destroyed without that, as Asio does where it has no memory to complete it.
class Armed {
 public:
  explicit Armed(bool& flag) noexcept : flag_(&flag) { flag = true; }
  Armed(Armed&& other) noexcept : flag_(std::exchange(other.flag_, nullptr)) {}
  Armed& operator=(Armed&&) = delete;
  ~Armed() { fired(); }

  /// The handler says so first, since it may arm the operation again.
  void fired() noexcept {
    if (flag_ != nullptr) *std::exchange(flag_, nullptr) = false;
  }

 private:
  bool* flag_;
};

}  // namespace openexec::http
