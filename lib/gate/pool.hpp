// SPDX-License-Identifier: Apache-2.0
// Objects that are made once and used by one owner after the other.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.hpp"

namespace openexec::exec {

/// Bounded. Thread-safe.
template <class T>
class Pool {
 public:
  std::unique_ptr<T> take() {
    {
      const base::Lock lock(mutex_);
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
    const base::Lock lock(mutex_);
    if (idle_.size() < max_idle) idle_.push_back(std::move(thing));
  }

 private:
  static constexpr std::size_t max_idle = 256;
  base::Mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_ OPENEXEC_GUARDED_BY(mutex_);
};

/// One of a pool's things, for a scope. It is given back unless it does not fit any more.
template <class T>
class Pooled {
 public:
  explicit Pooled(Pool<T>& pool) : pool_(pool), thing_(pool.take()) {}
  Pooled(const Pooled&) = delete;
  Pooled& operator=(const Pooled&) = delete;
  ~Pooled() {
    if (thing_->fits()) pool_.give_back(std::move(thing_));
  }
  T& operator*() const noexcept { return *thing_; }
  T* operator->() const noexcept { return thing_.get(); }

 private:
  Pool<T>& pool_;
  std::unique_ptr<T> thing_;
};

}  // namespace openexec::exec
