// SPDX-License-Identifier: Apache-2.0
#include "waiting/pending_call.hpp"

#include "waiting/inbox.hpp"

namespace openexec {

bool Pending::Call::wait(exec::Waiter& waiter) noexcept {
  const base::Lock lock(mutex_);
  if (phase_ != Phase::running) return false;
  waiter.source = this;
  waiter_ = &waiter;
  return true;
}

bool Pending::Call::withdraw(exec::Waiter&) noexcept {
  const base::Lock lock(mutex_);
  if (phase_ != Phase::running) return false;
  phase_ = Phase::expired;
  waiter_ = nullptr;
  return true;
}

void Pending::Call::expire() noexcept {
  const base::Lock lock(mutex_);
  if (phase_ == Phase::running) phase_ = Phase::expired;
}

std::optional<HandlerResult> Pending::Call::take() noexcept {
  const base::Lock lock(mutex_);
  return phase_ == Phase::said ? std::exchange(said_, std::nullopt) : std::nullopt;
}

std::optional<HandlerResult> Pending::Call::take_late() noexcept {
  const base::Lock lock(mutex_);
  return phase_ == Phase::expired ? std::exchange(said_, std::nullopt) : std::nullopt;
}

void Pending::Call::sealed_in_doubt() noexcept {
  {
    const base::Lock lock(mutex_);
    sealed_ = true;
    if (phase_ != Phase::expired || !said_) return;
  }
  late_->settle(shared_from_this());
}

// No source calls an inbox, or the desk of late results, with its own lock held.
Delivery Pending::Call::complete(HandlerResult said) noexcept {
  if (!late_->here()) return Delivery::refused;
  exec::Waiter* waiter = nullptr;
  bool in_time = false;
  bool sealed = false;
  {
    const base::Lock lock(mutex_);
    if (phase_ == Phase::said || said_) return Delivery::refused;
    said_.emplace(std::move(said));
    in_time = phase_ == Phase::running;
    sealed = sealed_;
    if (in_time) phase_ = Phase::said;
    if (in_time) waiter = std::exchange(waiter_, nullptr);
  }
  if (waiter != nullptr) waiter->home->wake(*waiter);
  if (in_time) return Delivery::accepted;
  // Before the end is sealed the executor hands the result on itself, in sealed_in_doubt().
  const bool taken = sealed ? late_->settle(shared_from_this()) : late_->open();
  return taken ? Delivery::late : Delivery::refused;
}

void Pending::Call::drop() noexcept {
  if (!late_->here()) return;
  {
    const base::Lock lock(mutex_);
    if (phase_ != Phase::running) return;
  }
  complete(HandlerResult::in_doubt({}));  // if the deadline passes here, it is a settlement that knows nothing
}

Pending::Pending(std::shared_ptr<Call> call) noexcept : call_(std::move(call)) {}
Pending::Pending(Pending&&) noexcept = default;

Pending& Pending::operator=(Pending&& other) noexcept {
  const Pending dropped(std::exchange(call_, nullptr));
  call_ = std::move(other.call_);
  return *this;
}

Pending::~Pending() {
  if (call_ != nullptr) call_->drop();
}

Delivery Pending::complete(HandlerResult said) noexcept {
  const std::shared_ptr<Call> call = std::exchange(call_, nullptr);
  return call != nullptr ? call->complete(std::move(said)) : Delivery::refused;
}

}  // namespace openexec
