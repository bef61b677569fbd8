// SPDX-License-Identifier: Apache-2.0
// Work of one batch that other threads may run.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include <openexec/executor.hpp>

#include "base/mutex.hpp"

namespace openexec::exec {

/// Runs `work(i)` for each i below `count` on the callback executor, each once, and returns when all have run.
///
/// 1. Every allocation happens before the first piece is handed out. If one fails, nothing ran, and std::bad_alloc is
///    thrown.
/// 2. Every way out waits for the pieces that were handed out: they use the stack of the caller.
/// 3. A piece that the lender keeps and calls again later does nothing.
///
/// `work` should not throw; what it throws goes to the thread that runs the piece.
class FanOut : public std::enable_shared_from_this<FanOut> {
 public:
  using Work = std::function<void(std::size_t)>;

  static void run(std::size_t count, Work work, const CallbackExecutor& executor);

  FanOut(std::size_t count, Work work);

 private:
  /// Ends a piece however its work ends, a forced unwinding of the thread included.
  class Running {
   public:
    explicit Running(FanOut& fan_out) noexcept : fan_out_(fan_out) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { fan_out_.end_one(); }

   private:
    FanOut& fan_out_;
  };
  /// Waits for every piece. If the thread ends before all were handed out, those that have not begun never begin.
  class Settling {
   public:
    explicit Settling(FanOut& fan_out) noexcept : fan_out_(fan_out) {}
    Settling(const Settling&) = delete;
    Settling& operator=(const Settling&) = delete;
    ~Settling() { fan_out_.settle(); }

   private:
    FanOut& fan_out_;
  };

  void run_one(std::size_t piece);
  void end_one() noexcept;
  void settle() noexcept;

  const Work work_;
  std::vector<std::atomic<bool>> taken_;  ///< by the thread that runs the piece
  std::size_t handed_out_ = 0;            ///< pieces that the executor took; used by the calling thread alone
  base::Mutex mutex_;
  std::condition_variable ended_;
  std::size_t open_ OPENEXEC_GUARDED_BY(mutex_);  ///< pieces that have not ended
};

}  // namespace openexec::exec
