// SPDX-License-Identifier: Apache-2.0
#include "gate/limits.hpp"

#include <algorithm>

namespace openexec::exec {

RefusalMeter::Ruling RefusalMeter::rule(std::chrono::steady_clock::time_point now, bool countable) {
  const base::Lock lock(mutex_);
  Ruling ruling;
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    recorded_ = 0;
    ruling.suppressed = std::exchange(suppressed_, 0);
  }
  ruling.record = !countable && recorded_ < limit_;
  if (ruling.record)
    ++recorded_;
  else
    ++suppressed_;
  return ruling;
}

std::uint64_t RefusalMeter::rest() {
  const base::Lock lock(mutex_);
  return std::exchange(suppressed_, 0);
}

Gate::Passage Gate::pass() noexcept {
  for (;;) {
    const std::uint32_t half = half_.load();
    passing_[half].fetch_add(1);
    // A drain that turned meanwhile may have seen this half empty already.
    const bool turned = half_.load() != half;
    if (!turned && !closed_.load()) return Passage(this, half);
    leave(half);
    if (!turned) return Passage(nullptr, half);
  }
}

// The caller that waits has closed the gate, or has turned to the other half.
void Gate::leave(std::uint32_t half) noexcept {
  if (passing_[half].fetch_sub(1) == 1 && (closed_.load() || half_.load() != half)) passing_[half].notify_all();
}

void Gate::wait_until_empty(std::uint32_t half) noexcept {
  auto& passing = passing_[half];
  for (std::uint32_t left = passing.load(); left != 0; left = passing.load()) passing.wait(left);
}

void Gate::close() noexcept {
  closed_.store(true);
  wait_until_empty(0);
  wait_until_empty(1);
}

void Gate::drain() noexcept {
  const std::uint32_t left = half_.load();
  half_.store(1 - left);
  wait_until_empty(left);
}

InsideHandlers::Mark::Mark(InsideHandlers& owner) noexcept : owner_(owner) {
  const base::Lock lock(owner_.mutex_);
  after_ = std::exchange(owner_.first_, this);
  if (after_ != nullptr) after_->before_ = this;
}

InsideHandlers::Mark::~Mark() {
  const base::Lock lock(owner_.mutex_);
  (before_ == nullptr ? owner_.first_ : before_->after_) = after_;
  if (after_ != nullptr) after_->before_ = before_;
}

bool InsideHandlers::this_thread() const {
  const base::Lock lock(mutex_);
  const std::thread::id thread = std::this_thread::get_id();
  for (const Mark* mark = first_; mark != nullptr; mark = mark->after_)
    if (mark->thread_ == thread) return true;
  return false;
}

std::chrono::steady_clock::time_point later(std::chrono::steady_clock::time_point from,
                                            std::chrono::milliseconds duration) noexcept {
  using Clock = std::chrono::steady_clock;
  if (duration <= duration.zero()) return from;
  const Clock::duration since = std::max(from.time_since_epoch(), Clock::duration::zero());  // no difference overflows
  if (duration > std::chrono::floor<std::chrono::milliseconds>(Clock::duration::max() - since))
    return Clock::time_point::max();
  return from + duration;
}

}  // namespace openexec::exec
