// SPDX-License-Identifier: Apache-2.0
// An executor with a broken rule (docs/design/0064-a-broken-rule-poisons.md).
#include "exec/pipeline.hpp"

namespace openexec::exec {

// Ends what has no outcome yet, without an entry: nothing that this executor would write now can be trusted. What was
// not claimed is store_failed, and did not run. What was claimed is in doubt: its handler is not entered from here on,
// and an end that is not durable yet is left to the next opening of the store. What waits is judged when it comes back.
void Pipeline::hold_rules(Attempt& attempt) {
  const base::Rule* const broken = poison_.broken();
  if (broken == nullptr || attempt.outcome || attempt.waits_for != WaitsFor::nothing) return;
  const Status why = base::refusal(*broken);
  if (attempt.claimed) return lose(attempt, why.detail());
  fail(attempt, why);
  attempt.reservation.reset();
}

void Pipeline::hold_rules(Hand& hand) {
  if (poison_.broken() == nullptr) return;
  for (Attempt* attempt : hand) attend(*attempt, [&] { hold_rules(*attempt); });
}

// What the store answers, or throws. A rule that is broken in there may be of a part that has no owner but this one.
void Pipeline::submit_watched(std::span<Operation> operations) {
  poison_.watch([&] { recorder_.submit(operations); });
}

}  // namespace openexec::exec
