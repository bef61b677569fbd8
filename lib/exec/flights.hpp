// Who is running what: one attempt per execution flies, the others wait for it to land.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include <openexec/bytes.hpp>

namespace openexec::exec {

class Flights {
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool landed = false;
  };

 public:
  /// A seat in the flight of one execution. The first to board leads; the flight lands when the leader's seat is given up.
  class Seat {
   public:
    Seat() = default;
    Seat(Seat&& other) noexcept { *this = std::move(other); }
    Seat& operator=(Seat&& other) noexcept;
    ~Seat() { give_up(); }
    [[nodiscard]] bool leads() const noexcept { return owner_ != nullptr; }
    /// For those who do not lead: whether the flight landed before `deadline`.
    [[nodiscard]] bool landed_by(std::chrono::steady_clock::time_point deadline) const;

   private:
    friend class Flights;
    Seat(Flights* owner, const Digest& exec_id, std::shared_ptr<State> state)
        : owner_(owner), exec_id_(exec_id), state_(std::move(state)) {}
    void give_up() noexcept;
    Flights* owner_ = nullptr;  // null for those who do not lead
    Digest exec_id_{};
    std::shared_ptr<State> state_;
  };

  [[nodiscard]] Seat board(const Digest& exec_id);

 private:
  std::mutex mutex_;
  std::map<Digest, std::shared_ptr<State>> flying_;
};

}  // namespace openexec::exec
