// SPDX-License-Identifier: Apache-2.0
#include "service/worker_pool.hpp"

#include <utility>

namespace openexec::service {

WorkerPool::WorkerPool(std::size_t threads, std::size_t max_waiting) : max_waiting_(max_waiting), idle_(threads) {
  threads_.reserve(threads);
  try {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (...) {
    end();
    throw;
  }
}

WorkerPool::~WorkerPool() { end(); }

bool WorkerPool::submit(std::function<void()> job) {
  {
    const base::Lock lock(mutex_);
    if (waiting_.size() >= max_waiting_ + idle_) return false;
    waiting_.push_back(std::move(job));
  }
  arrived_.notify_one();
  return true;
}

std::size_t WorkerPool::waiting() {
  const base::Lock lock(mutex_);
  return waiting_.size();
}

void WorkerPool::work() {
  base::Lock lock(mutex_);
  for (;;) {
    while (!ending_ && waiting_.empty()) arrived_.wait(lock.native());
    if (waiting_.empty()) return;
    std::function<void()> job = std::move(waiting_.front());
    waiting_.pop_front();
    --idle_;
    lock.unlock();
    job();
    job = nullptr;  // destroys what the job holds, outside the lock
    lock.lock();
    ++idle_;
  }
}

void WorkerPool::end() {
  {
    const base::Lock lock(mutex_);
    ending_ = true;
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace openexec::service
