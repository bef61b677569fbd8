// SPDX-License-Identifier: Apache-2.0
// Group commit: durable operations of all threads share syncs.
#pragma once

#include <semaphore.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/mutex.hpp"
#include "rows/member.hpp"

namespace openexec::store {

/// The first waiter leads: it takes what is queued, has it written in one transaction with one sync, and wakes the next
/// leader, then the rest. While it syncs, the next batch gathers. First come, first served. No thread of its own, and
/// no wait is added: a lone caller leads at once.
class CommitQueue {
 public:
  /// Writes a batch durably and sets every member's status. Called by one thread at a time.
  using Commit = std::function<void(std::span<Member* const>)>;

  CommitQueue(Commit commit, std::size_t capacity);

  /// Returns when each of `members` has its answer. They travel together, up to a batch's size. Where the queue is
  /// full they are overloaded, but seals are let in.
  void submit(std::span<Member> members);

  /// Operations that wait for a leader.
  [[nodiscard]] std::size_t queued();

 private:
  enum class Turn { waits, leads, is_served };

  /// Where one thread sleeps. It outlives the sleeper: who wakes it may be late, and then wakes the next one for
  /// nothing.
  class Bed {
   public:
    Bed() noexcept { ::sem_init(&woken_, 0, 0); }
    Bed(const Bed&) = delete;
    Bed& operator=(const Bed&) = delete;
    ~Bed() { ::sem_destroy(&woken_); }

    Turn sleep() noexcept;
    void wake(Turn with) noexcept;

    Bed* next = nullptr;  ///< in the chain of free ones

   private:
    Turn turn_ = Turn::waits;
    /// Not std::atomic's wait, nor std::binary_semaphore: those of libstdc++ yield the processor four times before they
    /// sleep, to threads that would have run anyway.
    ::sem_t woken_;
  };

  /// On its thread's stack; the queue is a chain of them, so that nothing is allocated for it.
  struct Waiter {
    std::span<Member> members;
    Bed* bed = nullptr;
    Waiter* next = nullptr;
  };

  void submit_together(std::span<Member> members);
  Turn enqueue(Waiter& waiter);
  [[nodiscard]] Bed* free_bed() noexcept OPENEXEC_REQUIRES(mutex_);
  void lead(const Waiter& leader);
  [[nodiscard]] bool is_full(const Waiter& waiter) const noexcept OPENEXEC_REQUIRES(mutex_);
  Waiter* take_batch() noexcept OPENEXEC_REQUIRES(mutex_);
  void write_batch() noexcept;

  const Commit commit_;
  const std::size_t capacity_;

  base::Mutex mutex_;
  Waiter* first_ OPENEXEC_GUARDED_BY(mutex_) = nullptr;
  Waiter* last_ OPENEXEC_GUARDED_BY(mutex_) = nullptr;
  std::size_t queued_ OPENEXEC_GUARDED_BY(mutex_) = 0;  ///< members in the chain
  bool led_ OPENEXEC_GUARDED_BY(mutex_) = false;        ///< somebody is writing a batch, or about to
  std::deque<Bed> beds_ OPENEXEC_GUARDED_BY(mutex_);    ///< as many as threads ever slept at once
  Bed* free_bed_ OPENEXEC_GUARDED_BY(mutex_) = nullptr;

  std::vector<Member*> batch_;  ///< the leader's own
};

}  // namespace openexec::store
