// SPDX-License-Identifier: Apache-2.0
// From an approval to a claim: nonces and approvals are spent in one durable step, before any handler is entered.
#include <algorithm>
#include <utility>

#include "attempt/replay.hpp"
#include "attempt/terms.hpp"
#include "base/unwind.hpp"
#include "evidence/note.hpp"
#include "exec/driving.hpp"

namespace openexec::exec {

// What the claim spends: the nonce and the approval, in one durable step. An execution that is found to have ended with
// nothing, by a handler that permits it, is claimed once more as its next attempt, in the round that follows. That
// succeeds only if no other attempt was opened in between.
void Pipeline::add_claim(Attempt& attempt, Submission& submission) {
  std::string& note = submission.notes[submission.claims.size()];
  attend(attempt, [&] { prepare_claim(attempt, note, submission); });
  if (!is_due_to_claim(attempt)) return;
  submission.claims.push_back(
      {.tenant = attempt.parsed->proposal.tenant(),
       .nonce = attempt.parsed->proposal.nonce(),
       .action = attempt.parsed->proposal.action(),
       .exec_id = attempt.parsed->exec_id,
       .request_hash = attempt.entry.request_hash,
       .approval_id = attempt.granted->spent_id(),
       .approval_digest = attempt.parsed->artifact_digest,
       .approval = note,
       .at = attempt.at,
       .predecessor = attempt.granted->terms().predecessor,
       .max_per_minute = attempt.granted->approval().constraints.max_executions_per_min.value_or(0),
       .attempt = attempt.number});
  attempt.lease.spend(true);  // until the store says otherwise
  submission.add(attempt, &submission.claims.back());
}

void Pipeline::prepare_claim(Attempt& attempt, std::string& note, Submission& submission) {
  OPENEXEC_INVARIANT(poison_, attempt.granted && !attempt.claimed, "P2: an attempt claims once, and what was granted");
  if (!lead(attempt)) return;
  check_halt(attempt);
  if (!attempt.ended && attempt.action.prepare()) reserve(attempt);
  if (attempt.ended) return;
  note.clear();
  if (attempt.entry.approval) append_claimed(*attempt.entry.approval, note);
  if (attempt.action.is_asynchronous() && !attempt.pending)
    attempt.pending = std::make_shared<Pending::Call>(late_, attempt.parsed->exec_id);
  // Before anything is spent: a clock that fails ends the attempt here.
  if (!submission.claimed_at) submission.claimed_at = parts_.clock->monotonic();
}

// What the handler lacks is found out before anything is spent.
void Pipeline::reserve(Attempt& attempt) {
  Result<std::unique_ptr<Reservation>> taken = base::call_foreign(
      [&] {
        const InsideHandlers::Mark mark(inside_);
        return attempt.action.prepare()(invocation_of(attempt));
      },
      []() -> Result<std::unique_ptr<Reservation>> {
        return Status(Code::overloaded, "the handler cannot be prepared");
      });
  if (taken.ok())
    attempt.reservation = *std::move(taken);
  else
    deny(attempt, Status(Code::overloaded, taken.status().detail() + "; nothing ran"));
}

Invocation Pipeline::invocation_of(const Attempt& attempt) const {
  return {.exec_id = attempt.entry.exec_id,
          .action = attempt.entry.action,
          .payload = attempt.parsed->proposal.payload(),
          .tenant = attempt.entry.tenant,
          .deadline = later(parts_.clock->monotonic(), attempt.action.deadline()),
          .cancellation = attempt.options->cancellation,
          .reservation = attempt.reservation.get(),
          .attempt = attempt.number};
}

// The one place that lets an attempt go on to its handler. That it was claimed is known before anything can fail.
void Pipeline::settle(Attempt& attempt, const Operation& asked, std::chrono::steady_clock::time_point since) {
  attempt.claimed = Claimed::from(asked, *attempt.granted, attempt.action, since);
  attempt.lease.spend(attempt.claimed.has_value());
  attempt.entry.attempt = attempt.claimed ? attempt.number : 1;
  if (attempt.claimed) return;
  attempt.reservation.reset();
  attend(attempt, [&] {
    if (asked.status.ok())
      turn_away(attempt, asked.claim);
    else
      refuse(attempt, asked.status);
  });
}

// Its nonce or its approval was spent before, or its turn has not come.
void Pipeline::turn_away(Attempt& attempt, const ClaimAnswer& answer) {
  switch (answer.kind) {
    case ClaimAnswer::Kind::fresh: break;
    case ClaimAnswer::Kind::exists:
      if (!answer.record) break;
      if (attempt.number > 1 || !may_retry(attempt, *answer.record)) return tell(attempt, *answer.record);
      attempt.number = answer.record->attempt + 1;
      return;  // the next round claims that one
    case ClaimAnswer::Kind::nonce_conflict:
      return refuse(attempt, Status(Code::nonce_conflict, "nonce: used by another action or payload"));
    case ClaimAnswer::Kind::approval_spent:
      return refuse(attempt,
                    Status(Code::approval_spent, "approval: used under another nonce, or its id by another approval"));
    case ClaimAnswer::Kind::out_of_order:
      if (const auto step = attempt.granted->approval().step) return refuse(attempt, waits_for_the_step_before(*step));
      break;
    case ClaimAnswer::Kind::rate_reached:
      return refuse(attempt,
                    Status(Code::approval_constraint,
                           "constraints.max_executions_per_min: the limit of executions per minute is reached"));
  }
  refuse(attempt, Status(Code::store_failed, "the store gave no answer"));
}

}  // namespace openexec::exec
