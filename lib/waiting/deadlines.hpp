// SPDX-License-Identifier: Apache-2.0
// Parked waiters by the time at which their patience ends: a pairing heap that links the waiters themselves.
#pragma once

#include "waiting/waiter.hpp"

namespace openexec::exec {

/// Not thread-safe. Adding takes constant time; removing takes logarithmic time, amortised. Nothing allocates.
class Deadlines {
 public:
  [[nodiscard]] bool empty() const noexcept { return root_ == nullptr; }
  /// The one whose time is up first. Precondition: not empty.
  [[nodiscard]] Waiter& first() const noexcept { return *root_; }

  void add(Waiter& waiter) noexcept;
  /// Does nothing if the waiter is not in the heap.
  void remove(Waiter& waiter) noexcept;

 private:
  Waiter* root_ = nullptr;
};

}  // namespace openexec::exec
