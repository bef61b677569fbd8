// SPDX-License-Identifier: Apache-2.0
// Who is running what: one attempt per execution flies, the others wait for it to land.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <utility>

#include <openexec/bytes.hpp>

#include "base/mutex.hpp"

namespace openexec::exec {

class Flights {
  struct State {
    base::Mutex mutex;
    std::condition_variable changed;
    bool landed OPENEXEC_GUARDED_BY(mutex) = false;
  };

 public:
  /// A seat in the flight of one execution. The first to board leads; the flight lands when the leader's seat is given
  /// up. A flight whose leader gives up its seat between spend() and land() is lost: its execution may have run, and no
  /// outcome of it is durable. Nothing is allocated for that, so that it holds when memory ran out.
  class Seat {
   public:
    Seat() = default;
    Seat(Seat&& other) noexcept { *this = std::move(other); }
    Seat& operator=(Seat&& other) noexcept;
    ~Seat() { give_up(); }
    [[nodiscard]] bool leads() const noexcept { return owner_ != nullptr; }
    /// Whether the nonce is spent, or may be. Only of use to the leader.
    void spend(bool spent) noexcept { spent_ = spent; }
    /// Gives up the seat of an execution whose outcome is durable, or that spent nothing.
    void land() noexcept {
      spent_ = false;
      *this = {};
    }
    /// For those who do not lead: whether the flight landed before `deadline`.
    [[nodiscard]] bool landed_by(std::chrono::steady_clock::time_point deadline) const;

   private:
    friend class Flights;
    Seat(Flights* owner, const Digest& exec_id) : owner_(owner), exec_id_(exec_id) {}
    explicit Seat(std::shared_ptr<State> state) : state_(std::move(state)) {}
    void give_up() noexcept;
    Flights* owner_ = nullptr;  // null for those who do not lead
    bool spent_ = false;
    Digest exec_id_{};
    std::shared_ptr<State> state_;  // for those who wait
  };

  [[nodiscard]] Seat board(const Digest& exec_id);
  /// Whether an earlier flight of the execution was lost, in the life of this object.
  [[nodiscard]] bool lost(const Digest& exec_id) const;

 private:
  struct Flight {
    std::shared_ptr<State> waited_for;  ///< null while nobody waits
    bool flying = false;
    bool lost = false;  ///< for ever: it stays listed
  };
  struct Hash {
    std::size_t operator()(const Digest& digest) const noexcept {
      std::size_t hash = 0;
      std::memcpy(&hash, digest.data(), sizeof hash);  // a digest's bytes are as good as any hash of them
      return hash;
    }
  };
  mutable base::Mutex mutex_;
  std::unordered_map<Digest, Flight, Hash> flights_
      OPENEXEC_GUARDED_BY(mutex_);  ///< those that fly, and those that were lost
};

}  // namespace openexec::exec
