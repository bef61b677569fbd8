// Things that are made once and lent from one user to the next.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace openexec::exec {

/// Bounded. Thread-safe.
template <class T>
class Pool {
 public:
  std::unique_ptr<T> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto thing = std::move(idle_.back());
        idle_.pop_back();
        return thing;
      }
      idle_.reserve(max_idle);  // so that giving back cannot fail
    }
    return std::make_unique<T>();
  }
  void give_back(std::unique_ptr<T> thing) noexcept {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < max_idle) idle_.push_back(std::move(thing));
  }

 private:
  static constexpr std::size_t max_idle = 256;
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace openexec::exec
