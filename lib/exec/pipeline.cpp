#include "exec/pipeline.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "exec/identity.hpp"

namespace openexec::exec {

// bytes ─ canon ─ limits, halt ─ known nonce? ─ allow-list, handler ─ verify ─ CLAIM ─ handler ─ SEAL + APPEND ─ reply
//
// A step that cannot go on answers, and its answer is recorded. What no step answered was approved, and is claimed.
Outcome Pipeline::walk(Attempt& attempt) {
  std::optional<Outcome> answer;
  const bool answered = (answer = canonicalise(attempt))  // one strict parse; what is hashed is what runs
                        || (answer = hold_limits(attempt))
                        || (answer = check_halt(attempt))
                        || (answer = recall(attempt))  // before anything that depends on time
                        || (answer = admit(attempt))
                        || (answer = verify(attempt))  // before the claim: a stranger burns no nonce
                        || (answer = claim(attempt));  // durable before the handler is entered
  return answered ? *std::move(answer) : seal(attempt, handle(attempt));
}

namespace {

std::string error_text(Code code) {
  std::string text = R"({"error": ")";
  text.append(name(code)).append("\"}");
  return text;
}

/// What a malformed request is known by: the SHA-256 of its bytes; of its four parts, each behind its length.
Digest digest_of(const Arrival& arrival) {
  if (const auto* text = std::get_if<std::string_view>(&arrival)) return crypto::sha256(*text);
  const auto& request = std::get<Request>(arrival);
  std::string bytes;
  for (const std::string_view part : {request.action, request.payload, request.nonce, request.approval_artifact})
    bytes.append(std::to_string(part.size())).append(":").append(part);
  return crypto::sha256(bytes);
}

Result<Proposal> parse(const Arrival& arrival, const Config& config, const CallOptions& options) {
  const RequestLimits& limits = config.limits.request;
  if (const auto* text = std::get_if<std::string_view>(&arrival))
    return Proposal::parse_json(*text, config.tenant, limits, options.nonce);
  Request request = std::get<Request>(arrival);
  if (options.nonce && request.nonce.empty()) request.nonce = *options.nonce;
  if (options.nonce && request.nonce != *options.nonce)
    return Status(Code::malformed_request, "nonce: differs from the one given beside the request");
  return Proposal::parse(request, config.tenant, limits);
}

/// Reads back what to_json(ApprovalNote) wrote.
std::optional<ApprovalNote> read_approval(std::string_view json) {
  const Result<canon::Document> document = canon::parse(json);
  if (!document.ok() || !document->root().is(canon::Type::object)) return std::nullopt;
  const auto text = [&](std::string_view key) {
    const auto member = document->root().find(key);
    return std::string(member && member->is(canon::Type::string) ? member->string() : std::string_view());
  };
  ApprovalNote note{text("profile"), text("id"), {}, {}};
  if (!from_hex(text("digest"), note.digest)) note.digest = Digest{};
  if (const auto keys = document->root().find("keys"); keys && keys->is(canon::Type::array))
    for (const canon::View::Member key : *keys)
      if (key.value.is(canon::Type::string)) note.keys.emplace_back(key.value.string());
  return note;
}

}  // namespace

Pipeline::Pipeline(Config config, Parts parts, HandlerTable handlers)
    : config_(std::move(config)),
      parts_(std::move(parts)),
      handlers_(std::move(handlers)),
      in_flight_(config_.limits.max_in_flight),
      refusals_(config_.limits.max_refusals_per_second) {
  if (config_.allowed_actions) allowed_.emplace(config_.allowed_actions->begin(), config_.allowed_actions->end());
}

Pipeline::~Pipeline() {
  try {
    append_suppressed(refusals_.rest());
  } catch (...) {  // nothing that a destructor could still say
  }
}

Outcome Pipeline::run(const Arrival& arrival, const CallOptions& options) noexcept try {
  Attempt attempt(arrival, options, in_flight_.enter());
  try {
    attempt.entry.tenant = config_.tenant;
    attempt.entry.executor = config_.executor;
    attempt.entry.observed_at = now();
    attempt.deadline = std::chrono::steady_clock::now() + options.max_wait.value_or(config_.limits.max_wait);
    return walk(attempt);
  } catch (...) {
    // Out of memory, or a part that broke its contract. What was claimed may have run.
    if (attempt.claimed) return lose(attempt, "an internal failure");
    return refuse(attempt, Status(Code::store_failed, "an internal failure; nothing ran"));
  }
} catch (...) {
  Outcome outcome;
  outcome.http = http_status(outcome.code);
  return outcome;
}

std::optional<Outcome> Pipeline::canonicalise(Attempt& attempt) {
  if (inside_.this_thread())
    return refuse(attempt, Status(Code::invalid_argument, "a handler must not call the executor that runs it", 500));
  Result<Proposal> proposal = parse(attempt.arrival, config_, attempt.options);
  if (!proposal.ok()) return refuse(attempt, proposal.status());
  attempt.proposal.emplace(*std::move(proposal));

  attempt.exec_id = exec::exec_id(*attempt.proposal, *parts_.hasher);

  Entry& entry = attempt.entry;
  entry.request_hash = request_hash(*attempt.proposal, *parts_.hasher);
  entry.exec_id = to_hex(attempt.exec_id);
  entry.action = attempt.proposal->action();
  entry.nonce = attempt.proposal->nonce();
  if (!parts_.verifier->profile().empty() && !attempt.proposal->artifact().empty())
    entry.approval = ApprovalNote{std::string(parts_.verifier->profile()), {}, attempt.proposal->artifact_digest(), {}};
  return std::nullopt;
}

std::optional<Outcome> Pipeline::hold_limits(Attempt& attempt) {
  if (attempt.place.taken()) return std::nullopt;
  return refuse(attempt, Status(Code::overloaded, "too many attempts are under way; nothing ran"));
}

std::optional<Outcome> Pipeline::check_halt(Attempt& attempt) {
  if (!gate_.closed()) return std::nullopt;
  return refuse(attempt, Status(Code::halted, "the kill switch is on"));
}

bool Pipeline::may_know(const Attempt& attempt, const NonceRecord& record) const {
  if (parts_.verifier->profile().empty() || attempt.approval) return true;
  return record.approval_digest != Digest{} && attempt.proposal->artifact_digest() == record.approval_digest;
}

// What became of this very request before, for a caller who may know. Anybody else walks on, and learns nothing.
std::optional<Outcome> Pipeline::recall(Attempt& attempt) {
  for (;;) {
    const auto found = parts_.store->find(attempt.proposal->tenant(), attempt.proposal->nonce());
    if (!found.ok()) return refuse(attempt, found.status());
    const std::optional<NonceRecord>& record = *found;
    if (!record || record->request_hash != attempt.entry.request_hash || !may_know(attempt, *record)) return std::nullopt;
    if (record->state != NonceState::claimed || attempt.seat.leads()) return tell(attempt, *record);
    attempt.seat = flights_.board(attempt.exec_id);
    if (!attempt.seat.leads() && !attempt.seat.landed_by(attempt.deadline)) return tell(attempt, *record);
  }
}

std::optional<Outcome> Pipeline::admit(Attempt& attempt) {
  const std::string action(attempt.proposal->action());
  if (allowed_ && allowed_->count(action) == 0)
    return refuse(attempt, Status(Code::action_not_allowed, "Action not on the allow-list: " + action));
  attempt.handler = handlers_.find(action);
  if (attempt.handler == nullptr) return refuse(attempt, Status(Code::unknown_action, "Unknown action: " + action));
  return std::nullopt;
}

std::optional<Outcome> Pipeline::verify(Attempt& attempt) {
  Result<Approval> approval = [&]() -> Result<Approval> {
    try {
      return parts_.verifier->verify(*attempt.proposal, attempt.entry.observed_at);
    } catch (...) {
      return Status(Code::approval_signature_invalid, "the verifier failed");
    }
  }();
  if (!approval.ok()) {
    const Status& no = approval.status();
    const bool in_table = no.code() >= Code::approval_missing && no.code() < Code::approval_spent;
    return refuse(attempt, in_table ? no : Status(Code::approval_signature_invalid, "the verifier failed: " + no.detail()));
  }
  if (!parts_.verifier->profile().empty()) {
    if (approval->id.empty()) return refuse(attempt, Status(Code::approval_malformed, "the approval has no id to spend"));
    attempt.entry.approval =
        ApprovalNote{approval->profile, approval->id, attempt.proposal->artifact_digest(), approval->keys};
  }
  attempt.approval.emplace(*std::move(approval));
  return std::nullopt;
}

// Spends nonce and approval in one durable step. Equal attempts in this process wait for the first one's outcome.
std::optional<Outcome> Pipeline::claim(Attempt& attempt) {
  while (!attempt.seat.leads()) {
    attempt.seat = flights_.board(attempt.exec_id);
    if (attempt.seat.leads()) break;
    if (!attempt.seat.landed_by(attempt.deadline))
      return refuse(attempt, Status(Code::in_progress, "the first attempt is still running"));
    if (auto answer = recall(attempt)) return answer;
  }
  attempt.passage = gate_.pass();
  if (!attempt.passage.open()) return check_halt(attempt);

  const std::string note = attempt.entry.approval ? to_json(attempt.entry.approval) : std::string();
  const auto answer = parts_.store->claim({.tenant = attempt.proposal->tenant(),
                                           .nonce = attempt.proposal->nonce(),
                                           .action = attempt.proposal->action(),
                                           .exec_id = attempt.exec_id,
                                           .request_hash = attempt.entry.request_hash,
                                           .approval_id = attempt.approval->id,
                                           .approval_digest = attempt.proposal->artifact_digest(),
                                           .approval = note,
                                           .at = attempt.entry.observed_at});
  if (!answer.ok()) return refuse(attempt, answer.status());
  switch (answer->kind) {
    case ClaimAnswer::Kind::fresh: attempt.claimed = true; return std::nullopt;
    case ClaimAnswer::Kind::exists:
      if (answer->record) return tell(attempt, *answer->record);
      break;
    case ClaimAnswer::Kind::nonce_conflict:
      return refuse(attempt, Status(Code::nonce_conflict, "nonce: used by another action or payload"));
    case ClaimAnswer::Kind::approval_spent:
      return refuse(attempt, Status(Code::approval_spent, "approval: used under another nonce"));
  }
  return refuse(attempt, Status(Code::store_failed, "the store gave no answer; nothing ran"));
}

HandlerResult Pipeline::handle(Attempt& attempt) {
  const InsideHandlers::Mark mark(inside_);
  attempt.passage.end();
  try {
    return attempt.handler->run({.exec_id = attempt.entry.exec_id,
                                 .action = attempt.entry.action,
                                 .payload = attempt.proposal->payload(),
                                 .tenant = attempt.entry.tenant,
                                 .deadline = parts_.clock->monotonic() + attempt.handler->deadline,
                                 .cancellation = attempt.options.cancellation});
  } catch (...) {
    return HandlerResult::in_doubt("the handler threw");
  }
}

/// How an attempt ends: what the receipt and the store say of it.
struct Pipeline::Ending {
  NonceState state = NonceState::in_doubt;
  Verdict verdict = Verdict::in_doubt;
  Code code = Code::in_doubt;
  Effect effect = Effect::unknown;
  std::string result = error_text(Code::in_doubt);
  std::optional<Digest> result_hash;
  std::string detail;
};

Pipeline::Ending Pipeline::judge(const HandlerResult& said) const {
  Ending ending;
  ending.detail = said.text();
  const auto failed = [&](Code code, Effect effect) {
    ending.state = NonceState::sealed;
    ending.verdict = Verdict::failed;
    ending.code = code;
    ending.effect = effect;
    ending.result = error_text(code);
  };
  switch (said.kind()) {
    case HandlerResult::Kind::in_doubt: break;
    case HandlerResult::Kind::failed: failed(Code::handler_failed, said.effect()); break;
    case HandlerResult::Kind::result: {
      const Result<canon::Document> result = canon::parse(said.text(), {config_.limits.max_result_bytes, 128});
      if (!result.ok()) {
        failed(Code::result_invalid, Effect::unknown);
        ending.detail = "the handler's result: " + result.status().detail();
        break;
      }
      ending.state = NonceState::sealed;
      ending.verdict = Verdict::executed;
      ending.code = Code::ok;
      ending.effect = Effect::confirmed;
      ending.result = canon::display(result->root());
      ending.result_hash = crypto::sha256(canon::jcs(result->root()));
      ending.detail.clear();
    }
  }
  return ending;
}

namespace {

/// The attempt's own answer, from the entry that records it.
Outcome answer_with(const Entry& entry, std::string result, std::string detail) {
  Outcome outcome;
  outcome.code = entry.code;
  outcome.http = http_status(entry.code);
  outcome.verdict = entry.verdict;
  outcome.effect = entry.effect;
  outcome.exec_id = entry.exec_id;
  outcome.action = entry.action;
  outcome.result = std::move(result);
  outcome.receipt = entry.receipt;
  outcome.detail = std::move(detail);
  return outcome;
}

}  // namespace

// The one place where an attempt becomes a success: its end is durable, and so is its entry.
Outcome Pipeline::seal(Attempt& attempt, const HandlerResult& said) {
  Ending ending = judge(said);
  Entry& entry = attempt.entry;
  entry.verdict = ending.verdict;
  entry.effect = ending.effect;
  entry.code = ending.code;
  entry.result_hash = ending.result_hash;
  entry.receipt = receipt_of(entry.exec_id, ending.result);
  const std::string json = entry.to_json();

  const Result<std::uint64_t> index = commit({.tenant = entry.tenant,
                                              .nonce = entry.nonce,
                                              .exec_id = attempt.exec_id,
                                              .state = ending.state,
                                              .code = ending.code,
                                              .effect = ending.effect,
                                              .result = ending.result,
                                              .entry = json,
                                              .at = entry.observed_at});
  if (!index.ok()) return lose(attempt, index.status().detail());
  Outcome outcome = answer_with(entry, std::move(ending.result), std::move(ending.detail));
  outcome.entry = json;
  outcome.entry_index = *index;
  return outcome;
}

// Nothing ran, or nothing more. An entry that cannot be written makes it a fault.
Outcome Pipeline::refuse(Attempt& attempt, const Status& why) {
  attempt.passage.end();
  Entry& entry = attempt.entry;
  entry.verdict = Verdict::refused;
  entry.effect = Effect::none;
  entry.code = why.code();
  if (!attempt.proposal) entry.request_hash = digest_of(attempt.arrival);

  const RefusalMeter::Ruling ruling = refusals_.rule(parts_.clock->monotonic(), why.code() == Code::overloaded);
  append_suppressed(ruling.suppressed);
  std::string detail = why.detail();
  int http = why.http();
  if (!ruling.record && why.code() != Code::overloaded) {
    entry.code = Code::overloaded;
    detail = "too many refusals a second; nothing ran";
    http = http_status(entry.code);
  }
  std::string result = error_text(entry.code);
  entry.receipt = receipt_of(entry.exec_id, result);
  std::string json;
  std::optional<std::uint64_t> index;
  if (ruling.record) {
    json = entry.to_json();
    if (const auto place = append(entry, json); place.ok()) {
      index = *place;
    } else {
      entry.code = place.code() == Code::overloaded ? Code::overloaded : Code::store_failed;
      detail = place.status().detail() + "; nothing ran";
      http = http_status(entry.code);
      result = error_text(entry.code);
      entry.receipt = receipt_of(entry.exec_id, result);
      json.clear();
    }
  }
  Outcome outcome = answer_with(entry, std::move(result), std::move(detail));
  outcome.http = http;
  outcome.entry = std::move(json);
  outcome.entry_index = index;
  return outcome;
}

// The outcome of an earlier attempt, told again to a caller who may know.
Outcome Pipeline::tell(Attempt& attempt, const NonceRecord& record) {
  const bool lost = lost_.has(attempt.exec_id);
  if (record.state == NonceState::claimed && !lost)
    return refuse(attempt, Status(Code::in_progress, "the first attempt is still running"));
  attempt.passage.end();

  const bool sealed = record.state == NonceState::sealed;
  Entry& entry = attempt.entry;
  entry.verdict = sealed ? Verdict::replayed : Verdict::in_doubt;
  entry.effect = sealed ? record.effect : Effect::unknown;
  entry.code = sealed ? record.code : Code::in_doubt;
  entry.prior = record.entry;
  std::string result = sealed ? record.result : error_text(Code::in_doubt);
  entry.receipt = receipt_of(entry.exec_id, result);
  if (sealed && record.code == Code::ok) {
    const Result<canon::Document> value = canon::parse(result, {result.size(), 128});
    if (value.ok()) entry.result_hash = crypto::sha256(canon::jcs(value->root()));
  }

  const std::string json = entry.to_json();
  const Result<std::uint64_t> index = append(entry, json);
  if (!index.ok()) return refuse(attempt, index.status());
  std::string detail;
  if (!sealed) detail = "the handler may have run and no outcome was recorded; it is never run again";
  if (sealed && record.code != Code::ok) detail = "the first attempt failed; its outcome is final";
  Outcome outcome = answer_with(entry, std::move(result), std::move(detail));
  outcome.replayed = true;
  outcome.entry = json;
  outcome.entry_index = *index;
  return outcome;
}

// It ran, or may have, and its end is not durable. The next opening of the store finds an orphan.
Outcome Pipeline::lose(Attempt& attempt, std::string_view why) {
  lost_.add(attempt.exec_id);
  Entry& entry = attempt.entry;
  entry.verdict = Verdict::in_doubt;
  entry.effect = Effect::unknown;
  entry.code = Code::store_failed;
  std::string result = error_text(entry.code);
  entry.receipt = receipt_of(entry.exec_id, result);
  return answer_with(entry, std::move(result), "in doubt: the handler may have run, and its outcome could not be made durable: " + std::string(why));
}

Result<std::uint64_t> Pipeline::append(const Entry& entry, const std::string& json) {
  NewEntry line{.json = json};
  if (!from_hex(entry.exec_id, line.exec_id)) line.exec_id = Digest{};
  line.at = entry.observed_at;
  return parts_.log->append(line);
}

// A store that is its own log seals and appends in one step. Another is the log's outbox.
Result<std::uint64_t> Pipeline::commit(const Seal& seal) {
  const auto sealed = parts_.store->seal(seal);
  if (!sealed.ok()) return sealed.status();
  if (*sealed && parts_.store->log() == parts_.log.get()) return **sealed;
  const auto index = parts_.log->append(
      {.json = seal.entry, .exec_id = seal.exec_id, .attempt = crypto::sha256(seal.entry), .at = seal.at});
  if (!index.ok()) return index.status();
  if (Status noted = parts_.store->logged(seal.tenant, seal.nonce, *index); !noted.ok()) return noted;
  return *index;
}

void Pipeline::append_suppressed(std::uint64_t count) {
  if (count == 0) return;
  Entry entry;
  entry.verdict = Verdict::suppressed;
  entry.code = Code::overloaded;
  entry.tenant = config_.tenant;
  entry.executor = config_.executor;
  entry.observed_at = now();
  entry.count = count;
  entry.receipt = receipt_of({}, error_text(entry.code));
  (void)append(entry, entry.to_json());  // it stands for refusals that were answered already: nobody to tell
}

// The highest time seen by anyone who used this store: a clock that is set back makes nothing valid again.
Timestamp Pipeline::now() {
  const std::int64_t clock = parts_.clock->now().micros;
  std::int64_t seen = latest_.load();
  while (clock > seen && !latest_.compare_exchange_weak(seen, clock)) {
  }
  return {std::max(clock, seen)};
}

Result<Recovery> Pipeline::recover() {
  Recovery found;
  auto orphans = parts_.store->orphans();
  if (!orphans.ok()) return orphans.status();
  Status failure = Status::success();
  for (const NonceRecord& orphan : *orphans) {
    settle_orphan(orphan, found, failure);
    if (!failure.ok()) return failure;
  }
  auto unlogged = parts_.store->unlogged();
  if (!unlogged.ok()) return unlogged.status();
  for (const Unlogged& line : *unlogged) {
    const auto index = parts_.log->append(
        {.json = line.entry, .exec_id = line.exec_id, .attempt = crypto::sha256(line.entry), .at = now()});
    if (!index.ok()) return index.status();
    if (Status noted = parts_.store->logged(line.tenant, line.nonce, *index); !noted.ok()) return noted;
    ++found.relogged;
  }
  return found;
}

// A claim whose process died becomes in doubt, with a receipt; then its handler may say what took place.
void Pipeline::settle_orphan(const NonceRecord& orphan, Recovery& found, Status& failure) {
  const std::string exec_id = to_hex(orphan.exec_id);
  std::optional<std::uint64_t> prior;
  const auto end = [&](const HandlerResult& said) {
    const Ending ending = judge(said);
    Entry entry;
    entry.verdict = ending.verdict;
    entry.effect = ending.effect;
    entry.code = ending.code;
    entry.exec_id = exec_id;
    entry.action = orphan.action;
    entry.nonce = orphan.nonce;
    entry.tenant = orphan.tenant;
    entry.request_hash = orphan.request_hash;
    entry.approval = read_approval(orphan.approval);
    entry.result_hash = ending.result_hash;
    entry.receipt = receipt_of(exec_id, ending.result);
    entry.executor = config_.executor;
    entry.observed_at = now();
    entry.prior = prior;
    const std::string json = entry.to_json();
    const auto index = commit({.tenant = orphan.tenant,
                               .nonce = orphan.nonce,
                               .exec_id = orphan.exec_id,
                               .state = ending.state,
                               .code = ending.code,
                               .effect = ending.effect,
                               .result = ending.result,
                               .entry = json,
                               .at = entry.observed_at});
    if (index.ok())
      prior = *index;
    else
      failure = index.status();
  };

  end(HandlerResult::in_doubt({}));
  if (!failure.ok()) return;
  ++found.in_doubt;

  const HandlerTable::Row* handler = handlers_.find(orphan.action);
  if (handler == nullptr || !handler->reconcile) return;
  const HandlerResult said = [&] {
    try {
      return handler->reconcile({.exec_id = exec_id, .action = orphan.action, .tenant = orphan.tenant});
    } catch (...) {
      return HandlerResult::in_doubt("the reconcile function threw");
    }
  }();
  if (said.kind() == HandlerResult::Kind::in_doubt) return;
  end(said);
  if (failure.ok()) ++found.settled;
}

}  // namespace openexec::exec
