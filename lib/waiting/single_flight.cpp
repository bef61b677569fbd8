// SPDX-License-Identifier: Apache-2.0
#include "waiting/single_flight.hpp"

#include "waiting/inbox.hpp"

namespace openexec::exec {

SingleFlight::Lease SingleFlight::lead(const Digest& exec_id) {
  const base::Lock lock(mutex_);
  if (std::exchange(executions_[exec_id].led, true)) return {};
  return Lease(this, exec_id);
}

bool SingleFlight::wait(const Digest& exec_id, Waiter& waiter) noexcept {
  const base::Lock lock(mutex_);
  const auto place = executions_.find(exec_id);
  if (place == executions_.end() || !place->second.led) return false;
  Waiter*& head = place->second.waiters;
  waiter.source = this;
  waiter.next = head;
  if (head != nullptr) head->link = &waiter.next;
  waiter.link = &head;
  head = &waiter;
  return true;
}

bool SingleFlight::withdraw(Waiter& waiter) noexcept {
  const base::Lock lock(mutex_);
  if (waiter.link == nullptr) return false;
  *waiter.link = waiter.next;
  if (waiter.next != nullptr) waiter.next->link = waiter.link;
  waiter.next = nullptr;
  waiter.link = nullptr;
  return true;
}

bool SingleFlight::lost(const Digest& exec_id) const {
  const base::Lock lock(mutex_);
  const auto place = executions_.find(exec_id);
  return place != executions_.end() && place->second.lost;
}

SingleFlight::Lease& SingleFlight::Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  give_up();
  owner_ = std::exchange(other.owner_, nullptr);
  exec_id_ = other.exec_id_;
  spent_ = std::exchange(other.spent_, false);
  return *this;
}

void SingleFlight::Lease::give_up() noexcept {
  SingleFlight* const owner = std::exchange(owner_, nullptr);
  if (owner == nullptr) return;
  Waiter* waiters = nullptr;
  {
    const base::Lock lock(owner->mutex_);
    const auto place = owner->executions_.find(exec_id_);
    Execution& execution = place->second;
    waiters = std::exchange(execution.waiters, nullptr);
    for (Waiter* waiter = waiters; waiter != nullptr; waiter = waiter->next) waiter->link = nullptr;
    execution.led = false;
    if (std::exchange(spent_, false)) execution.lost = true;
    if (!execution.lost) owner->executions_.erase(place);
  }
  while (waiters != nullptr) {
    Waiter& waiter = *std::exchange(waiters, waiters->next);  // once it is woken, it belongs to another thread
    waiter.home->wake(waiter);
  }
}

}  // namespace openexec::exec
