// SPDX-License-Identifier: Apache-2.0
// One attempt on its way through the pipeline.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <openexec/executor.hpp>

#include "answers/ending.hpp"
#include "approval/proposal.hpp"
#include "attempt/phases.hpp"
#include "gate/limits.hpp"
#include "waiting/pending_call.hpp"
#include "waiting/single_flight.hpp"
#include "waiting/waiter.hpp"

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

/// What an attempt waits for, without a thread.
enum class WaitsFor : std::uint8_t {
  nothing,
  equal,    ///< an attempt of the same execution, which leads it
  handler,  ///< the completion of its own handler
};

struct Submitted;

/// What one attempt has become so far. A phase that it did not reach is absent: nothing is granted that was not parsed,
/// and nothing is claimed that was not granted. From its claim on, the action may have taken place.
struct Attempt : Waiter {
  Attempt(const Arrival& from, const CallOptions& with, InFlight::Place taken)
      : arrival(&from), options(&with), place(std::move(taken)) {}

  const Arrival* arrival;
  const CallOptions* options;
  InFlight::Place place;
  Submitted* submitted = nullptr;  ///< whom its end is told to; null for a blocking call, which waits for it

  std::size_t bytes = 0;                   ///< of the request
  std::unique_ptr<Proposal::Parts> parts;  ///< its buffers; null while `parsed` holds them
  Entry entry;
  Timestamp at;  ///< the trusted time at which it began; what the store counts

  std::optional<Parsed> parsed;
  RegisteredAction action;
  std::optional<Granted> granted;
  std::unique_ptr<Reservation> reservation;  ///< what its handler holds for it
  std::shared_ptr<Pending::Call> pending;    ///< how an asynchronous handler will end it
  std::uint32_t number = 1;                  ///< which attempt of its execution it claims
  std::optional<Claimed> claimed;
  std::optional<Ended> ended;  ///< while it waits for its handler: what is known if nothing more is heard
  std::optional<Outcome> outcome;

  SingleFlight::Lease lease;
  WaitsFor waits_for = WaitsFor::nothing;
  bool waited = false;  ///< for an equal attempt; what came of that is its answer
  std::optional<std::chrono::steady_clock::time_point> patience;  ///< until when it waits for equal ones
};

/// Returns the attempt's own answer, from its ending and the entry that records it, which are spent by it.
Outcome outcome_of(Attempt& attempt);

/// Whether it may claim its nonce now.
inline bool is_due_to_claim(const Attempt& attempt) noexcept {
  return attempt.granted && !attempt.claimed && !attempt.ended && attempt.waits_for == WaitsFor::nothing;
}

/// Whether it is claimed, and its handler was not called yet.
inline bool is_due_to_run(const Attempt& attempt) noexcept { return attempt.claimed && !attempt.ended; }

/// Whether its end is known and has to be made durable.
inline bool is_due_to_end(const Attempt& attempt) noexcept {
  return attempt.ended && !attempt.outcome && attempt.waits_for == WaitsFor::nothing;
}

}  // namespace openexec::exec
