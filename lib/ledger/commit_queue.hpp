// SPDX-License-Identifier: Apache-2.0
// Group commit: durable operations of all threads share syncs (docs/design/0063-group-commit.md).
//
// Steps of a submission:
//  1. The caller's thread puts a Waiter, on its own stack, at the end of the chain. It leads if no thread does.
//  2. The leader takes the first waiters off the chain. Their members are the batch.
//  3. It writes the batch without the mutex, in one transaction with one sync, while the next batch gathers.
//  4. It makes the first waiter that gathered meanwhile the next leader, and wakes it.
//  5. It wakes those that it served. Each returns with the status of its members.
//
// Invariants, checked where they could break. A broken one poisons the queue, and every member from then on is answered
// store_failed:
//  Q1 `queued_` counts the members in the chain, so that it is 0 exactly if the chain is empty.
//  Q2 The chain ends with `last_`.
//  Q3 If the chain is not empty, exactly one thread leads or has been made the leader.
//  Q4 The leader is the first waiter in the chain when it takes its batch.
//  Q5 A batch has at most max_batch_members members, for which `batch_` has room: taking it allocates nothing.
//  Q6 A waiter that does not lead has a slot to sleep in, so that it can be woken.
#pragma once

#include <semaphore.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/assert.hpp"
#include "base/mutex.hpp"
#include "rows/member.hpp"

namespace openexec::store {

/// First come, first served. It has no thread of its own and adds no wait: a lone caller leads at once.
class CommitQueue {
 public:
  /// Writes a batch durably and sets the status of every member. Called by one thread at a time.
  using Commit = std::function<void(std::span<Member* const>)>;

  CommitQueue(Commit commit, std::size_t capacity);

  /// Returns when each of `members` has its answer. They travel together, up to a batch's size. If the queue is full
  /// they are overloaded, except that seals and controls are let in.
  void submit(std::span<Member> members);

  /// How many members wait for a leader.
  [[nodiscard]] std::size_t queued();
  [[nodiscard]] const base::Poison& poison() const noexcept { return poison_; }

 private:
  friend struct Sabotage;  ///< breaks each invariant in tests/unit/invariants_test.cpp
  enum class Turn { waits, leads, is_served };

  /// Where one thread sleeps. It outlives that thread's call, because the leader that wakes it may still be inside
  /// sem_post() when the call returns.
  class Slot {
   public:
    Slot() noexcept { ::sem_init(&woken_, 0, 0); }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() { ::sem_destroy(&woken_); }

    Turn sleep() noexcept;
    void wake(Turn with) noexcept;

    Slot* next = nullptr;  ///< in the chain of free slots

   private:
    Turn turn_ = Turn::waits;
    /// Not the wait of std::atomic, nor std::binary_semaphore: those of libstdc++ yield the processor four times before
    /// they sleep, to threads that would have run anyway.
    ::sem_t woken_;
  };

  /// On its thread's stack; the queue is a chain of them, so that nothing is allocated for it.
  struct Waiter {
    std::span<Member> members;
    Slot* slot = nullptr;  ///< null if it leads
    Waiter* next = nullptr;
  };

  void submit_together(std::span<Member> members);
  Turn enqueue(Waiter& waiter);
  [[nodiscard]] Slot* free_slot() noexcept OPENEXEC_REQUIRES(mutex_);
  [[nodiscard]] bool is_sound() noexcept OPENEXEC_REQUIRES(mutex_);
  void lead(const Waiter& leader);
  void wake(Waiter& waiter, Turn with) noexcept;
  [[nodiscard]] bool is_full(const Waiter& waiter) const noexcept OPENEXEC_REQUIRES(mutex_);
  Waiter* take_batch(const Waiter& leader) noexcept OPENEXEC_REQUIRES(mutex_);
  void write_batch() noexcept;

  const Commit commit_;
  const std::size_t capacity_;
  base::Poison poison_;

  base::Mutex mutex_;
  Waiter* first_ OPENEXEC_GUARDED_BY(mutex_) = nullptr;
  Waiter* last_ OPENEXEC_GUARDED_BY(mutex_) = nullptr;
  std::size_t queued_ OPENEXEC_GUARDED_BY(mutex_) = 0;  ///< members in the chain
  bool led_ OPENEXEC_GUARDED_BY(mutex_) = false;        ///< a thread is writing a batch, or is about to
  std::deque<Slot> slots_ OPENEXEC_GUARDED_BY(mutex_);  ///< as many as threads ever slept at once
  Slot* free_slot_ OPENEXEC_GUARDED_BY(mutex_) = nullptr;

  std::vector<Member*> batch_;  ///< the leader's own
};

}  // namespace openexec::store
