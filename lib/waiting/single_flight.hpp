// SPDX-License-Identifier: Apache-2.0
// Single-flight: one attempt leads an execution; equal attempts wait for it to end.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>

#include <openexec/bytes.hpp>

#include "base/mutex.hpp"
#include "crypto/digest_hash.hpp"
#include "waiting/waiter.hpp"

namespace openexec::exec {

/// Thread-safe.
class SingleFlight final : public WakeSource {
 public:
  /// Held by the attempt that leads an execution. Giving it up wakes those that wait for it. An execution whose leader
  /// gives up its lease between spend(true) and finish() is lost: it may have run, and no outcome of it is durable.
  /// Nothing is allocated for that, so that it holds when memory ran out.
  class Lease {
   public:
    Lease() = default;  ///< of no execution
    Lease(Lease&& other) noexcept { *this = std::move(other); }
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { give_up(); }
    [[nodiscard]] bool leads() const noexcept { return owner_ != nullptr; }
    /// Says whether the nonce is spent, or may be.
    void spend(bool spent) noexcept { spent_ = spent; }
    /// Gives up the lease of an execution whose outcome is durable, or that spent nothing.
    void finish() noexcept {
      spent_ = false;
      *this = {};
    }

   private:
    friend class SingleFlight;
    Lease(SingleFlight* owner, const Digest& exec_id) : owner_(owner), exec_id_(exec_id) {}
    void give_up() noexcept;
    SingleFlight* owner_ = nullptr;
    bool spent_ = false;
    Digest exec_id_{};
  };

  /// Returns a lease that leads, or an empty one if another attempt leads this execution.
  [[nodiscard]] Lease lead(const Digest& exec_id);
  /// Registers a waiter, which is woken when the leader gives up its lease. Returns false if nobody leads any more.
  /// Called by Inbox::park().
  [[nodiscard]] bool wait(const Digest& exec_id, Waiter& waiter) noexcept;
  /// Whether an execution was lost, in the life of this object.
  [[nodiscard]] bool lost(const Digest& exec_id) const;

  bool withdraw(Waiter& waiter) noexcept override;

 private:
  struct Execution {
    Waiter* waiters = nullptr;
    bool led = false;
    bool lost = false;  ///< for ever: it stays listed
  };
  mutable base::Mutex mutex_;
  /// Executions that are led, and those that were lost.
  std::unordered_map<Digest, Execution, crypto::DigestHash> executions_ OPENEXEC_GUARDED_BY(mutex_);
};

}  // namespace openexec::exec
