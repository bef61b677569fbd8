// SPDX-License-Identifier: Apache-2.0
// One call of an asynchronous handler, as its token and its attempt share it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <openexec/bytes.hpp>
#include <openexec/handler.hpp>

#include "base/mutex.hpp"
#include "waiting/waiter.hpp"

namespace openexec::exec {

/// Takes what handlers said after their executions were sealed as in doubt. Outlives its executor.
class LateResults {
 public:
  LateResults() = default;
  LateResults(const LateResults&) = delete;
  LateResults& operator=(const LateResults&) = delete;
  virtual ~LateResults() = default;
  /// Appends a settlement. Returns false if the executor is gone. Any thread; does not throw.
  virtual bool settle(const std::shared_ptr<Pending::Call>& call) noexcept = 0;
  /// Whether the executor is there.
  [[nodiscard]] virtual bool open() const noexcept = 0;
  /// False in a child of fork(), where a lock may be held by a thread that is not there.
  [[nodiscard]] virtual bool here() const noexcept = 0;
};

/// What keeps a late result in an inbox until a driver has written it.
struct LateJob : Waiter {
  LateJob() noexcept { is_attempt = false; }
  std::shared_ptr<Pending::Call> call;  ///< which the job is part of; null unless it is in an inbox
};

}  // namespace openexec::exec

namespace openexec {

/// running: nobody has said anything, and the deadline has not passed. said: the handler decided the outcome. expired:
/// the execution is, or will be, in doubt, and what the handler says now is a settlement.
///
/// 1. Leaves `running` exactly once: by a completion, or by the executor.
/// 2. A late result is handed on once, when it was said and the execution is sealed, whichever comes last.
class Pending::Call final : public exec::WakeSource, public std::enable_shared_from_this<Pending::Call> {
 public:
  Call(std::shared_ptr<exec::LateResults> late, const Digest& exec_id) : late_(std::move(late)), exec_id_(exec_id) {}

  // The executor's side.

  /// Registers the attempt that waits. Returns false unless it is running. Called by Inbox::park().
  [[nodiscard]] bool wait(exec::Waiter& waiter) noexcept;
  bool withdraw(exec::Waiter& waiter) noexcept override;
  /// Nothing that is said from here on decides.
  void expire() noexcept;
  /// Returns what the handler said in time; nullopt if it said nothing.
  [[nodiscard]] std::optional<HandlerResult> take() noexcept;
  /// Returns what it said after that.
  [[nodiscard]] std::optional<HandlerResult> take_late() noexcept;
  /// The execution is sealed as in doubt, durably.
  void sealed_in_doubt() noexcept;
  [[nodiscard]] const Digest& exec_id() const noexcept { return exec_id_; }
  exec::LateJob job;  ///< the executor's own

  // The token's side.
  Delivery complete(HandlerResult said) noexcept;
  /// The token is gone without a completion.
  void drop() noexcept;

 private:
  enum class Phase : std::uint8_t { running, said, expired };

  const std::shared_ptr<exec::LateResults> late_;
  const Digest exec_id_;
  base::Mutex mutex_;
  Phase phase_ OPENEXEC_GUARDED_BY(mutex_) = Phase::running;
  exec::Waiter* waiter_ OPENEXEC_GUARDED_BY(mutex_) = nullptr;
  std::optional<HandlerResult> said_ OPENEXEC_GUARDED_BY(mutex_);
  bool sealed_ OPENEXEC_GUARDED_BY(mutex_) = false;
};

}  // namespace openexec
