// SPDX-License-Identifier: Apache-2.0
#include "signing/dsse.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "approval/dsse.hpp"
#include "approval/members.hpp"
#include "base/names.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "signing/guarded.hpp"

namespace openexec::signing {
namespace {

using Signature = UntrustedApproval::Signature;

Status refused(const Status& why) { return {Code::invalid_argument, why.detail()}; }

std::string write(const Constraints& constraints) {
  canon::JsonObject object;
  if (constraints.max_cost_usd) object.raw("max_cost_usd", constraints.max_cost_usd->to_string());
  if (constraints.max_executions_per_min) object.number("max_executions_per_min", *constraints.max_executions_per_min);
  return object.take();
}

void write_step(canon::JsonObject& object, const Proposal& proposal) {
  object.text("action", proposal.action());
  object.text("nonce", proposal.nonce());
  object.text("parameters_hash", to_hex(proposal.parameters_hash()));
}

/// Writes a statement with the members that `what` adds, canonicalises it, and reads it back as a verifier does.
Result<std::string> write_statement(const DsseGrant& grant, const std::function<void(canon::JsonObject&)>& what) {
  canon::JsonObject object;
  approval::Breach breach(Code::invalid_argument);
  what(object);
  const auto text = [&](std::string_view name, std::string_view value) {
    if (!base::is_utf8(value)) breach.say("statement." + std::string(name) + ": not well-formed UTF-8");
    if (!value.empty()) object.text(name, value);
  };
  text("token_id", grant.token_id);
  text("tenant_id", grant.tenant_id);
  text("issued_at", base::format_time(grant.issued_at));
  text("expires_at", base::format_time(grant.expires_at));
  if (grant.not_before) text("not_before", base::format_time(*grant.not_before));
  text("audience", grant.audience);
  text("policy_bundle_hash", grant.policy_bundle_hash);
  text("constitution_version", grant.constitution_version);
  text("trace_id", grant.trace_id);
  text("request_id", grant.request_id);
  text("approval_scope", grant.approval_scope);
  if (const std::string constraints = write(grant.constraints); constraints != "{}")
    object.raw("constraints", constraints);

  if (!breach.none()) return breach.status();
  const Result<canon::Document> document = canon::parse(object.take());
  if (!document.ok()) return Status(Code::invalid_argument, "statement: " + document.status().detail());
  std::string statement = canon::jcs(document->root());
  if (const auto read = approval::read_statement(statement); !read.ok()) return refused(read.status());
  return statement;
}

std::string write(const std::vector<Signature>& signatures) {
  std::string text = "[";
  for (const Signature& signature : signatures) {
    canon::JsonObject object;
    if (!signature.keyid.empty()) object.text("keyid", signature.keyid);
    object.text("sig", base::base64(signature.bytes));
    text.append(text.size() > 1 ? "," : "").append(object.take());
  }
  return text + "]";
}

/// Adds a signature to the envelope, and reads it back as a verifier does.
Result<std::string> sign(const crypto::PrivateKey& key, std::string_view keyid, const std::string& statement,
                         std::vector<Signature> signatures) {
  const std::string name = keyid.empty() ? key.public_key().fingerprint() : std::string(keyid);
  if (const std::string_view wrong = base::label_fault(name); !wrong.empty())
    return Status(Code::invalid_argument, std::string("keyid: ").append(wrong));
  signatures.push_back({name, key.sign(approval::signed_bytes(statement))});
  std::string envelope = canon::JsonObject()
                             .text("payload", base::base64(statement))
                             .text("payloadType", approval::payload_type)
                             .raw("signatures", write(signatures))
                             .take();
  if (const auto read = read_dsse(envelope); !read.ok()) return refused(read.status());
  return envelope;
}

}  // namespace

Result<std::string> dsse_statement(const Proposal& proposal, const DsseGrant& grant) {
  return guarded(
      [&] { return write_statement(grant, [&](canon::JsonObject& object) { write_step(object, proposal); }); });
}

Result<std::string> dsse_statement(std::span<const Proposal> steps, StepOrder order, const DsseGrant& grant) {
  const auto write_steps = [&](canon::JsonObject& object) {
    std::string list;
    for (const Proposal& proposal : steps) {
      canon::JsonObject step;
      write_step(step, proposal);
      list.append(list.empty() ? "[" : ",").append(step.take());
    }
    object.raw("steps", list.empty() ? "[]" : list + "]");
    if (order == StepOrder::in_sequence) object.boolean("ordered", true);
  };
  return guarded([&] { return write_statement(grant, write_steps); });
}

Result<std::string> sign_dsse(const crypto::PrivateKey& key, std::string_view keyid, std::string_view statement) {
  return sign(key, keyid, std::string(statement), {});
}

Result<std::string> add_signature(const crypto::PrivateKey& key, std::string_view keyid, std::string_view envelope) {
  Result<UntrustedApproval> read = read_dsse(envelope);
  if (!read.ok()) return refused(read.status());
  const std::string message = approval::signed_bytes(read->statement_text);
  const crypto::PublicKey own = key.public_key();
  if (std::any_of(read->signatures.begin(), read->signatures.end(),
                  [&](const Signature& signature) { return own.verify(message, signature.bytes).ok(); }))
    return Status(Code::invalid_argument, "this key has signed the approval already");
  return sign(key, keyid, read->statement_text, std::move(read->signatures));
}

Result<UntrustedApproval> read_dsse(std::string_view text) {
  const Result<canon::Document> document = canon::parse(text, {.max_bytes = approval::max_plan_envelope_bytes});
  if (!document.ok()) return Status(Code::approval_malformed, "approval_artifact: " + document.status().detail());
  const std::size_t bytes = canon::jcs(document->root()).size();
  Result<approval::Envelope> envelope = approval::read_envelope(document->root(), bytes);
  if (!envelope.ok()) return envelope.status();
  Result<approval::Statement> statement = approval::read_statement(envelope->statement);
  if (!statement.ok()) return statement.status();
  if (Status no = approval::check_size(*statement, bytes); !no.ok()) return no;

  UntrustedApproval read{std::move(*statement), std::move(envelope->statement), {}};
  for (approval::Envelope::Signature& signature : envelope->signatures)
    read.signatures.push_back({std::string(signature.keyid), std::move(signature.bytes)});
  return read;
}

}  // namespace openexec::signing
