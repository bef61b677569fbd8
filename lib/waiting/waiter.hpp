// SPDX-License-Identifier: Apache-2.0
// What waits without a thread.
#pragma once

#include <chrono>

namespace openexec::exec {

class Inbox;
struct Waiter;

/// What a waiter waits for.
class WakeSource {
 public:
  /// Takes back a waiter whose time is up. Returns false if the source is waking it already; it then comes into its
  /// inbox by itself. Called under the inbox's lock.
  virtual bool withdraw(Waiter& waiter) noexcept = 0;

 protected:
  WakeSource() = default;
  ~WakeSource() = default;
};

/// Neither waiting nor waking allocates: every list and the heap of deadlines link the waiters themselves.
struct Waiter {
  Inbox* home = nullptr;         ///< where it comes back to
  WakeSource* source = nullptr;  ///< what it waits for, while it is parked
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
  bool is_attempt = true;  ///< else a LateJob
  bool overdue = false;    ///< it came back because its time was up

  // In one list at a time: its source's while it is parked, its inbox's when it is ready.
  Waiter* next = nullptr;
  Waiter** link = nullptr;  ///< in its source's list: the pointer that points to it; null if it is in no such list

  // In its inbox's heap of deadlines, while it is parked.
  Waiter* child = nullptr;
  Waiter* sibling = nullptr;
  Waiter* before = nullptr;  ///< its parent if it is the first child, else the sibling before it
  bool in_heap = false;
};

}  // namespace openexec::exec
