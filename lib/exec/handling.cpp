// SPDX-License-Identifier: Apache-2.0
// From a claim to what the handler said.
#include <new>
#include <utility>
#include <vector>

#include "base/unwind.hpp"
#include "exec/pipeline.hpp"
#include "waiting/fan_out.hpp"

namespace openexec::exec {

// Without a callback executor, and without memory to hand pieces out, the handlers run on this thread.
void Pipeline::handle(Hand& hand, const CallbackExecutor& executor) {
  if (executor) fan_out_handlers(hand, executor);
  for (Attempt* attempt : hand)
    if (is_due_to_run(*attempt)) call_handler(*attempt);
}

// Without memory nothing is handed out: all of it is taken before the first piece.
void Pipeline::fan_out_handlers(Hand& hand, const CallbackExecutor& executor) try {
  std::vector<Attempt*> ready;
  ready.reserve(hand.size());
  for (Attempt* attempt : hand)
    if (is_due_to_run(*attempt)) ready.push_back(attempt);
  FanOut::run(
      ready.size(), [this, &ready](std::size_t i) { call_handler(*ready[i]); }, executor);
} catch (const std::bad_alloc&) {
}

// From its first line on the ending says what may have happened, whatever fails and wherever the thread ends.
void Pipeline::call_handler(Attempt& attempt) {
  if (!OPENEXEC_KEEPS(poison_, attempt.claimed && !attempt.claimed->entered(), "P3: a claim enters its handler once"))
    return (void)attempt.ended.emplace(entered());
  attempt.ended.emplace(not_entered());
  base::call_foreign(
      [&] {
        const InsideHandlers::Mark mark(inside_);
        if (!may_enter(attempt)) return;
        attempt.ended.emplace(entered());
        if (attempt.action.is_asynchronous()) return start_handler(attempt);
        attempt.ended.emplace(recorder_.judge(enter_handler(attempt)));
        if (attempt.ended->effect == Effect::none) allow_retry(attempt);
      },
      [] {});
  if (attempt.waits_for == WaitsFor::nothing) attempt.reservation.reset();
}

// It was claimed, and its handler said that nothing happened or was not entered.
void Pipeline::allow_retry(Attempt& attempt) noexcept { attempt.ended->retryable = attempt.action.retry_none() != 0; }

// It is spent, but is not to run if there was an order since it was claimed.
bool Pipeline::may_enter(Attempt& attempt) {
  const auto no = [&](std::string why) {
    attempt.ended.emplace(recorder_.judge(HandlerResult::failed(std::move(why), Effect::none)));
    return false;
  };
  const Gate::Passage passage = gate_.pass();
  if (!passage.open()) {
    (void)no("the kill switch went on before the handler was entered");
    allow_retry(attempt);
    return false;
  }
  const std::uint64_t epoch = attempt.granted->epoch();
  const Status approved = judge_.still_granted(*attempt.granted, *attempt.parsed, attempt.at);
  if (!approved.ok()) return no(approved.detail());
  if (attempt.granted->epoch() != epoch) attempt.entry.approval->keys = attempt.granted->approval().keys;
  return attempt.claimed->enter();
}

HandlerResult Pipeline::enter_handler(Attempt& attempt) {
  return base::call_foreign([&] { return attempt.claimed->run(invocation_of(attempt)); },
                            [] { return HandlerResult::in_doubt("the handler threw"); });
}

// What it says later ends the attempt: see finish_handler(). A handler that throws has said nothing, whatever it did
// with its token.
void Pipeline::start_handler(Attempt& attempt) {
  const auto start = [&] {
    attempt.claimed->start(invocation_of(attempt), Pending(attempt.pending));
    return true;
  };
  if (base::call_foreign(start, [] { return false; })) {
    attempt.until = later(std::chrono::steady_clock::now(), attempt.action.deadline());
    attempt.waits_for = WaitsFor::handler;
    return;
  }
  attempt.pending->expire();
  attempt.ended.emplace(recorder_.judge(HandlerResult::in_doubt("the handler threw")));
}

// Its handler has said what became of the action, or its time is up. Until here its ending said "in doubt".
void Pipeline::finish_handler(Attempt& attempt) {
  attempt.waits_for = WaitsFor::nothing;
  attempt.reservation.reset();
  const std::optional<HandlerResult> said = attempt.pending->take();
  if (said) attempt.ended.emplace(recorder_.judge(*said));
  if (attempt.ended->effect == Effect::none) allow_retry(attempt);
  if (attempt.ended->verdict == Verdict::in_doubt && attempt.ended->detail.empty())
    attempt.ended->detail = said       ? "the handler ended without saying what became of the action"
                            : closing_ ? "the executor was closed before the handler ended"
                                       : "the handler did not end within its deadline";
}

}  // namespace openexec::exec
