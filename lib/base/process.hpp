// SPDX-License-Identifier: Apache-2.0
// Detects the child of a fork. A copy that fork() makes of an object must not act as the original.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace openexec::base {

/// Remembers the process that created it. A process number does not distinguish a child from its parent, since a child
/// in a new pid namespace may have the same number. Instead the kernel clears a page of memory in the child
/// (MADV_WIPEONFORK). If the kernel does not support this, a handler of pthread_atfork counts the forks.
class OwnProcess {
 public:
  OwnProcess();  ///< throws std::bad_alloc
  OwnProcess(const OwnProcess&) = delete;
  OwnProcess& operator=(const OwnProcess&) = delete;
  ~OwnProcess();

  /// False in a child that fork() made after this object.
  [[nodiscard]] bool here() const noexcept;
  /// The number that the process had, for messages.
  [[nodiscard]] pid_t number() const noexcept { return number_; }

 private:
  const volatile unsigned char* page_ = nullptr;  ///< holds 1 here and 0 in a child; null: forks are counted
  std::size_t forks_ = 0;                         ///< the number of forks before, if forks are counted
  pid_t number_;
};

}  // namespace openexec::base
