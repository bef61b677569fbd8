// SPDX-License-Identifier: Apache-2.0
// Threads that do blocking work, so that the I/O thread never blocks.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.hpp"

namespace openexec::service {

/// Runs jobs in the order in which they came. The queue is bounded.
class WorkerPool {
 public:
  /// Throws std::system_error if the system has no more threads.
  WorkerPool(std::size_t threads, std::size_t max_waiting);
  ~WorkerPool();  ///< finishes the accepted jobs, then ends

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Returns false if `max_waiting` jobs wait already. A job must not throw.
  [[nodiscard]] bool submit(std::function<void()> job);

  /// Returns how many jobs wait for a thread.
  [[nodiscard]] std::size_t waiting();

 private:
  void work();
  void end();

  const std::size_t max_waiting_;
  base::Mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> waiting_ OPENEXEC_GUARDED_BY(mutex_);
  std::size_t idle_ OPENEXEC_GUARDED_BY(mutex_) =
      0;  ///< threads without a job, so that as many waiting jobs will be taken at once
  bool ending_ OPENEXEC_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace openexec::service
