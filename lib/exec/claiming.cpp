// SPDX-License-Identifier: Apache-2.0
// From an approval to a claim: nonces and approvals are spent in one durable step, before any handler is entered.
#include <algorithm>
#include <utility>

#include "base/unwind.hpp"
#include "evidence/note.hpp"
#include "exec/pipeline.hpp"
#include "exec/replay.hpp"
#include "exec/terms.hpp"

namespace openexec::exec {

// Spends nonces and approvals in one durable step. Of equal attempts one leads; the others wait for its outcome. What
// is found to have ended with nothing, by a handler that permits it, is claimed once more as its next attempt: that
// succeeds only if no other attempt was opened in between.
void Pipeline::claim(std::span<Attempt> attempts, Submission& submission) {
  const auto is_new = [](const Attempt& attempt) { return !attempt.ended && !attempt.waiting && attempt.granted; };
  claim(attempts, submission, is_new);
  if (std::any_of(attempts.begin(), attempts.end(), reopens)) claim(attempts, submission, reopens);
}

template <class Due>
void Pipeline::claim(std::span<Attempt> attempts, Submission& submission, Due&& due) {
  auto& [leading, notes, claims, seals, entries, operations] = submission;
  submission.start(attempts.size());
  for (Attempt& attempt : attempts) {
    if (!due(attempt)) continue;
    std::string& note = notes[claims.size()];
    attend(attempt, [&] { prepare_claim(attempt, note); });
    if (attempt.ended || attempt.waiting) continue;
    leading.push_back(&attempt);
    claims.push_back({.tenant = attempt.parsed->proposal.tenant(),
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
    operations.push_back({.what = &claims.back()});
  }
  if (operations.empty()) return;
  const auto now = parts_.clock->monotonic();  // before anything is spent: a clock that fails ends them here
  for (Attempt* attempt : leading) attempt->seat.spend(true);  // until the store says otherwise
  recorder_.submit(operations);
  for (std::size_t i = 0; i < leading.size(); ++i) settle(*leading[i], operations[i], now);
}

void Pipeline::prepare_claim(Attempt& attempt, std::string& note) {
  if (!attempt.seat.leads()) attempt.seat = flights_.board(attempt.parsed->exec_id);
  attempt.waiting = !attempt.seat.leads();
  if (attempt.waiting) return;
  check_halt(attempt);
  if (!attempt.ended && attempt.action.prepare()) reserve(attempt);
  note.clear();
  if (attempt.entry.approval) append_claimed(*attempt.entry.approval, note);
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
          .cancellation = attempt.options.cancellation,
          .reservation = attempt.reservation.get(),
          .attempt = attempt.number};
}

// The one place that lets an attempt go on to its handler. That it was claimed is known before anything can fail.
void Pipeline::settle(Attempt& attempt, const Operation& asked, std::chrono::steady_clock::time_point since) {
  attempt.claimed = Claimed::from(asked, *attempt.granted, attempt.action, since);
  attempt.seat.spend(attempt.claimed.has_value());
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
      return;  // claim() asks for that one
    case ClaimAnswer::Kind::nonce_conflict:
      return refuse(attempt, Status(Code::nonce_conflict, "nonce: used by another action or payload"));
    case ClaimAnswer::Kind::approval_spent:
      return refuse(attempt,
                    Status(Code::approval_spent, "approval: used under another nonce, or its id by another approval"));
    case ClaimAnswer::Kind::out_of_order:
      if (const auto step = attempt.granted->approval().step) return refuse(attempt, waits_for_the_step_before(*step));
      break;
    case ClaimAnswer::Kind::rate_reached:
      return refuse(attempt, Status(Code::approval_constraint,
                                    "constraints.max_executions_per_min: as many as may be were within a minute"));
  }
  refuse(attempt, Status(Code::store_failed, "the store gave no answer"));
}

}  // namespace openexec::exec
