// One attempt on its way through the pipeline.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <openexec/executor.hpp>

#include "approval/proposal.hpp"
#include "exec/flights.hpp"
#include "exec/limits.hpp"

namespace openexec::exec {

/// A request in one of the two forms in which it arrives: its parts, or one JSON text.
using Arrival = std::variant<Request, std::string_view>;

/// How an attempt ends, before it is durable.
struct Ending {
  NonceState state = NonceState::in_doubt;  ///< of the nonce; only where the handler was entered
  Verdict verdict = Verdict::refused;
  Code code = Code::store_failed;
  Effect effect = Effect::none;
  std::string result;  ///< display form; empty: the error text of `code`, which write_entry() puts here
  std::optional<Digest> result_hash;
  ResultForm form = ResultForm::json;  ///< of `result`
  std::string detail;
  int http = 0;
  std::string receipt;  ///< of a result that is not at hand; empty: follows from `result`
  bool retryable = false;  ///< as Seal::retryable: by this attempt's own handler, or of the outcome that is told again
  std::string stored;   ///< what the store keeps; empty: `result`, without a remark
};

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
  std::string step;                  ///< what a step of a plan is spent as; empty for other approvals
  std::string predecessor;           ///< the step that must have executed before; empty: none
  Entry entry;
  Timestamp at;  ///< the trusted time at which it began; what the store counts

  Flights::Seat seat;
  std::unique_ptr<Reservation> reservation;  ///< what its handler holds for it
  std::uint32_t number = 1;  ///< which attempt of its execution it claims
  bool waiting = false;  ///< for an equal attempt that is running
  bool waited = false;   ///< for one; what came of that is its answer
  bool claimed = false;  ///< its nonce is spent: the handler may be, or was, entered
  std::chrono::steady_clock::time_point claims_at;  ///< when its claim was handed to the store

  std::optional<Ending> ending;
  bool recorded = true;  ///< this ending gets an entry of its own
  bool replayed = false;
  std::string json;  ///< the entry's bytes
  std::optional<Outcome> outcome;
};

}  // namespace openexec::exec
