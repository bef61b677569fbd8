// SPDX-License-Identifier: Apache-2.0
// From the request's bytes to an approval: one strict parse, what is known of its nonce, who approved it.
#include <new>
#include <string>
#include <utility>

#include "answers/doubts.hpp"
#include "base/text.hpp"
#include "base/unwind.hpp"
#include "crypto/sha256.hpp"
#include "evidence/identity.hpp"
#include "exec/pipeline.hpp"
#include "exec/replay.hpp"
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
  const CallOptions& options = attempt.options;
  if (const auto* text = std::get_if<std::string_view>(&attempt.arrival))
    return Proposal::Parts::read_json(attempt.parts, parser, *text, config.tenant, limits, options.nonce);
  Request request = std::get<Request>(attempt.arrival);
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

/// A verifier's word that it could not decide, as opposed to a no.
bool is_undecided(const Status& status) noexcept { return status.code() == Code::overloaded; }

}  // namespace

void Pipeline::canonicalise(Attempt& attempt) {
  if (inside_.this_thread())
    return refuse(attempt, Status(Code::invalid_argument, "a handler must not call the executor that runs it", 500));
  const Lent reader(recorder_.readers());
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
  if (approval.code() == Code::approval_expired) return deny(attempt, with_gap(approval.status(), time_.state()));
  if (!approval.ok()) return deny(attempt, approval.status());
  if (!parts_.verifier->profile().empty()) {
    if (approval->id.empty()) return deny(attempt, Status(Code::approval_malformed, "the approval has no id to spend"));
    if (floor_ && !(approval->issued_at && *approval->issued_at > *floor_))
      return deny(attempt,
                  Status(Code::approval_spent,
                         "the approval was issued before the ledger was adopted, and may have been spent in what "
                         "the ledger lost; ask for a new one"));
    if (approval->id.find(step_mark) != std::string::npos)
      return deny(attempt, Status(Code::approval_malformed, "the approval's id has a line feed"));
    if (approval->step || approval->constraints != Constraints{}) {
      Result<Terms> terms = hold_terms({*parts_.store, *attempt.handler, inside_}, *attempt.proposal, *approval);
      if (!terms.ok()) return deny(attempt, terms.status());
      attempt.terms = *std::move(terms);
    }
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

// Nothing ran, or nothing more.
void Pipeline::refuse(Attempt& attempt, const Status& why) {
  if (!attempt.proposal) attempt.entry.request_hash = digest_of(attempt.arrival);
  const RefusalMeter::Ruling ruling = refusals_.rule(parts_.clock->monotonic(), why.code() == Code::overloaded);
  recorder_.append_suppressed(ruling.suppressed);
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
    const auto sealed = read_sealed(record, *parts_.log);
    if (!sealed.ok()) {
      refuse(attempt, sealed.status());
      attempt.ending->effect = Effect::unknown;
      return;
    }
    tell(attempt, **sealed);
    if (!record.retryable) recent_.add(attempt.exec_id, *sealed);  // else another attempt may follow
    return;
  }
  if (record.state == NonceState::claimed && !flights_.lost(attempt.exec_id))
    return refuse(attempt, Status(Code::in_progress, "the first attempt is still running"));
  attempt.replayed = true;
  attempt.entry.prior = record.entry;
  attempt.entry.attempt = record.attempt;
  attempt.ending = still_in_doubt(record);
}

void Pipeline::tell(Attempt& attempt, const SealedOutcome& sealed) {
  attempt.replayed = true;
  attempt.entry.prior = sealed.record.entry;
  attempt.entry.attempt = sealed.record.attempt;
  attempt.ending = told_again(sealed, attempt);
}

}  // namespace openexec::exec
