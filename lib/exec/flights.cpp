#include "exec/flights.hpp"

namespace openexec::exec {

Flights::Seat Flights::board(const Digest& exec_id) {
  const std::lock_guard lock(mutex_);
  const auto [place, first] = flying_.try_emplace(exec_id, nullptr);
  if (first) return Seat(this, exec_id);
  if (!place->second) place->second = std::make_shared<State>();
  return Seat(place->second);
}

Flights::Seat& Flights::Seat::operator=(Seat&& other) noexcept {
  if (this == &other) return *this;
  give_up();
  owner_ = std::exchange(other.owner_, nullptr);
  exec_id_ = other.exec_id_;
  state_ = std::move(other.state_);
  return *this;
}

void Flights::Seat::give_up() noexcept {
  Flights* const owner = std::exchange(owner_, nullptr);
  if (owner == nullptr) return;
  std::shared_ptr<State> waited_for;
  {
    const std::lock_guard lock(owner->mutex_);
    const auto place = owner->flying_.find(exec_id_);
    waited_for = std::move(place->second);
    owner->flying_.erase(place);
  }
  if (!waited_for) return;
  const std::lock_guard lock(waited_for->mutex);
  waited_for->landed = true;
  waited_for->changed.notify_all();
}

bool Flights::Seat::landed_by(std::chrono::steady_clock::time_point deadline) const {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_until(lock, deadline, [this] { return state_->landed; });
}

}  // namespace openexec::exec
