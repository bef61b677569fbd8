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

/// Runs `work(i)` for each i below `count` where `lend` runs it, each once, and returns when all have run.
///
/// 1. Every allocation happens before the first piece is lent. Where one fails, nothing has run and std::bad_alloc is
///    thrown.
/// 2. Every way out waits for the pieces that were lent: they use what the caller has on its stack.
/// 3. A piece that the lender keeps and calls again later does nothing.
///
/// `work` should not throw; what it throws goes to the thread that runs the piece.
class Lending : public std::enable_shared_from_this<Lending> {
 public:
  using Work = std::function<void(std::size_t)>;

  static void run(std::size_t count, Work work, const CallbackExecutor& lend);

  Lending(std::size_t count, Work work);

 private:
  /// Ends a piece however its work ends, a forced unwinding of the thread included.
  class Running {
   public:
    explicit Running(Lending& lending) noexcept : lending_(lending) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { lending_.end_one(); }

   private:
    Lending& lending_;
  };
  /// Waits for every piece. Where the thread ends before all were lent, those that have not begun never begin.
  class Settling {
   public:
    explicit Settling(Lending& lending) noexcept : lending_(lending) {}
    Settling(const Settling&) = delete;
    Settling& operator=(const Settling&) = delete;
    ~Settling() { lending_.settle(); }

   private:
    Lending& lending_;
  };

  void run_one(std::size_t piece);
  void end_one() noexcept;
  void settle() noexcept;

  const Work work_;
  std::vector<std::atomic<bool>> taken_;  ///< by the thread that runs the piece
  std::size_t lent_ = 0;                  ///< pieces that `lend` is done with; used by the calling thread alone
  base::Mutex mutex_;
  std::condition_variable ended_;
  std::size_t open_ OPENEXEC_GUARDED_BY(mutex_);  ///< pieces that have not ended
};

}  // namespace openexec::exec
