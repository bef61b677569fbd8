// SPDX-License-Identifier: Apache-2.0
// Which process made an object: what fork() copies must not act as the original.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace openexec::base {

/// Remembers the process that it was made in. A process number does not tell a child from its parent, since a child in
/// a new pid namespace may have its parent's number. The kernel clears a page of memory in the child instead
/// (MADV_WIPEONFORK). Where the kernel has no such page, a handler of pthread_atfork counts the forks.
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
  std::size_t forks_ = 0;                         ///< how many there had been, where forks are counted
  pid_t number_;
};

}  // namespace openexec::base
