// SPDX-License-Identifier: Apache-2.0
// What one executor takes at once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include "base/mutex.hpp"

namespace openexec::exec {

/// Counts attempts under way. A place is given back when its holder is destroyed.
class InFlight {
 public:
  explicit InFlight(std::uint32_t limit) : limit_(limit) {}

  class Place {
   public:
    explicit Place(InFlight* owner) noexcept : owner_(owner) {}
    Place(Place&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (owner_ != nullptr) owner_->count_.fetch_sub(1, std::memory_order_relaxed);
    }
    [[nodiscard]] bool taken() const noexcept { return owner_ != nullptr; }

   private:
    InFlight* owner_;
  };

  [[nodiscard]] Place enter() noexcept {
    if (count_.fetch_add(1, std::memory_order_relaxed) < limit_) return Place(this);
    count_.fetch_sub(1, std::memory_order_relaxed);
    return Place(nullptr);
  }

 private:
  const std::uint32_t limit_;
  std::atomic<std::uint32_t> count_{0};
};

/// Keeps clients without approvals from growing the log: up to a limit each second refusals get an entry, the rest are
/// counted.
class RefusalMeter {
 public:
  explicit RefusalMeter(std::uint32_t per_second) : limit_(per_second) {}

  struct Ruling {
    bool record = false;           ///< this refusal gets its own entry
    std::uint64_t suppressed = 0;  ///< not zero: an entry is due that stands for so many earlier ones
  };
  /// `countable` refusals never get an entry of their own.
  Ruling rule(std::chrono::steady_clock::time_point now, bool countable);
  /// Those that no entry stands for yet.
  std::uint64_t rest();

 private:
  const std::uint32_t limit_;
  base::Mutex mutex_;
  std::chrono::steady_clock::time_point second_ OPENEXEC_GUARDED_BY(mutex_){};
  std::uint32_t recorded_ OPENEXEC_GUARDED_BY(mutex_) = 0;
  std::uint64_t suppressed_ OPENEXEC_GUARDED_BY(mutex_) = 0;
};

/// The kill switch. Between pass() and the end of its Passage an attempt may start its handler; close() returns when
/// nobody is in between, so that no handler starts afterwards.
///
/// Passages are counted in two halves. drain() turns to the other half and waits for the one that it left, which nobody
/// enters any more: it ends however many new passages begin meanwhile.
class Gate {
 public:
  class Passage {
   public:
    Passage(Gate* gate, std::uint32_t half) noexcept : gate_(gate), half_(half) {}
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;
    ~Passage() { end(); }
    [[nodiscard]] bool open() const noexcept { return gate_ != nullptr; }
    void end() noexcept {
      if (gate_ != nullptr) std::exchange(gate_, nullptr)->leave(half_);
    }

   private:
    Gate* gate_;
    const std::uint32_t half_;
  };

  [[nodiscard]] Passage pass() noexcept;
  [[nodiscard]] bool closed() const noexcept { return closed_.load(); }
  void close() noexcept;
  void open() noexcept { closed_.store(false); }
  /// Returns when nobody is in between who was when it was called. One call at a time.
  void drain() noexcept;

 private:
  void leave(std::uint32_t half) noexcept;
  void wait_until_empty(std::uint32_t half) noexcept;

  std::atomic<bool> closed_{false};
  std::atomic<std::uint32_t> half_{0};  ///< the one that new passages enter
  std::atomic<std::uint32_t> passing_[2]{};
};

/// Threads that are inside a handler: they may not come back into the same executor.
class InsideHandlers {
 public:
  /// A link of a chain, on the thread's own stack: nothing is allocated between a claim and its handler.
  class Mark {
   public:
    explicit Mark(InsideHandlers& owner) noexcept;
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
    ~Mark();

   private:
    friend class InsideHandlers;
    InsideHandlers& owner_;
    const std::thread::id thread_ = std::this_thread::get_id();
    Mark* before_ = nullptr;
    Mark* after_ = nullptr;
  };
  [[nodiscard]] bool this_thread() const;

 private:
  mutable base::Mutex mutex_;
  Mark* first_ OPENEXEC_GUARDED_BY(mutex_) = nullptr;
};

/// `from` and a duration later, or the clock's last moment where that is beyond it. A negative duration counts as zero.
[[nodiscard]] std::chrono::steady_clock::time_point later(std::chrono::steady_clock::time_point from,
                                                          std::chrono::milliseconds duration) noexcept;

}  // namespace openexec::exec
