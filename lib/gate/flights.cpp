// SPDX-License-Identifier: Apache-2.0
#include "gate/flights.hpp"

namespace openexec::exec {

Flights::Seat Flights::board(const Digest& exec_id) {
  const base::Lock lock(mutex_);
  Flight& flight = flights_[exec_id];
  if (!std::exchange(flight.flying, true)) return Seat(this, exec_id);
  if (!flight.waited_for) flight.waited_for = std::make_shared<State>();
  return Seat(flight.waited_for);
}

bool Flights::lost(const Digest& exec_id) const {
  const base::Lock lock(mutex_);
  const auto place = flights_.find(exec_id);
  return place != flights_.end() && place->second.lost;
}

Flights::Seat& Flights::Seat::operator=(Seat&& other) noexcept {
  if (this == &other) return *this;
  give_up();
  owner_ = std::exchange(other.owner_, nullptr);
  exec_id_ = other.exec_id_;
  spent_ = std::exchange(other.spent_, false);
  state_ = std::move(other.state_);
  return *this;
}

void Flights::Seat::give_up() noexcept {
  Flights* const owner = std::exchange(owner_, nullptr);
  if (owner == nullptr) return;
  std::shared_ptr<State> waited_for;
  {
    const base::Lock lock(owner->mutex_);
    const auto place = owner->flights_.find(exec_id_);
    Flight& flight = place->second;
    waited_for = std::move(flight.waited_for);
    flight.flying = false;
    if (std::exchange(spent_, false)) flight.lost = true;
    if (!flight.lost) owner->flights_.erase(place);
  }
  if (!waited_for) return;
  const base::Lock lock(waited_for->mutex);
  waited_for->landed = true;
  waited_for->changed.notify_all();
}

bool Flights::Seat::landed_by(std::chrono::steady_clock::time_point deadline) const {
  base::Lock lock(state_->mutex);
  while (!state_->landed)
    if (state_->changed.wait_until(lock.native(), deadline) == std::cv_status::timeout) break;
  return state_->landed;
}

}  // namespace openexec::exec
