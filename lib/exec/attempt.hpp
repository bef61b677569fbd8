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
#include "exec/terms.hpp"
#include "gate/flights.hpp"
#include "gate/limits.hpp"

namespace openexec::exec {

/// A request in one of the two forms in which it arrives: its parts, or one JSON text.
using Arrival = std::variant<Request, std::string_view>;

/// What one attempt has become so far. Starts as a refusal.
struct Attempt {
  Attempt(const Arrival& from, const CallOptions& with, InFlight::Place taken)
      : arrival(from), options(with), place(std::move(taken)) {}

  const Arrival& arrival;
  const CallOptions& options;
  InFlight::Place place;
  std::chrono::steady_clock::time_point deadline;  ///< for waiting on another attempt

  std::size_t bytes = 0;                   ///< of the request
  std::unique_ptr<Proposal::Parts> parts;  ///< its buffers; null while `proposal` holds them
  std::optional<Proposal> proposal;
  Digest exec_id{};
  Digest artifact_digest{};  ///< zero where none was presented
  const HandlerTable::Row* handler = nullptr;
  std::optional<Approval> approval;  ///< nothing is claimed without; who approved it is in the entry
  std::uint64_t revocations = 0;     ///< the epoch that it was verified in
  Terms terms;                       ///< what that approval is subject to
  Entry entry;
  Timestamp at;  ///< the trusted time at which it began; what the store counts

  Flights::Seat seat;
  std::unique_ptr<Reservation> reservation;         ///< what its handler holds for it
  std::uint32_t number = 1;                         ///< which attempt of its execution it claims
  bool waiting = false;                             ///< for an equal attempt that is running
  bool waited = false;                              ///< for one; what came of that is its answer
  bool claimed = false;                             ///< its nonce is spent: the handler may be, or was, entered
  std::chrono::steady_clock::time_point claims_at;  ///< when its claim was handed to the store

  std::optional<Ending> ending;
  bool recorded = true;  ///< this ending gets an entry of its own
  bool replayed = false;
  std::string json;  ///< the entry's bytes
  std::optional<Outcome> outcome;
};

/// Returns the attempt's own answer, from its ending and the entry that records it, which are spent by it.
Outcome outcome_of(Attempt& attempt);

/// Whether its nonce is known, and it is to open the next attempt.
inline bool reopens(const Attempt& attempt) noexcept {
  return attempt.number > 1 && !attempt.claimed && !attempt.ending;
}

/// Whether it is claimed, and its handler was not called yet.
inline bool is_ready(const Attempt& attempt) noexcept { return attempt.claimed && !attempt.ending; }

}  // namespace openexec::exec
