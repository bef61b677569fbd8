// SPDX-License-Identifier: Apache-2.0
#include "attempt/terms.hpp"

#include <string_view>

#include "base/unwind.hpp"

namespace openexec::exec {
namespace {

/// What a step of a plan is spent as.
std::string step_name(const Approval& approval, std::uint32_t step) {
  return approval.id + step_mark + std::to_string(step) + step_mark + approval.plan;
}

Status hold_cost(const TermsJudge& judge, const Proposal& proposal, Usd most) {
  const auto refused = [](std::string_view why) {
    return Status(Code::approval_constraint, "constraints.max_cost_usd: " + std::string(why));
  };
  if (!judge.action.cost()) return refused("the action's handler does not say what it costs");
  const Result<Usd> cost = base::call_foreign(
      [&] {
        const InsideHandlers::Mark mark(judge.inside);
        return judge.action.cost()(
            {.action = proposal.action(), .payload = proposal.payload(), .tenant = proposal.tenant()});
      },
      [] { return Status(Code::approval_constraint, "the handler's cost function threw"); });
  if (!cost.ok() || cost->micros < 0) return refused("the handler could not determine the cost");
  if (*cost > most) return refused("it would cost more");
  return Status::success();
}

}  // namespace

Result<Terms> hold_terms(const TermsJudge& judge, const Proposal& proposal, const Approval& approval) {
  const bool in_order = approval.step && approval.step_order == StepOrder::in_sequence;
  if ((approval.step || approval.constraints.max_executions_per_min) && !judge.store.keeps_terms())
    return Status(Code::approval_constraint, "the store neither keeps plans nor counts executions");
  Terms terms;
  if (approval.step) {
    terms.step = step_name(approval, *approval.step);
    if (in_order && *approval.step > 0) terms.predecessor = step_name(approval, *approval.step - 1);
  }
  if (!approval.constraints.max_cost_usd) return terms;
  if (Status status = hold_cost(judge, proposal, *approval.constraints.max_cost_usd); !status.ok()) return status;
  return terms;
}

Status waits_for_the_step_before(std::uint32_t step) {
  return {Code::approval_constraint, "ordered: steps[" + std::to_string(step) + "] waits for steps[" +
                                         std::to_string(step - 1) + "] to have executed"};
}

}  // namespace openexec::exec
