#include "exec/limits.hpp"

#include <algorithm>

namespace openexec::exec {

RefusalMeter::Ruling RefusalMeter::rule(std::chrono::steady_clock::time_point now, bool countable) {
  const std::lock_guard lock(mutex_);
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
  const std::lock_guard lock(mutex_);
  return std::exchange(suppressed_, 0);
}

Gate::Passage Gate::pass() noexcept {
  passing_.fetch_add(1);
  if (!closed_.load()) return Passage(this);
  leave();
  return Passage(nullptr);
}

void Gate::leave() noexcept {
  if (passing_.fetch_sub(1) == 1 && closed_.load()) passing_.notify_all();
}

void Gate::close() noexcept {
  closed_.store(true);
  for (std::uint32_t passing = passing_.load(); passing != 0; passing = passing_.load()) passing_.wait(passing);
}

// A passage is over in a moment, and there is one at which none is under way.
void Gate::drain() noexcept {
  while (passing_.load() != 0) std::this_thread::yield();
}

InsideHandlers::Mark::Mark(InsideHandlers& owner) : owner_(owner) {
  const std::lock_guard lock(owner_.mutex_);
  owner_.threads_.push_back(std::this_thread::get_id());
}

InsideHandlers::Mark::~Mark() {
  const std::lock_guard lock(owner_.mutex_);
  const auto place = std::find(owner_.threads_.begin(), owner_.threads_.end(), std::this_thread::get_id());
  *place = owner_.threads_.back();
  owner_.threads_.pop_back();
}

bool InsideHandlers::this_thread() const {
  const std::lock_guard lock(mutex_);
  return std::find(threads_.begin(), threads_.end(), std::this_thread::get_id()) != threads_.end();
}

void Lost::add(const Digest& exec_id) {
  const std::lock_guard lock(mutex_);
  exec_ids_.insert(exec_id);
}

bool Lost::has(const Digest& exec_id) const {
  const std::lock_guard lock(mutex_);
  return exec_ids_.count(exec_id) != 0;
}

}  // namespace openexec::exec
