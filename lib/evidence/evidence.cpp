// SPDX-License-Identifier: Apache-2.0
#include "evidence/evidence.hpp"

#include <algorithm>
#include <new>
#include <openexec/hasher.hpp>
#include <span>

#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "evidence/identity.hpp"
#include "merkle/hash.hpp"

namespace openexec {
namespace exec {
namespace {

constexpr std::size_t max_payload_bytes = std::size_t{1} << 30;
constexpr std::size_t max_json_bytes = std::size_t{64} << 20;

EvidenceCheck passed() { return {Finding::passed, {}}; }
EvidenceCheck failed(std::string_view why) { return {Finding::failed, std::string(why)}; }
EvidenceCheck incomplete(std::string_view why) { return {Finding::incomplete, std::string(why)}; }
EvidenceCheck not_asked() { return {Finding::not_asked, {}}; }

EvidenceCheck from(const Status& status) { return status.ok() ? passed() : failed(status.detail()); }

/// Whom the caller takes for the log: the key given, which a policy that lists logs has to list, or else the policy's.
EvidenceCheck find_log_signature(const merkle::Note& note, const merkle::Checkpoint& checkpoint, const Trust& trust) {
  std::span<const merkle::VerifierKey> logs;
  if (trust.policy) logs = trust.policy->logs();
  if (trust.log_key) {
    const auto is_given = [&](const merkle::VerifierKey& log) { return log.write() == trust.log_key->write(); };
    if (!logs.empty() && std::none_of(logs.begin(), logs.end(), is_given))
      return failed("the policy does not list the log's key");
    logs = {&*trust.log_key, 1};
  }
  if (logs.empty()) return incomplete("no key of the log was given");

  bool is_known = false;
  bool has_signed = false;
  for (const merkle::VerifierKey& log : logs) {
    const bool is_named = log.name() == checkpoint.origin;
    is_known = is_known || is_named;
    const merkle::NoteSignature* signature = log.find_in(note);
    if (signature == nullptr) continue;
    if (Status status = log.verify(note.text, *signature); !status.ok()) return from(status);
    has_signed = has_signed || is_named;
  }
  if (!is_known) return failed("the checkpoint is another log's");
  return has_signed ? passed() : failed("the log did not sign the checkpoint");
}

EvidenceCheck find_cosignatures(const merkle::Note& note, const Trust& trust, std::vector<Cosignature>& out) {
  if (!trust.policy) return not_asked();
  const std::vector<merkle::Policy::Witness>& witnesses = trust.policy->witnesses();
  std::vector<bool> cosigned(witnesses.size());
  Status all_true = Status::success();
  for (std::size_t i = 0; i < witnesses.size(); ++i) {
    const merkle::NoteSignature* signature = witnesses[i].key.find_in(note);
    if (signature == nullptr) continue;
    if (Status status = witnesses[i].key.verify(note.text, *signature); !status.ok()) {
      all_true = status;
      continue;
    }
    cosigned[i] = true;
    out.push_back({witnesses[i].name, merkle::cosignature_time(*signature).value_or(0)});
  }
  // Who collects cosignatures leaves false ones out. Here is one, so somebody has changed the note since.
  if (!all_true.ok()) return from(all_true);
  if (Status status = trust.policy->check_quorum(cosigned); !status.ok())
    return failed(std::to_string(out.size()) + " of " + std::to_string(witnesses.size()) +
                  " witnesses cosigned: " + status.detail());
  return passed();
}

/// Something that an entry says and that a caller may hold, as text.
struct HeldText {
  EvidenceStep step;
  std::optional<std::string_view> EvidenceHeld::*held;
  std::string Entry::*named;
};
constexpr HeldText held_texts[] = {
    {EvidenceStep::exec_id, &EvidenceHeld::exec_id, &Entry::exec_id},
    {EvidenceStep::action, &EvidenceHeld::action, &Entry::action},
    {EvidenceStep::nonce, &EvidenceHeld::nonce, &Entry::nonce},
    {EvidenceStep::tenant, &EvidenceHeld::tenant, &Entry::tenant},
    {EvidenceStep::receipt, &EvidenceHeld::receipt, &Entry::receipt},
};

EvidenceCheck compare_text(std::string_view held, std::string_view named) {
  if (named.empty()) return incomplete("the entry has no such member");
  return held == named ? passed() : failed("not the one that the entry names");
}

/// The payload is read as the executor read it: null, text that holds JSON, and any spacing mean what they meant there.
EvidenceCheck compare_payload(std::string_view held, const Entry& entry) {
  if (entry.exec_id.empty()) return incomplete("the entry has no such member");
  const Request request{entry.action, held, entry.nonce, {}};
  const auto proposal = Proposal::parse(request, entry.tenant, {.max_bytes = max_payload_bytes, .max_depth = 128});
  if (!proposal.ok()) return from(proposal.status());
  const auto hasher = jcs_sha256();
  if (request_hash(*proposal, *hasher) != entry.request_hash) return failed("not the one that the entry names");
  if (to_hex(exec_id(*proposal, *hasher)) != entry.exec_id)
    return failed("the entry's exec_id is not that of its action, nonce and tenant with this payload");
  return passed();
}

EvidenceCheck compare_json(std::string_view held, const Digest& named) {
  const auto document = canon::parse(held, {max_json_bytes, 128});
  if (!document.ok()) return from(document.status());
  return crypto::sha256(canon::jcs(document->root())) == named ? passed() : failed("not the one that the entry names");
}

EvidenceCheck compare_result(std::string_view held, const Entry& entry) {
  return entry.result_hash ? compare_json(held, *entry.result_hash) : incomplete("the entry has no such member");
}

EvidenceCheck compare_approval(std::string_view held, const Entry& entry) {
  return entry.approval ? compare_json(held, entry.approval->digest) : incomplete("the entry has no such member");
}

/// What the caller does not hold is not asked about, whether there is an entry or not.
template <class Compare>
EvidenceCheck look(const std::optional<std::string_view>& held, const std::optional<Entry>& entry,
                   const Compare& compare) {
  if (!held) return not_asked();
  return entry ? compare(*held, *entry) : EvidenceCheck{};
}

/// The one place that says pass. The first four steps are asked about, whoever asks.
void conclude(EvidenceReport& report) {
  bool incomplete = false;
  for (std::size_t i = 0; i < report.checks.size(); ++i) {
    const auto step = static_cast<EvidenceStep>(i);
    const Finding finding = report.checks[i].finding;
    if (finding == Finding::passed) continue;
    if (finding == Finding::not_asked && step > EvidenceStep::log_signature) continue;
    if (finding == Finding::failed) {
      report.step = step;
      report.verdict = EvidenceVerdict::fail;
      return;
    }
    if (!incomplete) report.step = step;
    incomplete = true;
  }
  report.verdict = incomplete ? EvidenceVerdict::incomplete : EvidenceVerdict::pass;
}

EvidenceCheck& check_of(EvidenceReport& report, EvidenceStep step) {
  return report.checks[static_cast<std::size_t>(step)];
}

}  // namespace

Result<Trust> Trust::read(const EvidenceTrust& texts) {
  Trust trust;
  if (texts.log_key) {
    Result<merkle::VerifierKey> key = merkle::VerifierKey::parse(*texts.log_key);
    if (!key.ok()) return Status(Code::invalid_argument, "log_key: " + key.status().detail());
    if (key->type() != merkle::KeyType::ed25519) return Status(Code::invalid_argument, "log_key: a witness's key");
    trust.log_key = *std::move(key);
  }
  if (texts.policy) {
    Result<merkle::Policy> policy = merkle::Policy::parse(*texts.policy);
    if (!policy.ok()) return policy.status();
    trust.policy = *std::move(policy);
  }
  return trust;
}

JudgedCheckpoint judge(std::string_view signed_note, const Trust& trust) {
  JudgedCheckpoint judged;
  const Result<merkle::Note> note = merkle::Note::parse(signed_note);
  if (!note.ok()) {
    judged.form = Status(Code::invalid_argument, "checkpoint: " + note.status().detail());
    return judged;
  }
  Result<merkle::Checkpoint> checkpoint = merkle::Checkpoint::parse(note->text);
  judged.form = checkpoint.status();
  if (!checkpoint.ok()) return judged;
  judged.checkpoint = *std::move(checkpoint);
  judged.log_signature = find_log_signature(*note, judged.checkpoint, trust);
  judged.quorum = find_cosignatures(*note, trust, judged.cosignatures);
  if (trust.policy) judged.witnesses = trust.policy->witnesses().size();
  return judged;
}

EvidenceReport report_on(const merkle::TlogProof& proof, const JudgedCheckpoint& judged, const EvidenceHeld& held) {
  EvidenceReport report;
  const auto note = [&](EvidenceStep step, EvidenceCheck check) { check_of(report, step) = std::move(check); };
  report.index = proof.index;
  note(EvidenceStep::proof, from(judged.form));
  if (judged.form.ok()) {
    report.origin = judged.checkpoint.origin;
    report.size = judged.checkpoint.head.size;
    report.root = judged.checkpoint.head.root;
    report.cosignatures = judged.cosignatures;
    report.witnesses = judged.witnesses;
  }
  if (proof.extra) {
    report.entry_json = *proof.extra;
    Result<Entry> entry = Entry::from_json(report.entry_json);
    note(EvidenceStep::entry, from(entry.status()));
    if (entry.ok()) report.entry = *std::move(entry);
  } else {
    note(EvidenceStep::entry, failed("the proof carries no entry"));
  }
  if (proof.extra && judged.form.ok())
    note(EvidenceStep::inclusion, from(merkle::verify_inclusion(merkle::leaf_hash(*proof.extra), proof.index,
                                                                judged.checkpoint.head, proof.hashes)));
  note(EvidenceStep::log_signature, judged.log_signature);
  note(EvidenceStep::cosignatures, judged.quorum);
  for (const HeldText& text : held_texts)
    note(text.step, look(held.*text.held, report.entry, [&](std::string_view value, const Entry& entry) {
           return compare_text(value, entry.*text.named);
         }));
  note(EvidenceStep::payload, look(held.payload, report.entry, compare_payload));
  note(EvidenceStep::result, look(held.result, report.entry, compare_result));
  note(EvidenceStep::approval, look(held.approval, report.entry, compare_approval));
  conclude(report);
  return report;
}

}  // namespace exec

std::string_view name(EvidenceVerdict verdict) noexcept {
  switch (verdict) {
    case EvidenceVerdict::fail: return "FAIL";
    case EvidenceVerdict::incomplete: return "INCOMPLETE";
    case EvidenceVerdict::pass: return "PASS";
  }
  return "unknown";
}

std::string_view name(EvidenceStep step) noexcept {
  switch (step) {
    case EvidenceStep::proof: return "proof";
    case EvidenceStep::entry: return "entry";
    case EvidenceStep::inclusion: return "inclusion";
    case EvidenceStep::log_signature: return "log_signature";
    case EvidenceStep::cosignatures: return "cosignatures";
    case EvidenceStep::exec_id: return "exec_id";
    case EvidenceStep::action: return "action";
    case EvidenceStep::nonce: return "nonce";
    case EvidenceStep::tenant: return "tenant";
    case EvidenceStep::payload: return "payload";
    case EvidenceStep::result: return "result";
    case EvidenceStep::receipt: return "receipt";
    case EvidenceStep::approval: return "approval";
  }
  return "unknown";
}

std::string_view name(Finding finding) noexcept {
  switch (finding) {
    case Finding::unreached: return "unreached";
    case Finding::failed: return "failed";
    case Finding::incomplete: return "incomplete";
    case Finding::not_asked: return "not_asked";
    case Finding::passed: return "passed";
  }
  return "unknown";
}

Result<EvidenceReport> verify_evidence(std::string_view text, const EvidenceTrust& texts,
                                       const EvidenceHeld& held) try {
  const Result<exec::Trust> trust = exec::Trust::read(texts);
  if (!trust.ok()) return trust.status();
  const Result<merkle::TlogProof> proof = merkle::TlogProof::parse(text);
  if (proof.ok()) return exec::report_on(*proof, exec::judge(proof->checkpoint, *trust), held);
  EvidenceReport report;
  exec::check_of(report, EvidenceStep::proof) = exec::from(proof.status());
  exec::conclude(report);
  return report;
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

}  // namespace openexec
