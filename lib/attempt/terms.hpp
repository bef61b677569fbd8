// SPDX-License-Identifier: Apache-2.0
// What an approval is subject to besides what it names: the order of a plan's steps, a rate, a cost.
#pragma once

#include <cstdint>

#include <openexec/executor.hpp>

#include "attempt/phases.hpp"
#include "gate/limits.hpp"

namespace openexec::exec {

/// Between a plan's id and what follows it, where a step is spent. In no approval's id
constexpr char step_mark = '\n';

/// What judges an approval's terms.
struct TermsJudge {
  const NonceStore& store;
  const RegisteredAction& action;
  InsideHandlers& inside;  ///< marks the call of the handler's cost function
};

/// Returns the terms that the claim has to keep, or approval_constraint if nobody here can hold an execution to them.
Result<Terms> hold_terms(const TermsJudge& judge, const Proposal& proposal, const Approval& approval);

/// The refusal of a step whose turn has not come.
Status waits_for_the_step_before(std::uint32_t step);

}  // namespace openexec::exec
