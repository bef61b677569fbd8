// SPDX-License-Identifier: Apache-2.0
#include "handles.hpp"

bool openexec_executor::enter() noexcept {
  std::uint32_t calls = calls_.load(std::memory_order_relaxed);
  while ((calls & closed) == 0)
    if (calls_.compare_exchange_weak(calls, calls + 1, std::memory_order_acquire, std::memory_order_relaxed))
      return true;
  return false;
}

void openexec_executor::leave(bool telling) {
  if (calls_.fetch_sub(1, std::memory_order_acq_rel) == (closed | 1)) end(telling);
}

bool openexec_executor::close(std::chrono::milliseconds max_wait) {
  if (calls_.fetch_or(closed, std::memory_order_acq_rel) == 0) end(true);
  openexec::base::Lock lock(mutex_);
  const auto deadline = std::chrono::steady_clock::now() + max_wait;
  while (!ended_)
    if (changed_.wait_until(lock.native(), deadline) == std::cv_status::timeout) break;
  return ended_;
}

void openexec_executor::release() noexcept {
  if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

/// Ends the content, also where the thread ends while it is told of it.
void openexec_executor::end(bool telling) {
  const auto finish = [](openexec_executor* executor) noexcept {
    executor->value.reset();
    executor->log.reset();
    executor->policy.reset();
    executor->events.reset();
    {
      const openexec::base::Lock lock(executor->mutex_);
      executor->ended_ = true;
      executor->changed_.notify_all();
    }
    executor->release();
  };
  const std::unique_ptr<openexec_executor, decltype(finish)> ending(this, finish);
  if (telling) tell({.kind = OPENEXEC_EVENT_CLOSED});
}
