// SPDX-License-Identifier: Apache-2.0
#include "waiting/inbox.hpp"

#include <algorithm>

namespace openexec::exec {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

void Inbox::add_parked(Waiter& waiter) noexcept {
  ++parked_;
  deadlines_.add(waiter);
}

void Inbox::append(Waiter& waiter) noexcept {
  waiter.next = nullptr;
  (first_ == nullptr ? first_ : last_->next) = &waiter;
  last_ = &waiter;
  ++ready_;
}

void Inbox::wake(Waiter& waiter) noexcept {
  const base::Lock lock(mutex_);
  deadlines_.remove(waiter);
  --parked_;
  append(waiter);
  changed_.notify_one();  // under the lock: the inbox may be gone once the waiter is taken
}

bool Inbox::submit(Waiter& waiter) noexcept {
  const base::Lock lock(mutex_);
  if (drivers_ == 0) return false;
  waiter.home = this;
  append(waiter);
  if (idle_ != 0) changed_.notify_one();
  return true;
}

void Inbox::give_back(Waiter& waiter) noexcept {
  const base::Lock lock(mutex_);
  waiter.home = this;
  waiter.next = first_;
  if (first_ == nullptr) last_ = &waiter;
  first_ = &waiter;
  ++ready_;
  if (idle_ != 0) changed_.notify_one();
}

// A waiter that its source is waking already is left to it.
void Inbox::end_overdue(Clock::time_point now) noexcept {
  while (!deadlines_.empty() && deadlines_.first().until <= now) {
    Waiter& waiter = deadlines_.first();
    deadlines_.remove(waiter);
    if (!waiter.source->withdraw(waiter)) continue;
    waiter.overdue = true;
    --parked_;
    append(waiter);
  }
}

void Inbox::sleep(base::Lock& lock) noexcept {
  // A copy: while this thread sleeps, the waiter may end and be gone.
  const auto until = deadlines_.empty() ? Clock::time_point::max() : deadlines_.first().until;
  if (until == Clock::time_point::max())
    changed_.wait(lock.native());
  else
    changed_.wait_until(lock.native(), until);
}

Waiter* Inbox::wait() noexcept {
  base::Lock lock(mutex_);
  for (;;) {
    if (!deadlines_.empty()) end_overdue(Clock::now());
    if (first_ != nullptr) return take(ready_);
    sleep(lock);
  }
}

Waiter* Inbox::take_ready(std::size_t most) noexcept {
  const base::Lock lock(mutex_);
  return take(most);
}

void Inbox::end_waits() noexcept {
  base::Lock lock(mutex_);
  for (;;) {
    end_overdue(Clock::time_point::max());
    if (parked_ == 0) return;
    changed_.wait(lock.native());
  }
}

Inbox::Driver::Driver(Inbox& inbox) noexcept : inbox_(inbox) {
  const base::Lock lock(inbox_.mutex_);
  ++inbox_.drivers_;
}

Inbox::Driver::~Driver() {
  const base::Lock lock(inbox_.mutex_);
  --inbox_.drivers_;
  inbox_.changed_.notify_one();  // a wake-up that this driver did not follow is another's
}

Waiter* Inbox::take_share(std::size_t most, bool idle, const std::stop_token& stop) noexcept {
  base::Lock lock(mutex_);
  for (;;) {
    if (stop.stop_requested()) return nullptr;
    if (!deadlines_.empty()) end_overdue(Clock::now());
    if (first_ != nullptr) {
      const std::size_t share = (ready_ + drivers_ - 1) / drivers_;
      Waiter* const taken = take(std::min(most, share));
      if (first_ != nullptr && idle_ != 0) changed_.notify_one();
      return taken;
    }
    if (!idle) return nullptr;
    ++idle_;
    sleep(lock);
    --idle_;
  }
}

void Inbox::rouse() noexcept {
  const base::Lock lock(mutex_);
  changed_.notify_all();
}

// Takes the first waiters off the list.
Waiter* Inbox::take(std::size_t most) noexcept {
  Waiter* const taken = first_;
  Waiter* last = nullptr;
  for (std::size_t i = 0; i < most && first_ != nullptr; ++i) {
    last = first_;
    first_ = first_->next;
    --ready_;
  }
  if (last == nullptr) return nullptr;
  last->next = nullptr;
  return taken;
}

}  // namespace openexec::exec
