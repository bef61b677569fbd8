// SPDX-License-Identifier: Apache-2.0
// One attempt on its way through the pipeline.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <openexec/executor.hpp>

#include "answers/ending.hpp"
#include "approval/proposal.hpp"
#include "exec/phases.hpp"
#include "gate/flights.hpp"
#include "gate/limits.hpp"

namespace openexec::exec {

/// A request in one of the two forms in which it arrives: its parts, or one JSON text.
using Arrival = std::variant<Request, std::string_view>;

/// How an attempt ended, before that is durable.
struct Ended : Ending {
  explicit Ended(Ending ending = {}) noexcept : Ending(std::move(ending)) {}
  bool recorded = true;   ///< it gets an entry of its own
  bool replayed = false;  ///< it tells an earlier attempt's outcome
  std::string json;       ///< the entry's bytes
};

/// What one attempt has become so far. A phase that it did not reach is absent: nothing is granted that was not parsed,
/// and nothing is claimed that was not granted. From its claim on, the action may have taken place.
struct Attempt {
  Attempt(const Arrival& from, const CallOptions& with, InFlight::Place taken)
      : arrival(from), options(with), place(std::move(taken)) {}

  const Arrival& arrival;
  const CallOptions& options;
  InFlight::Place place;
  std::chrono::steady_clock::time_point deadline;  ///< for waiting on another attempt

  std::size_t bytes = 0;                   ///< of the request
  std::unique_ptr<Proposal::Parts> parts;  ///< its buffers; null while `parsed` holds them
  Entry entry;
  Timestamp at;  ///< the trusted time at which it began; what the store counts

  std::optional<Parsed> parsed;
  RegisteredAction action;
  std::optional<Granted> granted;
  std::unique_ptr<Reservation> reservation;  ///< what its handler holds for it
  std::uint32_t number = 1;                  ///< which attempt of its execution it claims
  std::optional<Claimed> claimed;
  std::optional<Ended> ended;
  std::optional<Outcome> outcome;

  Flights::Seat seat;
  bool waiting = false;  ///< for an equal attempt that is running
  bool waited = false;   ///< for one; what came of that is its answer
};

/// Returns the attempt's own answer, from its ending and the entry that records it, which are spent by it.
Outcome outcome_of(Attempt& attempt);

/// Whether its nonce is known, and it is to open the next attempt.
inline bool reopens(const Attempt& attempt) noexcept {
  return attempt.number > 1 && !attempt.claimed && !attempt.ended;
}

/// Whether it is claimed, and its handler was not called yet.
inline bool is_ready(const Attempt& attempt) noexcept { return attempt.claimed && !attempt.ended; }

}  // namespace openexec::exec
