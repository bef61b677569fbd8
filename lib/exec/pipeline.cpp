#include "exec/pipeline.hpp"

#include <algorithm>
#include <mutex>
#include <new>

#include <openexec/transparency_log.hpp>

#include "base/names.hpp"
#include "base/text.hpp"
#include "base/unwind.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "exec/doubts.hpp"
#include "exec/identity.hpp"
#include "exec/kept_result.hpp"
#include "exec/lending.hpp"
#include "exec/note.hpp"
#include "schema/schema.hpp"

namespace openexec::exec {

// bytes ─ canon ─ limits, halt ─ known nonce? ─ allow-list, handler ─ verify ─ CLAIM ─ handler ─ SEAL + APPEND ─ reply
//
// One request is a batch of one. A step either ends an attempt or lets it walk on; what no step ended was approved.
// Claims of a batch share one durable step, and so do its seals and entries. Nothing is answered before its entry is durable.
//
// Memory may run out anywhere. Each attempt takes its steps under attend(): what fails there ends that attempt alone, and
// break_off() answers from what the attempt knows of itself, which needs no memory. From its claim on, an attempt may have
// run.
void Pipeline::walk(std::span<Attempt> attempts, const Lend& lend) {
  using Step = void (Pipeline::*)(Attempt&);
  constexpr Step arriving[] = {&Pipeline::canonicalise,  // one strict parse; what is hashed is what runs
                               &Pipeline::hold_limits, &Pipeline::check_halt};
  constexpr Step proving[] = {&Pipeline::recall,  // before anything that depends on time
                              &Pipeline::admit,
                              &Pipeline::verify};  // before the claim: a stranger burns no nonce
  const auto each = [&](std::span<const Step> steps) {
    for (Attempt& attempt : attempts)
      attend(attempt, [&] {
        for (const Step step : steps)
          if (!attempt.ending && !attempt.waiting) (this->*step)(attempt);
      });
  };
  const auto unanswered = [](const Attempt& attempt) { return !attempt.outcome; };

  const Lent submission(submissions_);
  each(arriving);
  while (std::any_of(attempts.begin(), attempts.end(), unanswered)) {
    each(proving);
    claim(attempts, *submission);            // durable before a handler is entered
    handle(attempts, lend);
    seal_and_append(attempts, *submission);  // durable before anybody is answered
    wait(attempts);                          // for equal attempts that others run; then their outcome is recalled
  }
}

namespace {

constexpr std::size_t recent_bytes = std::size_t{2} << 20;

/// What a malformed request is known by: the SHA-256 of its bytes; of its four parts, each behind its length.
Digest digest_of(const Arrival& arrival) {
  if (const auto* text = std::get_if<std::string_view>(&arrival)) return crypto::sha256(*text);
  const auto& request = std::get<Request>(arrival);
  std::string bytes;
  for (const std::string_view part : {request.action, request.payload, request.nonce, request.approval_artifact})
    bytes.append(std::to_string(part.size())).append(":").append(part);
  return crypto::sha256(bytes);
}

std::size_t bytes_of(const Arrival& arrival) noexcept {
  if (const auto* text = std::get_if<std::string_view>(&arrival)) return text->size();
  const auto& request = std::get<Request>(arrival);
  return std::max(request.payload.size(), request.approval_artifact.size());
}

Result<Proposal> parse(Attempt& attempt, const Config& config, canon::Parser& parser) {
  const RequestLimits& limits = config.limits.request;
  const CallOptions& options = attempt.options;
  if (const auto* text = std::get_if<std::string_view>(&attempt.arrival))
    return Proposal::Parts::read_json(attempt.parts, parser, *text, config.tenant, limits, options.nonce);
  Request request = std::get<Request>(attempt.arrival);
  if (options.nonce && request.nonce.empty()) request.nonce = *options.nonce;
  if (options.nonce && request.nonce != *options.nonce)
    return Status(Code::malformed_request, std::string(two_nonces));
  return Proposal::Parts::read(attempt.parts, parser, request, config.tenant, limits);
}

ApprovalNote note_of(const Approval& approval, const Digest& artifact) {
  ApprovalNote note{approval.profile, approval.id, artifact, approval.keys};
  note.step = approval.step;
  note.trace_id = approval.trace_id;
  note.request_id = approval.request_id;
  note.approval_scope = approval.approval_scope;
  return note;
}

constexpr char step_mark = '\n';  // in no approval's id

/// What a step of a plan is spent as.
std::string step_name(const Approval& approval, std::uint32_t step) {
  return approval.id + step_mark + std::to_string(step) + step_mark + approval.plan;
}

Status waits_for_the_step_before(std::uint32_t step) {
  return {Code::approval_constraint, "ordered: steps[" + std::to_string(step) + "] waits for steps[" +
                                         std::to_string(step - 1) + "] to have executed"};
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

// Endings that need no memory: their texts are empty, and the result follows from the code.

/// Claimed, and its handler was not entered.
Ending not_entered() noexcept {
  Ending ending;
  ending.state = NonceState::sealed;
  ending.verdict = Verdict::failed;
  ending.code = Code::handler_failed;
  ending.effect = Effect::none;
  return ending;
}

/// Its handler was entered, and more is not known.
Ending entered() noexcept {
  Ending ending;
  ending.state = NonceState::in_doubt;
  ending.verdict = Verdict::in_doubt;
  ending.code = Code::in_doubt;
  ending.effect = Effect::unknown;
  return ending;
}

/// Whether one more attempt may be opened after the one that this ending is of.
bool leaves_a_retry(const Attempt& attempt) noexcept {
  return attempt.ending->retryable && attempt.handler != nullptr &&
         attempt.entry.attempt <= attempt.handler->retry_none;
}

/// The attempt's own answer, from its ending and the entry that records it, which are spent by it.
Outcome outcome_of(Attempt& attempt) {
  Ending& ending = *attempt.ending;
  Outcome outcome;
  outcome.code = ending.code;
  outcome.http = ending.http != 0 ? ending.http : http_status(ending.code);
  outcome.verdict = ending.verdict;
  outcome.effect = ending.effect;
  outcome.replayed = attempt.replayed;
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

/// Its nonce is known, and it is to open the next attempt.
bool reopens(const Attempt& attempt) noexcept { return attempt.number > 1 && !attempt.claimed && !attempt.ending; }

/// Claimed, and its handler was not called yet.
bool is_ready(const Attempt& attempt) noexcept { return attempt.claimed && !attempt.ending; }

/// A verifier's word that it could not decide, as opposed to a no.
bool is_undecided(const Status& status) noexcept { return status.code() == Code::overloaded; }

void answer(Operation& operation, const Result<std::uint64_t>& index) {
  operation.status = index.status();
  if (index.ok()) operation.entry = *index;
}

}  // namespace

Pipeline::Pipeline(Config config, Parts parts, HandlerTable handlers, Timestamp mark,
                   const Confirmation& confirmed, std::vector<ControlName> standing, std::optional<Timestamp> floor)
    : config_(std::move(config)),
      parts_(std::move(parts)),
      handlers_(std::move(handlers)),
      time_(parts_.clock, mark, config_.limits.max_clock_jump),
      floor_(floor),
      confirmed_(confirmed),
      in_flight_(config_.limits.max_in_flight),
      refusals_(config_.limits.max_refusals_per_second),
      replays_(config_.limits.max_replays_per_second),
      recent_(recent_bytes),
      decoy_(config_.tenant),
      controls_(config_.tenant, std::move(standing)) {
  if (controls_.halted()) gate_.close();
  if (config_.allowed_actions) allowed_.emplace(config_.allowed_actions->begin(), config_.allowed_actions->end());
}

Pipeline::~Pipeline() {
  try {
    append_suppressed(refusals_.rest());
    append_suppressed(replays_.rest());
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
  attempt.at = stamp(attempt.entry);
  attempt.deadline = later(std::chrono::steady_clock::now(), options.max_wait.value_or(config_.limits.max_wait));
  return attempt;
}

Outcome Pipeline::leave(Attempt& attempt) noexcept {
  if (!attempt.outcome) break_off(attempt);
  if (attempt.proposal) attempt.parts = Proposal::Parts::reclaim(*std::move(attempt.proposal));
  if (attempt.parts && attempt.bytes <= longest_kept) proposals_.give_back(std::move(attempt.parts));
  return *std::move(attempt.outcome);
}

// Takes a step with one attempt of a batch. What fails is the end of that attempt, and not of the others.
template <class Step>
void Pipeline::attend(Attempt& attempt, Step&& step) {
  base::call_foreign(std::forward<Step>(step), [&] { break_off(attempt); });
}

// Ends an attempt that has no outcome, without an entry. What was claimed may have run.
void Pipeline::break_off(Attempt& attempt) noexcept {
  try {
    if (attempt.claimed)
      lose(attempt, "an internal failure");
    else
      fail(attempt, Status(Code::store_failed, "an internal failure; nothing ran"));
  } catch (...) {  // no memory to say more
    if (!attempt.ending) attempt.ending.emplace();
    attempt.outcome = last_word(attempt);
  }
  attempt.waiting = false;
  attempt.seat = {};
}

void Pipeline::canonicalise(Attempt& attempt) {
  if (inside_.this_thread())
    return refuse(attempt, Status(Code::invalid_argument, "a handler must not call the executor that runs it", 500));
  const Lent reader(readers_);
  reader->expect(attempt.bytes);
  Result<Proposal> proposal = parse(attempt, config_, reader->parser);
  if (!proposal.ok()) return refuse(attempt, proposal.status());
  attempt.proposal.emplace(*std::move(proposal));

  attempt.exec_id = exec::exec_id(*attempt.proposal, *parts_.hasher, reader->text);
  attempt.artifact_digest = attempt.proposal->artifact_digest();

  Entry& entry = attempt.entry;
  entry.request_hash = request_hash(*attempt.proposal, *parts_.hasher, reader->text);
  entry.exec_id = to_hex(attempt.exec_id);
  entry.action = attempt.proposal->action();
  entry.nonce = attempt.proposal->nonce();
  if (!parts_.verifier->profile().empty() && !attempt.proposal->artifact().empty())
    entry.approval = ApprovalNote{std::string(parts_.verifier->profile()), {}, attempt.artifact_digest, {}};
}

void Pipeline::hold_limits(Attempt& attempt) {
  if (!attempt.place.taken()) refuse(attempt, Status(Code::overloaded, "too many attempts are under way; nothing ran"));
}

void Pipeline::check_halt(Attempt& attempt) {
  if (gate_.closed()) refuse(attempt, Status(Code::halted, "the kill switch is on"));
}

bool Pipeline::may_know(const Attempt& attempt, const NonceRecord& record) const {
  if (parts_.verifier->profile().empty() || attempt.approval) return true;
  return record.approval_digest != Digest{} && attempt.artifact_digest == record.approval_digest;
}

// An outcome that was sealed lately, for a caller who may know it: no disk is touched, nothing is verified again.
void Pipeline::recall(Attempt& attempt) {
  const std::shared_ptr<const SealedOutcome> sealed = recent_.find(attempt.exec_id);
  if (sealed && may_know(attempt, sealed->record)) tell(attempt, *sealed);
}

// A no to come. A caller who may know what became of this very request is told that instead, whatever changed since.
// Anybody else learns nothing. What is approved needs no look: its claim finds the nonce.
void Pipeline::deny(Attempt& attempt, const Status& why) {
  if (parts_.verifier->profile().empty() || attempt.artifact_digest != Digest{}) look_back(attempt);
  if (!attempt.ending && !attempt.waiting) return refuse(attempt, why);
  if (!attempt.ending || !std::exchange(attempt.ending->retryable, false)) return;
  attempt.ending->detail = "nothing happened, and it is not tried again: " + why.detail();
}

void Pipeline::look_back(Attempt& attempt) {
  for (;;) {
    const auto found = parts_.store->find(attempt.proposal->tenant(), attempt.proposal->nonce());
    if (!found.ok()) return refuse(attempt, found.status());
    const std::optional<NonceRecord>& record = *found;
    if (!record || record->request_hash != attempt.entry.request_hash || !may_know(attempt, *record)) {
      decoy_.make_up(*parts_.store, record.has_value());
      break;
    }
    if (record->state != NonceState::claimed || attempt.seat.leads()) {
      tell(attempt, *record);
      break;
    }
    attempt.seat = flights_.board(attempt.exec_id);
    attempt.waiting = !attempt.seat.leads();
    if (attempt.waiting) return;
  }
  attempt.seat = {};
}

void Pipeline::admit(Attempt& attempt) {
  const std::string_view action = attempt.proposal->action();
  if (allowed_ && allowed_->count(action) == 0)
    return deny(attempt, Status(Code::action_not_allowed, "Action not on the allow-list: " + std::string(action)));
  attempt.handler = handlers_.find(action);
  if (attempt.handler == nullptr)
    return deny(attempt, Status(Code::unknown_action, "Unknown action: " + std::string(action)));
  if (attempt.handler->schema && !attempt.approval)
    if (const Status status = schema::check(*attempt.handler->schema, attempt.proposal->parts().payload); !status.ok())
      deny(attempt, status);
}

void Pipeline::verify(Attempt& attempt) {
  if (attempt.approval) return;  // it waited for another attempt meanwhile
  // An approval cannot be judged by a clock that jumped.
  if (attempt.entry.trusted_at && !parts_.verifier->profile().empty())
    return deny(attempt, suspect_clock({true, attempt.entry.observed_at, attempt.at}));
  Result<Approval> approval = ask_verifier(attempt);
  if (approval.code() == Code::approval_expired)
    return deny(attempt, with_gap(approval.status(), time_.state()));
  if (!approval.ok()) return deny(attempt, approval.status());
  if (!parts_.verifier->profile().empty()) {
    if (approval->id.empty()) return deny(attempt, Status(Code::approval_malformed, "the approval has no id to spend"));
    if (floor_ && !(approval->issued_at && *approval->issued_at > *floor_))
      return deny(attempt, Status(Code::approval_spent,
                                  "the approval was issued before the ledger was adopted, and may have been spent in what "
                                  "the ledger lost; ask for a new one"));
    if (approval->id.find(step_mark) != std::string::npos)
      return deny(attempt, Status(Code::approval_malformed, "the approval's id has a line feed"));
    if (approval->step || approval->constraints != Constraints{})
      if (Status no = hold_terms(attempt, *approval); !no.ok()) return deny(attempt, no);
    attempt.entry.approval = note_of(*approval, attempt.artifact_digest);
  }
  attempt.approval.emplace(*std::move(approval));
}

Result<Approval> Pipeline::ask_verifier(Attempt& attempt) {
  attempt.revocations = controls_.epoch();  // before they are looked at: what is revoked meanwhile is another epoch
  const auto began = parts_.clock->monotonic();
  Result<Approval> approval = [&]() OPENEXEC_CATCHES_UNWIND -> Result<Approval> {
    try {
      const Timestamp at = attempt.at;
      if (attempt.revocations == 0) return parts_.verifier->verify(*attempt.proposal, at);
      return parts_.verifier->verify(*attempt.proposal, at, controls_.revocations());
    } catch (base::ForcedUnwind&) {
      throw;
    } catch (const std::bad_alloc&) {
      return Status(Code::overloaded, "out of memory while the approval was verified; nothing ran");
    } catch (...) {
      return Status(Code::approval_signature_invalid, "the verifier failed");
    }
  }();
  meters_.verified(began, parts_.clock->monotonic());
  if (approval.ok()) return approval;
  const Status& no = approval.status();
  if (is_undecided(no)) return approval;
  const bool revoked = no.code() == Code::approval_spent && attempt.revocations != 0;
  if (revoked || (no.code() >= Code::approval_missing && no.code() < Code::approval_spent)) return approval;
  return Status(Code::approval_signature_invalid, "the verifier failed: " + no.detail());
}

// What an approval is subject to besides what it names. What nobody here can hold an execution to is refused.
Status Pipeline::hold_terms(Attempt& attempt, const Approval& approval) {
  const bool in_order = approval.step && approval.step_order == StepOrder::in_sequence;
  if ((approval.step || approval.constraints.max_executions_per_min) && !parts_.store->keeps_terms())
    return {Code::approval_constraint, "the store neither keeps plans nor counts executions"};
  if (approval.step) {
    attempt.step = step_name(approval, *approval.step);
    if (in_order && *approval.step > 0) attempt.predecessor = step_name(approval, *approval.step - 1);
  }
  if (approval.constraints.max_cost_usd) return hold_cost(attempt, *approval.constraints.max_cost_usd);
  return Status::success();
}

Status Pipeline::hold_cost(const Attempt& attempt, Usd most) {
  const auto refused = [](std::string_view why) {
    return Status(Code::approval_constraint, "constraints.max_cost_usd: " + std::string(why));
  };
  if (!attempt.handler->cost) return refused("the action's handler does not say what it costs");
  const Result<Usd> cost = base::call_foreign(
      [&] {
        const InsideHandlers::Mark mark(inside_);
        return attempt.handler->cost({.action = attempt.proposal->action(),
                                      .payload = attempt.proposal->payload(),
                                      .tenant = attempt.proposal->tenant()});
      },
      [] { return Status(Code::approval_constraint, "the handler's cost function threw"); });
  if (!cost.ok() || cost->micros < 0) return refused("the cost cannot be told");
  if (*cost > most) return refused("it would cost more");
  return Status::success();
}

// Under a passage of the gate: what was revoked since the attempt was verified counts.
Status Pipeline::still_approved(Attempt& attempt) {
  if (attempt.revocations == controls_.epoch() || parts_.verifier->profile().empty()) return Status::success();
  Result<Approval> approval = ask_verifier(attempt);
  if (!approval.ok() && is_undecided(approval.status()))
    return {approval.status().code(), "the approval could not be verified again before the handler was entered"};
  if (!approval.ok() || approval->id != attempt.approval->id)
    return {Code::approval_spent, "the approval was revoked before the handler was entered"};
  attempt.entry.approval->keys = std::move(approval->keys);  // those that count now
  return Status::success();
}

// Spends nonces and approvals in one durable step. Of equal attempts one leads; the others wait for its outcome. What is
// found to have ended with nothing, by a handler that permits it, is claimed once more as its next attempt: that succeeds
// only if no other attempt was opened in between.
void Pipeline::claim(std::span<Attempt> attempts, Submission& submission) {
  const auto is_new = [](const Attempt& attempt) { return !attempt.ending && !attempt.waiting && attempt.approval; };
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
    if (attempt.ending || attempt.waiting) continue;
    leading.push_back(&attempt);
    claims.push_back({.tenant = attempt.proposal->tenant(),
                      .nonce = attempt.proposal->nonce(),
                      .action = attempt.proposal->action(),
                      .exec_id = attempt.exec_id,
                      .request_hash = attempt.entry.request_hash,
                      .approval_id = attempt.step.empty() ? attempt.approval->id : attempt.step,
                      .approval_digest = attempt.artifact_digest,
                      .approval = note,
                      .at = attempt.at,
                      .predecessor = attempt.predecessor,
                      .max_per_minute = attempt.approval->constraints.max_executions_per_min.value_or(0),
                      .attempt = attempt.number});
    operations.push_back({.what = &claims.back()});
  }
  if (operations.empty()) return;
  const auto now = parts_.clock->monotonic();  // before anything is spent: a clock that fails ends them here
  for (Attempt* attempt : leading) {
    attempt->claims_at = now;
    attempt->seat.spend(true);  // until the store says otherwise
  }
  submit(operations);
  for (std::size_t i = 0; i < leading.size(); ++i) settle(*leading[i], operations[i]);
}

void Pipeline::prepare_claim(Attempt& attempt, std::string& note) {
  if (!attempt.seat.leads()) attempt.seat = flights_.board(attempt.exec_id);
  attempt.waiting = !attempt.seat.leads();
  if (attempt.waiting) return;
  check_halt(attempt);
  if (!attempt.ending && attempt.handler->prepare) reserve(attempt);
  note.clear();
  if (attempt.entry.approval) append_claimed(*attempt.entry.approval, note);
}

// What the handler lacks is found out before anything is spent.
void Pipeline::reserve(Attempt& attempt) {
  Result<std::unique_ptr<Reservation>> taken = base::call_foreign(
      [&] {
        const InsideHandlers::Mark mark(inside_);
        return attempt.handler->prepare(invocation_of(attempt));
      },
      []() -> Result<std::unique_ptr<Reservation>> { return Status(Code::overloaded, "the handler cannot be prepared"); });
  if (taken.ok())
    attempt.reservation = *std::move(taken);
  else
    deny(attempt, Status(Code::overloaded, taken.status().detail() + "; nothing ran"));
}

Invocation Pipeline::invocation_of(const Attempt& attempt) const {
  return {.exec_id = attempt.entry.exec_id,
          .action = attempt.entry.action,
          .payload = attempt.proposal->payload(),
          .tenant = attempt.entry.tenant,
          .deadline = later(parts_.clock->monotonic(), attempt.handler->deadline),
          .cancellation = attempt.options.cancellation,
          .reservation = attempt.reservation.get(),
          .attempt = attempt.number};
}

// The one place that lets an attempt go on to its handler. That it was claimed is known before anything can fail.
void Pipeline::settle(Attempt& attempt, const Operation& asked) {
  attempt.claimed = asked.status.ok() && asked.claim.kind == ClaimAnswer::Kind::fresh;
  attempt.seat.spend(attempt.claimed);
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
      return refuse(attempt, Status(Code::approval_spent, "approval: used under another nonce, or its id by another approval"));
    case ClaimAnswer::Kind::out_of_order:
      if (attempt.approval->step) return refuse(attempt, waits_for_the_step_before(*attempt.approval->step));
      break;
    case ClaimAnswer::Kind::rate_reached:
      return refuse(attempt, Status(Code::approval_constraint,
                                    "constraints.max_executions_per_min: as many as may be were within a minute"));
  }
  refuse(attempt, Status(Code::store_failed, "the store gave no answer"));
}

// The store decides it once more when the attempt is claimed. Who waited for an equal attempt has that one's outcome.
bool Pipeline::may_retry(const Attempt& attempt, const NonceRecord& record) noexcept {
  return record.retryable && !attempt.waited && record.attempt <= attempt.handler->retry_none &&
         record.approval_digest == attempt.artifact_digest;
}

// Where nobody lends, and where there is no memory for lending, the handlers run here.
void Pipeline::handle(std::span<Attempt> attempts, const Lend& lend) {
  if (lend) lend_handlers(attempts, lend);
  for (Attempt& attempt : attempts)
    if (is_ready(attempt)) call_handler(attempt);
}

// Without memory nothing is lent: all of it is taken before the first piece is.
void Pipeline::lend_handlers(std::span<Attempt> attempts, const Lend& lend) try {
  std::vector<Attempt*> ready;
  ready.reserve(attempts.size());
  for (Attempt& attempt : attempts)
    if (is_ready(attempt)) ready.push_back(&attempt);
  Lending::run(ready.size(), [this, &ready](std::size_t i) { call_handler(*ready[i]); }, lend);
} catch (const std::bad_alloc&) {
}

// From its first line on the ending says what may have happened, whatever fails and wherever the thread ends.
void Pipeline::call_handler(Attempt& attempt) {
  attempt.ending = not_entered();
  base::call_foreign(
      [&] {
        const InsideHandlers::Mark mark(inside_);
        if (!may_enter(attempt)) return;
        attempt.ending = entered();
        attempt.ending = judge(enter_handler(attempt));
        if (attempt.ending->effect == Effect::none) allow_retry(attempt);
      },
      [] {});
  attempt.reservation.reset();
}

// It was claimed, and its handler said that nothing happened or was not entered.
void Pipeline::allow_retry(Attempt& attempt) noexcept { attempt.ending->retryable = attempt.handler->retry_none != 0; }

// It is spent, but is not to run if there was an order since it was claimed.
bool Pipeline::may_enter(Attempt& attempt) {
  const auto no = [&](std::string why) {
    attempt.ending = judge(HandlerResult::failed(std::move(why), Effect::none));
    return false;
  };
  const Gate::Passage passage = gate_.pass();
  if (!passage.open()) {
    (void)no("the kill switch went on before the handler was entered");
    allow_retry(attempt);
    return false;
  }
  const Status approved = still_approved(attempt);
  return approved.ok() || no(approved.detail());
}

HandlerResult Pipeline::enter_handler(Attempt& attempt) {
  return base::call_foreign([&] { return attempt.handler->run(invocation_of(attempt)); },
                            [] { return HandlerResult::in_doubt("the handler threw"); });
}

Ending Pipeline::judge(const HandlerResult& said) {
  Ending ending = entered();
  if (said.kind() != HandlerResult::Kind::result) ending.detail = kept_detail(said.text());
  switch (said.kind()) {
    case HandlerResult::Kind::in_doubt: break;
    case HandlerResult::Kind::failed:
      ending.state = NonceState::sealed;
      ending.verdict = Verdict::failed;
      ending.code = Code::handler_failed;
      ending.effect = said.effect();
      break;
    case HandlerResult::Kind::result: judge_result(said, ending);
  }
  return ending;
}

// It took place, whatever it said.
void Pipeline::judge_result(const HandlerResult& said, Ending& ending) {
  const Lent reader(readers_);
  KeptResult kept = keep_output(said, config_.limits.max_result_bytes, *reader);
  ending.result = std::move(kept.display);
  ending.result_hash = kept.hash;
  ending.form = kept.form;
  ending.state = NonceState::sealed;
  ending.verdict = Verdict::executed;
  ending.code = Code::ok;
  ending.effect = Effect::confirmed;
}

namespace {

/// Puts the ending into the entry. Its bytes are made once, here. Completes the ending of a no by its result.
void write_entry(Entry& entry, Ending& ending, std::string& json) {
  if (ending.result.empty()) ending.result = error_text(ending.code);
  entry.verdict = ending.verdict;
  entry.effect = ending.effect;
  entry.code = ending.code;
  entry.result_hash = ending.result_hash;
  entry.result_form = ending.form;
  entry.receipt = ending.receipt.empty() ? receipt_of(entry.exec_id, ending.result) : ending.receipt;
  json = entry.to_json();
}

/// Says in the text that the store keeps what replays have to tell besides the result.
void add_remark(Ending& ending) {
  if (ending.code != Code::ok)
    ending.stored = with_remark(ending.result, ending.detail);
  else if (ending.form != ResultForm::json)
    ending.stored = with_remark(ending.result, name(ending.form));
}

std::string_view text_for_store(const Ending& ending) noexcept {
  return ending.stored.empty() ? ending.result : ending.stored;
}

}  // namespace

// Ends become durable together: what ran is sealed, and every attempt has its entry.
void Pipeline::seal_and_append(std::span<Attempt> attempts, Submission& submission) {
  const auto due = [](const Attempt& attempt) { return attempt.ending && !attempt.outcome; };
  auto& [ended, notes, claims, seals, entries, operations] = submission;
  submission.start(attempts.size());
  for (Attempt& attempt : attempts) {
    if (!due(attempt)) continue;
    const Entry& entry = attempt.entry;
    Ending& ending = *attempt.ending;
    attend(attempt, [&] {
      if (!attempt.recorded) return fail(attempt, Status(ending.code, ending.detail, ending.http));
      write_entry(attempt.entry, ending, attempt.json);
      if (attempt.claimed) add_remark(ending);
      if (attempt.replayed) meter_replay(attempt);
    });
    if (attempt.outcome) continue;
    ended.push_back(&attempt);
    if (attempt.claimed) {
      seals.push_back({.tenant = entry.tenant,
                       .nonce = entry.nonce,
                       .exec_id = attempt.exec_id,
                       .state = ending.state,
                       .code = ending.code,
                       .effect = ending.effect,
                       .result = text_for_store(ending),
                       .entry = attempt.json,
                       .at = attempt.at,
                       .attempt = attempt.number,
                       .retryable = ending.retryable});
      operations.push_back({.what = &seals.back()});
    } else {
      entries.push_back({.json = attempt.json, .exec_id = attempt.exec_id, .at = attempt.at});
      operations.push_back({.what = &entries.back()});
    }
  }
  if (!operations.empty()) submit(operations);
  for (std::size_t i = 0; i < ended.size(); ++i) {
    Attempt& attempt = *ended[i];
    attend(attempt, [&, written = &operations[i]] { conclude(attempt, *written); });
  }
  measure_seals(ended);
}

// Above the rate of its execution a replay is answered without an entry of its own. What it tells is durable already.
void Pipeline::meter_replay(Attempt& attempt) {
  ReplayMeter::Ruling ruling = replays_.rule(parts_.clock->monotonic(), attempt.exec_id, attempt.entry);
  append_suppressed(std::move(ruling.suppressed));
  if (ruling.record) return;
  meters_.suppressed_replay();
  attempt.outcome = outcome_of(attempt);
  attempt.seat.land();
}

// The one place where an attempt that ran becomes a success: its end is durable, and so is its entry.
void Pipeline::conclude(Attempt& attempt, const Operation& written) {
  const bool durable = written.status.ok() && written.entry;
  if (!durable && attempt.claimed) return lose(attempt, written.status.detail());
  if (!durable) {
    const bool full = written.status.code() == Code::overloaded;
    return fail(attempt, Status(full ? Code::overloaded : Code::store_failed, written.status.detail() + "; nothing ran"));
  }
  if (attempt.claimed) decoy_.offer(attempt.entry.nonce);
  remember(attempt, *written.entry);
  attempt.outcome = outcome_of(attempt);
  attempt.outcome->entry = std::move(attempt.json);
  attempt.outcome->entry_index = written.entry;
  attempt.seat.land();
  if (attempt.options.proof) attempt.outcome->proof = proof_of(*written.entry);
}

// Everybody has an answer by now. A clock that fails here takes nothing back.
void Pipeline::measure_seals(std::span<Attempt* const> ended) {
  const auto is_sealed = [](const Attempt* attempt) {
    return attempt->claimed && attempt->outcome && attempt->outcome->entry_index;
  };
  if (std::none_of(ended.begin(), ended.end(), is_sealed)) return;
  const auto measure_each = [&] {
    const auto now = parts_.clock->monotonic();
    for (const Attempt* attempt : ended)
      if (is_sealed(attempt)) meters_.sealed(attempt->claims_at, now);
  };
  base::call_foreign(measure_each, [] {});
}

std::string Pipeline::proof_of(std::uint64_t index) {
  const auto prove = [&] {
    TransparencyLog* const log = parts_.log->transparency();
    if (log == nullptr) return std::string();
    Result<std::string> proof = log->prove(index);
    return proof.ok() ? *std::move(proof) : std::string();
  };
  // The attempt is at its end; what came of it is no less true for want of a proof.
  return base::call_foreign(prove, [] { return std::string(); });
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

// Nothing ran, or nothing more.
void Pipeline::refuse(Attempt& attempt, const Status& why) {
  if (!attempt.proposal) attempt.entry.request_hash = digest_of(attempt.arrival);
  const RefusalMeter::Ruling ruling = refusals_.rule(parts_.clock->monotonic(), why.code() == Code::overloaded);
  append_suppressed(ruling.suppressed);
  attempt.recorded = ruling.record;
  if (!ruling.record) meters_.suppressed_refusal();
  const bool flood = !ruling.record && why.code() != Code::overloaded;
  const Status no = flood ? Status(Code::overloaded, "too many refusals a second; nothing ran") : why;
  attempt.ending = Ending{};
  attempt.ending->code = no.code();
  attempt.ending->result = error_text(no.code());
  attempt.ending->detail = no.detail();
  attempt.ending->http = no.http();
  // The attempt that is waited for may be inside its handler by now.
  if (no.code() == Code::in_progress) attempt.ending->effect = Effect::unknown;
}

// The outcome of an earlier attempt, told again to a caller who may know.
void Pipeline::tell(Attempt& attempt, const NonceRecord& record) {
  if (record.state == NonceState::sealed) {
    auto sealed = std::make_shared<SealedOutcome>();
    sealed->record = record;
    const auto [result, remark] = read_stored(record.result);
    sealed->record.result = result;
    if (record.code == Code::ok)
      sealed->form = form_of(remark);
    else
      sealed->detail = remark;
    if (record.code == Code::ok && record.result.empty()) {
      if (!recall_removed(*sealed)) {
        refuse(attempt, Status(Code::store_failed, "it executed; its result was removed, and its entry cannot be read"));
        attempt.ending->effect = Effect::unknown;
        return;
      }
    } else if (record.code == Code::ok) {
      const Result<canon::Document> value = canon::parse(result, {result.size(), 128});
      if (value.ok()) sealed->result_hash = crypto::sha256(canon::jcs(value->root()));
    }
    tell(attempt, *sealed);
    if (!record.retryable) recent_.add(attempt.exec_id, std::move(sealed));  // else another attempt may follow
    return;
  }
  if (record.state == NonceState::claimed && !flights_.lost(attempt.exec_id))
    return refuse(attempt, Status(Code::in_progress, "the first attempt is still running"));
  attempt.replayed = true;
  attempt.entry.prior = record.entry;
  attempt.entry.attempt = record.attempt;
  Ending ending;
  ending.verdict = Verdict::in_doubt;
  ending.code = Code::in_doubt;
  ending.effect = Effect::unknown;
  ending.result = error_text(ending.code);
  ending.detail = read_stored(record.result).remark;
  if (ending.detail.empty())
    ending.detail = "the handler may have run and no outcome was recorded; it is never run again";
  attempt.ending = std::move(ending);
}

// A result that was removed on purpose is told as null. Its hash and its receipt are in the entry that sealed it.
bool Pipeline::recall_removed(SealedOutcome& sealed) {
  if (!sealed.record.entry) return false;
  const auto lines = parts_.log->read(*sealed.record.entry, 1);
  if (!lines.ok() || lines->empty() || lines->front().index != *sealed.record.entry) return false;
  Result<Entry> entry = Entry::from_json(lines->front().json);
  if (!entry.ok() || entry->exec_id != to_hex(sealed.record.exec_id)) return false;
  sealed.record.result = "null";
  sealed.result_hash = entry->result_hash;
  sealed.form = entry->result_form;
  sealed.receipt = std::move(entry->receipt);
  return true;
}

namespace {

/// What a caller is told of a failure besides its code.
std::string failed_before(const Attempt& attempt, const NonceRecord& record) {
  const bool again = record.retryable && attempt.handler != nullptr && record.attempt <= attempt.handler->retry_none;
  if (again) return "the attempt before failed, and nothing happened; sent again, the request may run";
  if (record.attempt == 1) return "the first attempt failed; its outcome is final";
  return "attempt " + std::to_string(record.attempt) + " failed; its outcome is final";
}

}  // namespace

void Pipeline::tell(Attempt& attempt, const SealedOutcome& sealed) {
  attempt.replayed = true;
  attempt.entry.prior = sealed.record.entry;
  attempt.entry.attempt = sealed.record.attempt;
  Ending ending;
  ending.retryable = sealed.record.retryable;
  ending.verdict = Verdict::replayed;
  ending.code = sealed.record.code;
  ending.effect = sealed.record.effect;
  ending.result = sealed.record.result;
  ending.result_hash = sealed.result_hash;
  ending.receipt = sealed.receipt;
  ending.form = sealed.form;
  ending.detail = sealed.detail;
  if (ending.code != Code::ok && ending.detail.empty()) ending.detail = failed_before(attempt, sealed.record);
  if (!sealed.receipt.empty()) ending.detail = "it executed; its result was removed, and receipt and log entry remain";
  attempt.ending = std::move(ending);
}

// So that it is told again without a look into the store. Without memory for it, the store is looked into.
void Pipeline::remember(const Attempt& attempt, std::uint64_t index) noexcept try {
  const Ending& ending = *attempt.ending;
  if (!attempt.claimed || ending.state != NonceState::sealed || ending.retryable) return;
  SealedOutcome sealed;
  sealed.record.state = ending.state;
  sealed.record.exec_id = attempt.exec_id;
  sealed.record.request_hash = attempt.entry.request_hash;
  sealed.record.approval_digest = attempt.artifact_digest;
  sealed.record.code = ending.code;
  sealed.record.effect = ending.effect;
  sealed.record.result = ending.result;
  sealed.record.entry = index;
  sealed.record.attempt = attempt.number;
  sealed.result_hash = ending.result_hash;
  sealed.form = ending.form;
  if (ending.code != Code::ok) sealed.detail = ending.detail;
  recent_.add(attempt.exec_id, std::make_shared<const SealedOutcome>(std::move(sealed)));
} catch (const std::bad_alloc&) {
}

// An answer without an entry: a flood, or a store that could not write one. Nothing ran.
void Pipeline::fail(Attempt& attempt, const Status& why) {
  Ending ending;
  ending.code = why.code();
  ending.detail = why.detail();
  ending.http = why.http();
  end_without_entry(attempt, std::move(ending));
}

// It ran, or may have, and its end is not durable. Its flight is lost, and the next opening of the store finds an orphan.
void Pipeline::lose(Attempt& attempt, std::string_view why) {
  Ending ending = entered();
  ending.code = Code::store_failed;
  ending.detail = "in doubt: the handler may have run, and its outcome could not be made durable: " + std::string(why);
  end_without_entry(attempt, std::move(ending));
}

void Pipeline::end_without_entry(Attempt& attempt, Ending ending) {
  attempt.replayed = false;
  write_entry(attempt.entry, ending, attempt.json);
  attempt.ending = std::move(ending);
  attempt.outcome = outcome_of(attempt);
  attempt.seat = {};
}

// A store that is its own log takes all in one durable step. Another is the log's outbox: it seals, and feeds the log.
void Pipeline::submit(std::span<Operation> operations) {
  if (parts_.store->log() == parts_.log.get()) return parts_.store->submit(operations);
  for (Operation& operation : operations) {
    if (const auto* line = std::get_if<const NewEntry*>(&operation.what)) {
      answer(operation, parts_.log->append(**line));
      continue;
    }
    parts_.store->submit({&operation, 1});
    if (const auto* seal = std::get_if<const Seal*>(&operation.what); seal && operation.status.ok())
      answer(operation, feed_log((*seal)->tenant, (*seal)->nonce, (*seal)->exec_id, (*seal)->entry));
  }
}

// Idempotent: an entry that was appended before a crash is found again by its own hash.
Result<std::uint64_t> Pipeline::feed_log(std::string_view tenant, std::string_view nonce, const Digest& exec_id,
                                         std::string_view entry) {
  const auto index =
      parts_.log->append({.json = entry, .exec_id = exec_id, .attempt = crypto::sha256(entry), .at = time_.read().trusted});
  if (!index.ok()) return index;
  if (Status noted = parts_.store->logged(tenant, nonce, *index); !noted.ok()) return noted;
  return index;
}

void Pipeline::append_suppressed(std::uint64_t count) {
  if (count == 0) return;
  Entry entry;
  entry.verdict = Verdict::suppressed;
  entry.code = Code::overloaded;
  entry.tenant = config_.tenant;
  entry.executor = config_.executor;
  const Timestamp at = stamp(entry);
  entry.count = count;
  entry.receipt = receipt_of({}, error_text(entry.code));
  const std::string json = entry.to_json();
  // It stands for refusals that were answered already: if it cannot be written there is nobody to tell.
  (void)parts_.log->append({.json = json, .at = at});
}

void Pipeline::append_suppressed(std::vector<Entry> replays) {
  if (replays.empty()) return;
  std::vector<std::string> texts;
  std::vector<NewEntry> entries;
  std::vector<Operation> operations;
  texts.reserve(replays.size());
  entries.reserve(replays.size());
  for (Entry& replay : replays) {
    const Timestamp at = stamp(replay);
    texts.push_back(replay.to_json());
    Digest exec_id{};
    (void)from_hex(replay.exec_id, exec_id);
    entries.push_back({.json = texts.back(), .exec_id = exec_id, .at = at});
  }
  for (const NewEntry& entry : entries) operations.push_back({.what = &entry});
  submit(operations);  // as above: there is nobody to tell
}

// Says in the entry when it was made. Returns the trusted time, which the store counts and approvals are judged by.
Timestamp Pipeline::stamp(Entry& entry) {
  const Timekeeper::Reading now = time_.read();
  entry.observed_at = now.observed;
  entry.trusted_at.reset();
  if (now.suspect) entry.trusted_at = now.trusted;
  return now.trusted;
}

namespace {

std::string_view kind_name(ControlKind kind, bool stands) {
  switch (kind) {
    case ControlKind::halt: return stands ? "halt" : "resume";
    case ControlKind::revoke_approval: return "revoke_approval";
    case ControlKind::revoke_key: return "revoke_key";
    case ControlKind::confirm_clock: return "confirm_clock";
  }
  return {};
}

Status check(const ControlName& name, const Order& order) {
  const auto wrong = [](std::string_view member, std::string_view fault) {
    return Status(Code::invalid_argument, std::string(member).append(": ").append(fault));
  };
  if (Status status = check_who_and_why(order); !status.ok()) return status;
  if (const auto fault = base::tenant_fault(order.tenant); !order.tenant.empty() && !fault.empty())
    return wrong("tenant", fault);
  const bool confirms = name.kind == ControlKind::confirm_clock;
  if (confirms && !order.tenant.empty()) return wrong("tenant", "a clock is every tenant's; leave it out");
  if (const auto fault = base::label_fault(name.id); name.kind != ControlKind::halt && !confirms && !fault.empty())
    return wrong("id", fault);
  return Status::success();
}

}  // namespace

// It starts as overloaded, which says that nothing was done, and becomes store_failed when what tightens holds.
Outcome Pipeline::order(ControlKind kind, std::string_view id, bool stands, const Order& order) {
  const base::CancellationPutOff put_off;
  Outcome outcome;
  outcome.code = Code::overloaded;
  const auto obey = [&] {
    const ControlName name{kind, std::string(id), std::string(order.tenant)};
    if (const Status no = check(name, order); no.ok()) {
      if (kind == ControlKind::confirm_clock)
        carry_out_confirmation(order, outcome);
      else
        carry_out(name, stands, order, outcome);
    } else {
      outcome.code = no.code();
      outcome.detail = no.detail();
    }
  };
  base::call_foreign(obey, [] {});
  outcome.http = http_status(outcome.code);
  const auto explain = [&] {
    if (outcome.detail.empty())
      outcome.detail = outcome.code == Code::overloaded ? "out of memory; nothing was ordered" : "an internal failure";
    outcome.result = error_text(outcome.code);
    outcome.receipt = receipt_of({}, outcome.result);
  };
  if (outcome.code != Code::ok) base::call_foreign(explain, [] {});
  return outcome;
}

/// An order with the entry that it leaves.
struct Pipeline::Ordered {
  Entry entry;
  Timestamp at;
  std::string json;
  std::string result;  ///< in display form
  bool lasts = true;

  void tell(std::uint64_t index, Outcome& outcome) {
    outcome.code = Code::ok;
    outcome.verdict = Verdict::control;
    outcome.result = std::move(result);
    outcome.receipt = std::move(entry.receipt);
    outcome.entry = std::move(json);
    outcome.entry_index = index;
    if (!lasts) outcome.detail = "the store keeps no orders: it lasts as long as this executor";
  }
};

Pipeline::Ordered Pipeline::write_order(ControlNote note) {
  Ordered ordered;
  Entry& entry = ordered.entry;
  entry.verdict = Verdict::control;
  entry.code = Code::ok;
  entry.tenant = config_.tenant;
  entry.executor = config_.executor;
  ordered.at = stamp(entry);
  entry.control = std::move(note);
  std::string jcs;
  append_json(*entry.control, jcs);
  entry.result_hash = crypto::sha256(jcs);
  const Result<canon::Document> document = canon::parse(jcs);
  ordered.result = canon::display(document.value().root());
  entry.receipt = receipt_of({}, ordered.result);
  ordered.json = entry.to_json();
  return ordered;
}

void Pipeline::carry_out(const ControlName& name, bool stands, const Order& order, Outcome& outcome) {
  const bool halts = name.kind == ControlKind::halt;
  const bool ours = name.tenant.empty() || name.tenant == config_.tenant;
  if (halts && stands && ours) gate_.close();  // at once, whatever another order waits for
  const std::lock_guard lock(controls_.ordering());
  if (stands) {
    controls_.set(name, true);
    if (halts && ours) gate_.close();
    if (!halts) gate_.drain();
  }
  outcome.code = Code::store_failed;

  Ordered ordered = write_order({std::string(kind_name(name.kind, stands)), name.id, name.tenant,
                                 std::string(order.who), std::string(order.why)});
  const auto index = keep({name, stands, ordered.json, ordered.at}, ordered.lasts);
  if (!index.ok() || !*index) {
    outcome.detail = (index.ok() ? "the store gave no place in the log" : index.status().detail()) +
                     (stands ? "; it holds in this executor all the same" : "; nothing was lifted");
    return;
  }
  if (stands) {
    controls_.recorded(name, **index);
  } else {
    controls_.set(name, false);
    if (!controls_.halted()) gate_.open();
  }
  ordered.tell(**index, outcome);
}

// It makes approvals valid again, so it is durable first, or does not happen.
void Pipeline::carry_out_confirmation(const Order& order, Outcome& outcome) {
  const std::lock_guard lock(controls_.ordering());
  const Timekeeper::Proposal proposal = time_.propose();
  const Result<Timestamp> latest = parts_.store->latest();
  if (!latest.ok()) {
    outcome.code = Code::store_failed;
    outcome.detail = latest.status().detail() + "; nothing was confirmed";
    return;
  }
  const Confirmation next{confirmed_.serial + 1, proposal.wall, std::max({*latest, proposal.was, proposal.wall})};
  Ordered ordered =
      write_order({std::string(kind_name(ControlKind::confirm_clock, true)), {}, {}, std::string(order.who),
                   std::string(order.why), proposal.wall, proposal.was});
  outcome.code = Code::store_failed;
  const auto index = keep({next.name(), true, ordered.json, proposal.wall}, ordered.lasts);
  if (!index.ok() || !*index) {
    outcome.detail = (index.ok() ? "the store gave no place in the log" : index.status().detail()) +
                     "; nothing was confirmed";
    return;
  }
  time_.confirm(proposal);
  confirmed_ = next;
  ordered.tell(**index, outcome);
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
                       .submit = [this](std::span<Operation> operations) { submit(operations); },
                       .stamp = [this](Entry& entry) { return stamp(entry); }};
  base::call_foreign([&] { answer = settle_doubt(desk, exec_id, found, order); }, [] {});
  return answer;
}

// Durable with its entry. A store that keeps no controls leaves the entry to the log.
Result<std::optional<std::uint64_t>> Pipeline::keep(const ControlChange& change, bool& lasts) {
  Result<std::optional<std::uint64_t>> kept = parts_.store->control(change);
  lasts = kept.code() != Code::invalid_argument;
  const bool own_log = parts_.store->log() == parts_.log.get();
  if (lasts && (!kept.ok() || own_log)) return kept;
  const Result<std::uint64_t> index = lasts ? feed_log(change.name.tenant, {}, {}, change.entry)
                                            : parts_.log->append({.json = change.entry, .at = change.at});
  if (!index.ok()) return index.status();
  return std::optional(*index);
}

Result<Recovery> Pipeline::recover() {
  Recovery found;
  decoy_.look_for_one(*parts_.log);
  auto orphans = parts_.store->orphans();
  if (!orphans.ok()) return orphans.status();
  for (const NonceRecord& orphan : *orphans)
    if (Status failed = settle_orphan(orphan, found); !failed.ok()) return failed;

  auto unlogged = parts_.store->unlogged();
  if (!unlogged.ok()) return unlogged.status();
  for (const Unlogged& line : *unlogged) {
    if (const auto index = feed_log(line.tenant, line.nonce, line.exec_id, line.entry); !index.ok()) return index.status();
    ++found.relogged;
  }
  return found;
}

// A claim whose process died becomes in doubt, with a receipt; then its handler may say what took place.
Status Pipeline::settle_orphan(const NonceRecord& orphan, Recovery& found) {
  Entry entry = entry_of(orphan, config_.executor);
  const auto end = [&](const HandlerResult& said) {
    Ending ending = judge(said);
    std::string json;
    const Timestamp at = stamp(entry);
    write_entry(entry, ending, json);
    add_remark(ending);
    const Seal seal{.tenant = orphan.tenant,
                    .nonce = orphan.nonce,
                    .exec_id = orphan.exec_id,
                    .state = ending.state,
                    .code = ending.code,
                    .effect = ending.effect,
                    .result = text_for_store(ending),
                    .entry = json,
                    .at = at,
                    .attempt = orphan.attempt};
    Operation operation{.what = &seal};
    submit({&operation, 1});
    entry.prior = operation.entry;
    return operation.status;
  };
  if (Status failed = end(HandlerResult::in_doubt({})); !failed.ok()) return failed;
  ++found.in_doubt;

  const HandlerTable::Row* handler = handlers_.find(orphan.action);
  if (handler == nullptr || !handler->reconcile) return Status::success();
  const HandlerResult said = base::call_foreign(
      [&] {
        return handler->reconcile({.exec_id = entry.exec_id, .action = orphan.action, .tenant = orphan.tenant, .attempt = orphan.attempt});
      },
      [] { return HandlerResult::in_doubt("the reconcile function threw"); });
  if (said.kind() == HandlerResult::Kind::in_doubt) return Status::success();
  if (Status failed = end(said); !failed.ok()) return failed;
  ++found.settled;
  return Status::success();
}

}  // namespace openexec::exec
