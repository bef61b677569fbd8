// SPDX-License-Identifier: Apache-2.0
// Where attempts come to be advanced: new ones, and those whose wait is over.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/mutex.hpp"
#include "waiting/deadlines.hpp"
#include "waiting/waiter.hpp"

namespace openexec::exec {

/// Thread-safe. A blocking call has one of its own; all drivers of an executor share one.
///
/// A waiter is in one of three places: in the hand of one thread, which alone touches it; parked, where its source, or
/// the passing of its deadline, ends the wait; or in the list of those that are ready. It is parked under the inbox's
/// lock, and it becomes ready under that lock, so that no thread sees it half parked.
///
/// Lock order: the inbox's lock, then its waiters' sources. A source wakes without its own lock held.
class Inbox {
 public:
  Inbox() = default;
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// Parks a waiter until its source wakes it, or until `waiter.until`. `registers` hands it to its source, and returns
  /// false if there is nothing to wait for any more: the waiter then stays in the caller's hand. On true the caller
  /// must not touch it again.
  template <class Registers>
  bool park(Waiter& waiter, Registers&& registers) noexcept {
    const base::Lock lock(mutex_);
    if (!OPENEXEC_HOLDS(!waiter.in_heap && waiter.link == nullptr, "P1: a waiter is parked in one place")) return false;
    waiter.home = this;
    waiter.overdue = false;
    if (!std::forward<Registers>(registers)()) return false;
    add_parked(waiter);
    return true;
  }

  /// Makes a waiter ready. From any thread, for one that is parked or new.
  void wake(Waiter& waiter) noexcept;
  /// Makes a new waiter ready for the drivers. Returns false if there is no driver.
  bool submit(Waiter& waiter) noexcept;
  /// Gives back what a driver has in its hand, before all others.
  void give_back(Waiter& waiter) noexcept;

  /// For a blocking call: waits until a waiter is ready. Returns the list of all that are. Precondition: one is parked.
  [[nodiscard]] Waiter* wait() noexcept;
  /// Returns the list of those that are ready, or of the first `most` of them, without a wait.
  [[nodiscard]] Waiter* take_ready(std::size_t most = static_cast<std::size_t>(-1)) noexcept;
  /// Ends every wait. Returns when nothing is parked; what was parked is ready.
  void end_waits() noexcept;

  /// Counts a thread as a driver for a scope.
  class Driver {
   public:
    explicit Driver(Inbox& inbox) noexcept;
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;
    ~Driver();

   private:
    Inbox& inbox_;
  };
  /// For a driver: takes its share of what is ready, at most `most`. Waits for something if `idle`, until `stop` is
  /// requested. Returns null if nothing is ready.
  [[nodiscard]] Waiter* take_share(std::size_t most, bool idle, const std::stop_token& stop) noexcept;
  /// Wakes the drivers that wait, so that they look at their stop tokens.
  void rouse() noexcept;

 private:
  void add_parked(Waiter& waiter) noexcept OPENEXEC_REQUIRES(mutex_);
  void append(Waiter& waiter) noexcept OPENEXEC_REQUIRES(mutex_);
  void end_overdue(std::chrono::steady_clock::time_point now) noexcept OPENEXEC_REQUIRES(mutex_);
  void sleep(base::Lock& lock) noexcept OPENEXEC_REQUIRES(mutex_);
  [[nodiscard]] Waiter* take(std::size_t most) noexcept OPENEXEC_REQUIRES(mutex_);

  base::Mutex mutex_;
  std::condition_variable changed_;
  Waiter* first_ OPENEXEC_GUARDED_BY(mutex_) = nullptr;
  Waiter* last_ OPENEXEC_GUARDED_BY(mutex_) = nullptr;
  std::size_t ready_ OPENEXEC_GUARDED_BY(mutex_) = 0;   ///< in the list
  std::size_t parked_ OPENEXEC_GUARDED_BY(mutex_) = 0;  ///< including those that a source is waking
  Deadlines deadlines_ OPENEXEC_GUARDED_BY(mutex_);     ///< of those that are parked and not being woken
  std::size_t drivers_ OPENEXEC_GUARDED_BY(mutex_) = 0;
  std::size_t idle_ OPENEXEC_GUARDED_BY(mutex_) = 0;  ///< drivers that wait
};

}  // namespace openexec::exec
