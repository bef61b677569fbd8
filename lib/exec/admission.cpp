// SPDX-License-Identifier: Apache-2.0
// From the request's bytes to an approval: one strict parse, what is known of its nonce, who approved it.
#include <new>
#include <string>
#include <utility>

#include "answers/doubts.hpp"
#include "attempt/replay.hpp"
#include "base/text.hpp"
#include "base/unwind.hpp"
#include "crypto/sha256.hpp"
#include "evidence/identity.hpp"
#include "exec/pipeline.hpp"
#include "schema/schema.hpp"

namespace openexec::exec {
namespace {

/// What a malformed request is known by: the SHA-256 of its bytes; of its four parts, each behind its length.
Digest digest_of(const Arrival& arrival) {
  if (const auto* text = std::get_if<std::string_view>(&arrival)) return crypto::sha256(*text);
  const auto& request = std::get<Request>(arrival);
  std::string bytes;
  for (const std::string_view part : {request.action, request.payload, request.nonce, request.approval_artifact})
    bytes.append(std::to_string(part.size())).append(":").append(part);
  return crypto::sha256(bytes);
}

Result<Proposal> parse(Attempt& attempt, const Config& config, canon::Parser& parser) {
  const RequestLimits& limits = config.limits.request;
  const CallOptions& options = *attempt.options;
  if (const auto* text = std::get_if<std::string_view>(attempt.arrival))
    return Proposal::Parts::read_json(attempt.parts, parser, *text, config.tenant, limits, options.nonce);
  Request request = std::get<Request>(*attempt.arrival);
  if (options.nonce && request.nonce.empty()) request.nonce = *options.nonce;
  if (options.nonce && request.nonce != *options.nonce) return Status(Code::malformed_request, std::string(two_nonces));
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

}  // namespace

void Pipeline::canonicalise(Attempt& attempt) {
  if (inside_.this_thread())
    return refuse(attempt, Status(Code::invalid_argument, "a handler must not call the executor that runs it", 500));
  const Pooled reader(recorder_.readers());
  reader->expect(attempt.bytes);
  Result<Proposal> proposal = parse(attempt, config_, reader->parser);
  if (!proposal.ok()) return refuse(attempt, proposal.status());
  Parsed& parsed = attempt.parsed.emplace(Parsed{*std::move(proposal)});
  parsed.exec_id = exec::exec_id(parsed.proposal, *parts_.hasher, reader->text);
  parsed.artifact_digest = parsed.proposal.artifact_digest();

  Entry& entry = attempt.entry;
  entry.request_hash = request_hash(parsed.proposal, *parts_.hasher, reader->text);
  entry.exec_id = to_hex(parsed.exec_id);
  entry.action = parsed.proposal.action();
  entry.nonce = parsed.proposal.nonce();
  if (judge_.asks_for_approvals() && !parsed.proposal.artifact().empty())
    entry.approval = ApprovalNote{std::string(parts_.verifier->profile()), {}, parsed.artifact_digest, {}};
}

void Pipeline::hold_limits(Attempt& attempt) {
  if (!attempt.place.taken()) refuse(attempt, Status(Code::overloaded, "too many attempts are under way; nothing ran"));
}

void Pipeline::check_halt(Attempt& attempt) {
  if (gate_.closed()) refuse(attempt, Status(Code::halted, "the kill switch is on"));
}

bool Pipeline::may_know(const Attempt& attempt, const NonceRecord& record) const {
  if (!judge_.asks_for_approvals() || attempt.granted) return true;
  return record.approval_digest != Digest{} && attempt.parsed->artifact_digest == record.approval_digest;
}

// An outcome that was sealed lately, for a caller who may know it: no disk is touched, nothing is verified again.
void Pipeline::recall(Attempt& attempt) {
  const std::shared_ptr<const SealedOutcome> sealed = recent_.find(attempt.parsed->exec_id);
  if (sealed && may_know(attempt, sealed->record)) tell(attempt, *sealed);
}

// A no to come. A caller who may know what became of this very request is told that instead, whatever changed since.
// Anybody else learns nothing. What is approved needs no look: its claim finds the nonce.
void Pipeline::deny(Attempt& attempt, const Status& why) {
  if (!judge_.asks_for_approvals() || attempt.parsed->artifact_digest != Digest{}) look_back(attempt);
  if (!attempt.ended && attempt.waits_for == WaitsFor::nothing) return refuse(attempt, why);
  if (!attempt.ended || !std::exchange(attempt.ended->retryable, false)) return;
  attempt.ended->detail = "nothing happened, and it is not tried again: " + why.detail();
}

void Pipeline::look_back(Attempt& attempt) {
  for (;;) {
    const auto found = parts_.store->find(attempt.parsed->proposal.tenant(), attempt.parsed->proposal.nonce());
    if (!found.ok()) return refuse(attempt, found.status());
    const std::optional<NonceRecord>& record = *found;
    if (!record || record->request_hash != attempt.entry.request_hash || !may_know(attempt, *record)) {
      decoy_.make_up(*parts_.store, record.has_value());
      break;
    }
    if (record->state != NonceState::claimed || attempt.lease.leads()) {
      tell(attempt, *record);
      break;
    }
    if (!lead(attempt)) return;
  }
  attempt.lease = {};
}

// Of equal attempts one leads. Returns false if another one does, and this one has to wait for it.
bool Pipeline::lead(Attempt& attempt) {
  if (!attempt.lease.leads()) attempt.lease = single_flight_.lead(attempt.parsed->exec_id);
  if (!attempt.lease.leads()) attempt.waits_for = WaitsFor::equal;
  return attempt.lease.leads();
}

void Pipeline::admit(Attempt& attempt) {
  const std::string_view action = attempt.parsed->proposal.action();
  if (allowed_ && allowed_->count(action) == 0)
    return deny(attempt, Status(Code::action_not_allowed, "Action not on the allow-list: " + std::string(action)));
  attempt.action = RegisteredAction(handlers_.find(action));
  if (!attempt.action) return deny(attempt, Status(Code::unknown_action, "Unknown action: " + std::string(action)));
  const PayloadSchema* const schema = attempt.action.schema();
  if (schema == nullptr || attempt.granted) return;
  if (const Status status = schema::check(*schema, attempt.parsed->proposal.parts().payload); !status.ok())
    deny(attempt, status);
}

void Pipeline::verify(Attempt& attempt) {
  if (attempt.granted) return;  // it waited for another attempt meanwhile
  // An approval cannot be judged by a clock that jumped.
  if (attempt.entry.trusted_at && judge_.asks_for_approvals())
    return deny(attempt, suspect_clock({true, attempt.entry.observed_at, attempt.at}));
  Result<Granted> granted = judge_.grant(*attempt.parsed, attempt.action, attempt.at);
  if (granted.code() == Code::approval_expired) return deny(attempt, with_gap(granted.status(), time_.state()));
  if (!granted.ok()) return deny(attempt, granted.status());
  if (judge_.asks_for_approvals())
    attempt.entry.approval = note_of(granted->approval(), attempt.parsed->artifact_digest);
  attempt.granted.emplace(*std::move(granted));
}

// Nothing ran, or nothing more.
void Pipeline::refuse(Attempt& attempt, const Status& why) {
  if (!attempt.parsed) attempt.entry.request_hash = digest_of(*attempt.arrival);
  const RefusalMeter::Ruling ruling = refusals_.rule(parts_.clock->monotonic(), why.code() == Code::overloaded);
  recorder_.append_suppressed(ruling.suppressed);
  if (!ruling.record) meters_.suppressed_refusal();
  const bool flood = !ruling.record && why.code() != Code::overloaded;
  const Status no = flood ? Status(Code::overloaded, "too many refusals a second; nothing ran") : why;
  attempt.ended.emplace();
  attempt.ended->recorded = ruling.record;
  attempt.ended->code = no.code();
  attempt.ended->result = error_text(no.code());
  attempt.ended->detail = no.detail();
  attempt.ended->http = no.http();
  // The attempt that is waited for may be inside its handler by now.
  if (no.code() == Code::in_progress) attempt.ended->effect = Effect::unknown;
}

// The outcome of an earlier attempt, told again to a caller who may know.
void Pipeline::tell(Attempt& attempt, const NonceRecord& record) {
  if (record.state == NonceState::sealed) {
    const auto sealed = read_sealed(record, *parts_.log);
    if (!sealed.ok()) {
      refuse(attempt, sealed.status());
      attempt.ended->effect = Effect::unknown;
      return;
    }
    tell(attempt, **sealed);
    if (!record.retryable) recent_.add(attempt.parsed->exec_id, *sealed);  // else another attempt may follow
    return;
  }
  if (record.state == NonceState::claimed && !single_flight_.lost(attempt.parsed->exec_id))
    return refuse(attempt, Status(Code::in_progress, "the first attempt is still running"));
  attempt.entry.prior = record.entry;
  attempt.entry.attempt = record.attempt;
  attempt.ended.emplace(still_in_doubt(record)).replayed = true;
}

void Pipeline::tell(Attempt& attempt, const SealedOutcome& sealed) {
  attempt.entry.prior = sealed.record.entry;
  attempt.entry.attempt = sealed.record.attempt;
  attempt.ended.emplace(told_again(sealed, attempt)).replayed = true;
}

}  // namespace openexec::exec
