// SPDX-License-Identifier: Apache-2.0
#include "exec/pipeline.hpp"

#include <algorithm>
#include <utility>

#include "answers/doubts.hpp"
#include "base/unwind.hpp"
#include "exec/recovery.hpp"

namespace openexec::exec {

// bytes ─ canon ─ limits, halt ─ known nonce? ─ allow-list, handler ─ verify ─ CLAIM ─ handler ─ SEAL + APPEND ─ reply
//
// One request is a batch of one. A step either ends an attempt or lets it walk on; what no step ended was approved.
// Claims of a batch share one durable step, and so do its seals and entries. Nothing is answered before its entry is
// durable.
//
// Memory may run out anywhere. Each attempt takes its steps under attend(): what fails there ends that attempt alone,
// and break_off() answers from what the attempt knows of itself, which needs no memory. From its claim on, an attempt
// may have run.
void Pipeline::walk(std::span<Attempt> attempts, const Lend& lend) {
  using Step = void (Pipeline::*)(Attempt&);
  constexpr Step arriving[] = {&Pipeline::canonicalise,  // one strict parse; what is hashed is what runs
                               &Pipeline::hold_limits, &Pipeline::check_halt};
  constexpr Step proving[] = {&Pipeline::recall,                     // before anything that depends on time
                              &Pipeline::admit, &Pipeline::verify};  // before the claim: a stranger burns no nonce
  const auto each = [&](std::span<const Step> steps) {
    for (Attempt& attempt : attempts)
      attend(attempt, [&] {
        for (const Step step : steps)
          if (!attempt.ended && !attempt.waiting) (this->*step)(attempt);
      });
  };
  const auto unanswered = [](const Attempt& attempt) { return !attempt.outcome; };

  const Lent submission(submissions_);
  each(arriving);
  while (std::any_of(attempts.begin(), attempts.end(), unanswered)) {
    each(proving);
    claim(attempts, *submission);  // durable before a handler is entered
    handle(attempts, lend);
    seal_and_append(attempts, *submission);  // durable before anybody is answered
    wait(attempts);                          // for equal attempts that others run; then their outcome is recalled
  }
}

namespace {

constexpr std::size_t recent_bytes = std::size_t{2} << 20;

std::size_t bytes_of(const Arrival& arrival) noexcept {
  if (const auto* text = std::get_if<std::string_view>(&arrival)) return text->size();
  const auto& request = std::get<Request>(arrival);
  return std::max(request.payload.size(), request.approval_artifact.size());
}

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
      orders_(config_.tenant, *parts_.store, recorder_, time_, gate_, controls_, confirmed) {
  if (controls_.halted()) gate_.close();
  if (config_.allowed_actions) allowed_.emplace(config_.allowed_actions->begin(), config_.allowed_actions->end());
}

Pipeline::~Pipeline() {
  try {
    recorder_.append_suppressed(refusals_.rest());
    recorder_.append_suppressed(replays_.rest());
  } catch (...) {  // nothing that a destructor could still say
  }
}

OPENEXEC_CATCHES_UNWIND Outcome Pipeline::run(const Arrival& arrival, const CallOptions& options) try {
  const base::CancellationPutOff put_off;
  Attempt attempt = enter(arrival, options);
  // Out of memory, or a part that broke its contract: leave() says what that means.
  base::call_foreign([&] { walk({&attempt, 1}, nullptr); }, [] {});
  return leave(attempt);
} catch (base::ForcedUnwind&) {
  throw;
} catch (...) {  // before there was an attempt
  return unanswered();
}

// The answers have their place before anything runs, and nothing after that throws.
std::vector<Outcome> Pipeline::run(std::span<const Call> calls, const Lend& lend) {
  const base::CancellationPutOff put_off;
  std::vector<Outcome> outcomes;
  outcomes.reserve(calls.size());
  const auto run_all = [&] {
    std::vector<Attempt> attempts;
    attempts.reserve(calls.size());
    for (const Call& call : calls) attempts.push_back(enter(call.request, call.options));
    base::call_foreign([&] { walk(attempts, lend); }, [] {});
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
  attempt.deadline = later(std::chrono::steady_clock::now(), options.max_wait.value_or(config_.limits.max_wait));
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
  attempt.waiting = false;
  attempt.seat = {};
}

// Others may be waiting for what this batch leads, so its seats are given up before it waits itself.
void Pipeline::wait(std::span<Attempt> attempts) {
  for (Attempt& attempt : attempts) {
    if (!attempt.waiting) continue;
    attempt.waiting = false;
    attempt.waited = attempt.seat.landed_by(attempt.deadline);
    if (attempt.waited) continue;
    attend(attempt, [&] { refuse(attempt, Status(Code::in_progress, "the first attempt is still running")); });
  }
}

Result<Recovery> Pipeline::recover() {
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
  base::call_foreign([&] { answer = settle_doubt(desk, exec_id, found, order); }, [] {});
  return answer;
}

}  // namespace openexec::exec
