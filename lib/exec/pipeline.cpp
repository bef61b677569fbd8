// SPDX-License-Identifier: Apache-2.0
#include "exec/pipeline.hpp"

#include <algorithm>
#include <utility>

#include "answers/doubts.hpp"
#include "base/unwind.hpp"
#include "exec/driving.hpp"
#include "exec/recovery.hpp"

namespace openexec::exec {

namespace {

constexpr std::size_t recent_bytes = std::size_t{2} << 20;

std::size_t bytes_of(const Arrival& arrival) noexcept {
  if (const auto* text = std::get_if<std::string_view>(&arrival)) return text->size();
  const auto& request = std::get<Request>(arrival);
  return std::max(request.payload.size(), request.approval_artifact.size());
}

/// What a blocking call waits with. Its attempts stand on the stack of its thread, so it does not end before every
/// wait.
struct BlockingCall {
  Inbox inbox;
  std::size_t parked = 0;

  BlockingCall() = default;
  BlockingCall(const BlockingCall&) = delete;
  BlockingCall& operator=(const BlockingCall&) = delete;
  ~BlockingCall() {
    if (parked != 0) inbox.end_waits();
  }
  /// Takes what is ready into the hand. Waits for it if the hand is empty.
  void take_up(Hand& hand) noexcept {
    Waiter* ready = hand.empty() ? inbox.wait() : inbox.take_ready();
    for (; ready != nullptr; --parked) hand.add(static_cast<Attempt&>(*std::exchange(ready, ready->next)));
  }
};

/// The answer to a call that never became an attempt for want of memory. It starts as a refusal, and stays one.
Outcome unanswered() noexcept {
  Outcome outcome;
  outcome.http = http_status(outcome.code);
  return outcome;
}

/// The same for an attempt. What was claimed may have run.
Outcome last_word(Attempt& attempt) noexcept {
  Outcome outcome = unanswered();
  outcome.exec_id = std::move(attempt.entry.exec_id);
  outcome.action = std::move(attempt.entry.action);
  if (!attempt.claimed) return outcome;
  outcome.verdict = Verdict::in_doubt;
  outcome.effect = Effect::unknown;
  outcome.attempt = attempt.number;
  return outcome;
}

}  // namespace

// bytes ─ canon ─ limits, halt ─ known nonce? ─ allow-list, handler ─ verify ─ CLAIM ─ handler ─ SEAL + APPEND ─ reply
//
// One request is a hand of one. A hand is advanced in rounds. In a round each attempt is proved until it ends, waits,
// or is due to claim; then the claims and the ends of the whole hand become durable in one step; then the handlers of
// what was claimed are called. What has to wait is parked without a thread, and comes back when its wait is over.
//
// P1. An attempt belongs to one hand, to a list of ready ones, or to what it waits for. One thread at a time touches it.
// P2. An attempt claims at most once, and only what was granted.
// P3. A handler is called for a Claimed only, after its claim is durable, and once.
// P4. Nothing is answered before its entry is durable, and each attempt is answered once.
//
// Each of these is asserted where it could break, and a broken one poisons the executor. A seeded breach of each is in
// tests/unit/pipeline_invariants_test.cpp.
//
// Memory may run out anywhere. Each attempt takes its steps under attend(): what fails there ends that attempt alone,
// and break_off() answers from what the attempt knows of itself, which needs no memory. From its claim on, an attempt
// may have run.
void Pipeline::walk(Hand& hand, const CallbackExecutor& executor) {
  const Pooled submission(submissions_);
  BlockingCall waits;
  for (;;) {
    for (Attempt* attempt : hand) attend(*attempt, [&] { prove(*attempt); });
    commit(hand, *submission);
    handle(hand, executor);
    hand.drop_if([](const Attempt& attempt) { return attempt.outcome.has_value(); });
    if (hand.empty() && waits.parked == 0) return;
    waits.parked += park(hand, waits.inbox);
    if (waits.parked != 0) waits.take_up(hand);
  }
}

// One strict parse; what is hashed is what runs. What is known of the nonce comes before anything that depends on time,
// and the approval before the claim: without an approval nobody spends a nonce.
void Pipeline::prove(Attempt& attempt) {
  using Step = void (Pipeline::*)(Attempt&);
  constexpr Step arriving[] = {&Pipeline::canonicalise, &Pipeline::hold_limits, &Pipeline::check_halt};
  constexpr Step proving[] = {&Pipeline::recall, &Pipeline::admit, &Pipeline::verify};
  const auto take = [&](std::span<const Step> steps) {
    for (const Step step : steps)
      if (!attempt.ended && attempt.waits_for == WaitsFor::nothing) (this->*step)(attempt);
  };
  if (attempt.waits_for != WaitsFor::nothing) end_wait(attempt);
  hold_rules(attempt);
  if (attempt.claimed) return;
  if (!attempt.parsed) take(arriving);
  take(proving);
}

// Spends nonces and approvals, and makes ends durable. Each attempt is answered from its own operation.
void Pipeline::commit(Hand& hand, Submission& submission) {
  hold_rules(hand);  // before anything is made durable
  submission.start(hand.size());
  for (Attempt* attempt : hand) {
    if (is_due_to_claim(*attempt)) add_claim(*attempt, submission);
    if (is_due_to_end(*attempt)) add_end(*attempt, submission);
  }
  if (submission.operations.empty()) return;
  submit_watched(submission.operations);
  for (std::size_t i = 0; i < submission.operations.size(); ++i) {
    Attempt& attempt = *submission.attempts[i];
    const Operation& answered = submission.operations[i];
    if (std::holds_alternative<const Claim*>(answered.what))
      settle(attempt, answered, *submission.claimed_at);
    else
      attend(attempt, [&] { conclude(attempt, answered); });
  }
  hold_rules(hand);  // before a handler is entered
  measure_seals(submission);
}

Pipeline::Pipeline(Config config, Parts parts, HandlerTable handlers, Timestamp mark, const Confirmation& confirmed,
                   std::vector<ControlName> standing, std::optional<Timestamp> floor)
    : config_(std::move(config)),
      parts_(std::move(parts)),
      handlers_(std::move(handlers)),
      time_(parts_.clock, mark, config_.limits.max_clock_jump),
      recorder_(config_, parts_, time_),
      in_flight_(config_.limits.max_in_flight),
      refusals_(config_.limits.max_refusals_per_second),
      replays_(config_.limits.max_replays_per_second),
      recent_(recent_bytes),
      decoy_(config_.tenant),
      controls_(config_.tenant, std::move(standing)),
      judge_(parts_, controls_, meters_, inside_, floor),
      orders_(config_.tenant, *parts_.store, recorder_, time_, gate_, controls_, confirmed),
      late_(std::make_shared<LateDesk>(*this)) {
  if (controls_.halted()) gate_.close();
  if (config_.allowed_actions) allowed_.emplace(config_.allowed_actions->begin(), config_.allowed_actions->end());
}

Pipeline::~Pipeline() {
  close();
  try {
    recorder_.append_suppressed(refusals_.rest());
    recorder_.append_suppressed(replays_.rest());
  } catch (...) {  // nothing that a destructor could still say
  }
}

OPENEXEC_CATCHES_UNWIND Outcome Pipeline::run(const Arrival& arrival, const CallOptions& options) try {
  const base::CancellationPutOff put_off;
  Attempt attempt = enter(arrival, options);
  Attempt* slot = nullptr;
  Hand hand({&slot, 1});
  hand.add(attempt);
  // Out of memory, or a part that broke its contract: leave() says what that means.
  base::call_foreign([&] { walk(hand, nullptr); }, [] {});
  return leave(attempt);
} catch (base::ForcedUnwind&) {
  throw;
} catch (...) {  // before there was an attempt
  return unanswered();
}

// The answers have their place before anything runs, and nothing after that throws.
std::vector<Outcome> Pipeline::run(std::span<const Call> calls, const CallbackExecutor& executor) {
  const base::CancellationPutOff put_off;
  std::vector<Outcome> outcomes;
  outcomes.reserve(calls.size());
  const auto run_all = [&] {
    std::vector<Attempt> attempts;
    std::vector<Attempt*> slots(calls.size());
    Hand hand(slots);
    attempts.reserve(calls.size());
    for (const Call& call : calls) hand.add(attempts.emplace_back(enter(call.request, call.options)));
    base::call_foreign([&] { walk(hand, executor); }, [] {});
    for (Attempt& attempt : attempts) outcomes.push_back(leave(attempt));
  };
  base::call_foreign(run_all, [] {});
  while (outcomes.size() < calls.size()) outcomes.push_back(unanswered());
  return outcomes;
}

Attempt Pipeline::enter(const Arrival& arrival, const CallOptions& options) {
  Attempt attempt(arrival, options, in_flight_.enter());
  attempt.bytes = bytes_of(arrival);
  attempt.parts = proposals_.take();
  attempt.entry.tenant = config_.tenant;
  attempt.entry.executor = config_.executor;
  attempt.at = recorder_.stamp(attempt.entry);
  return attempt;
}

Outcome Pipeline::leave(Attempt& attempt) noexcept {
  if (!attempt.outcome) break_off(attempt);
  if (attempt.parsed) attempt.parts = Proposal::Parts::reclaim(std::move(attempt.parsed->proposal));
  if (attempt.parts && attempt.bytes <= longest_kept) proposals_.give_back(std::move(attempt.parts));
  return *std::move(attempt.outcome);
}

// Ends an attempt that has no outcome, without an entry. What was claimed may have run.
void Pipeline::break_off(Attempt& attempt) noexcept {
  try {
    if (attempt.claimed)
      lose(attempt, "an internal failure");
    else
      fail(attempt, Status(Code::store_failed, "an internal failure; nothing ran"));
  } catch (...) {  // no memory to say more
    if (!attempt.ended) attempt.ended.emplace();
    attempt.outcome = last_word(attempt);
  }
  if (attempt.pending) attempt.pending->expire();
  attempt.waits_for = WaitsFor::nothing;
  attempt.lease = {};
}

// What the attempt waited for is there, or its time is up.
void Pipeline::end_wait(Attempt& attempt) {
  if (attempt.waits_for == WaitsFor::handler) return finish_handler(attempt);
  attempt.waits_for = WaitsFor::nothing;
  attempt.waited = !attempt.overdue;
  if (attempt.overdue) refuse(attempt, Status(Code::in_progress, "the first attempt is still running"));
}

// Others may wait for what this hand leads; they are woken by its leases. Returns how many left the hand.
std::size_t Pipeline::park(Hand& hand, Inbox& inbox) noexcept {
  const std::size_t before = hand.size();
  hand.drop_if([&](Attempt& attempt) { return is_parked(attempt, inbox); });
  return before - hand.size();
}

// Where there is nothing to wait for any more, the attempt stays in the hand, and the next round ends its wait.
bool Pipeline::is_parked(Attempt& attempt, Inbox& inbox) noexcept {
  switch (attempt.waits_for) {
    case WaitsFor::nothing: return false;
    case WaitsFor::handler: return inbox.park(attempt, [&] { return attempt.pending->wait(attempt); });
    case WaitsFor::equal: break;
  }
  if (!attempt.patience)
    attempt.patience =
        later(std::chrono::steady_clock::now(), attempt.options->max_wait.value_or(config_.limits.max_wait));
  attempt.until = *attempt.patience;
  return inbox.park(attempt, [&] { return single_flight_.wait(attempt.parsed->exec_id, attempt); });
}

Result<Recovery> Pipeline::recover() {
  if (Status status = poison_.status(); !status.ok()) return status;
  decoy_.look_for_one(*parts_.log);
  return exec::recover(recorder_, config_, parts_, handlers_);
}

SettlementAnswer Pipeline::settle(const Digest& exec_id, const HandlerResult& found, const Order& order) {
  const base::CancellationPutOff put_off;
  SettlementAnswer answer;
  answer.outcome.code = Code::overloaded;
  answer.outcome.http = http_status(Code::overloaded);
  const DoubtDesk desk{.store = *parts_.store,
                       .log = *parts_.log,
                       .executor = config_.executor,
                       .max_result_bytes = config_.limits.max_result_bytes,
                       .submit = [this](std::span<Operation> operations) { recorder_.submit(operations); },
                       .stamp = [this](Entry& entry) { return recorder_.stamp(entry); }};
  const auto settle_sound = [&] {
    const Status sound = poison_.status();
    if (sound.ok()) {
      answer = settle_doubt(desk, exec_id, found, order);
      return;
    }
    answer.outcome.code = sound.code();
    answer.outcome.http = sound.http();
    answer.outcome.detail = sound.detail();
  };
  base::call_foreign([&] { poison_.watch(settle_sound); }, [] {});
  return answer;
}

}  // namespace openexec::exec
