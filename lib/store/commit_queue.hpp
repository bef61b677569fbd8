// Group commit: durable operations of all threads share syncs.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "store/member.hpp"

namespace openexec::store {

/// The first waiter leads: it takes what is queued, has it written in one transaction with one sync, and wakes the
/// rest. While it syncs, the next leader's batch gathers. First come, first served. No thread of its own, and no wait
/// is added: a lone caller leads at once.
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
  /// On its thread's stack; the queue is a chain of them, so that nothing is allocated while the lock is held.
  struct Waiter {
    std::span<Member> members;
    Waiter* next = nullptr;
    bool done = false;
    std::condition_variable wake;
  };

  void submit_together(std::span<Member> members);
  bool enqueue(Waiter& waiter) noexcept;
  Waiter* take_batch() noexcept;
  void write_batch() noexcept;

  const Commit commit_;
  const std::size_t capacity_;

  std::mutex mutex_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  std::size_t queued_ = 0;  ///< members in the chain
  bool led_ = false;        ///< somebody is writing a batch

  std::vector<Member*> batch_;  ///< the leader's own
};

}  // namespace openexec::store
