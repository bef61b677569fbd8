// SPDX-License-Identifier: Apache-2.0
#include "attempt/attempt.hpp"

#include <utility>

namespace openexec::exec {
namespace {

/// Whether one more attempt may be opened after the one that this ending is of.
bool leaves_a_retry(const Attempt& attempt) noexcept {
  return attempt.ended->retryable && attempt.entry.attempt <= attempt.action.retry_none();
}

}  // namespace

Outcome outcome_of(Attempt& attempt) {
  Ended& ending = *attempt.ended;
  Outcome outcome;
  outcome.code = ending.code;
  outcome.http = ending.http != 0 ? ending.http : http_status(ending.code);
  outcome.verdict = ending.verdict;
  outcome.effect = ending.effect;
  outcome.replayed = ending.replayed;
  outcome.attempt = attempt.entry.attempt;
  outcome.may_retry = leaves_a_retry(attempt);
  outcome.exec_id = std::move(attempt.entry.exec_id);
  outcome.action = std::move(attempt.entry.action);
  outcome.result = std::move(ending.result);
  outcome.receipt = std::move(attempt.entry.receipt);
  outcome.detail = std::move(ending.detail);
  outcome.result_form = ending.form;
  outcome.result_hash = ending.result_hash;
  return outcome;
}

}  // namespace openexec::exec
