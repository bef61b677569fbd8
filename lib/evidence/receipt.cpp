// SPDX-License-Identifier: Apache-2.0
// What an attempt leaves behind, as bytes.
#include <openexec/receipt.hpp>

#include <algorithm>

#include "base/text.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "evidence/note.hpp"

namespace openexec {
namespace {

void append_string_or_null(std::string_view text, std::string& out) {
  if (text.empty())
    out += "null";
  else
    canon::append_jcs_string(text, out);
}

void append_digest(const Digest& digest, std::string& out) {
  out += '"';
  base::append_hex(digest, out);
  out += '"';
}

void append_digest_or_null(const Digest& digest, std::string& out) {
  if (digest == Digest{})
    out += "null";
  else
    append_digest(digest, out);
}

void append_approval(const ApprovalNote& approval, const Digest& digest, std::string& out) {
  const auto said = [&](std::string_view member, std::string_view text) {
    if (text.empty()) return;
    out.append(member);
    canon::append_jcs_string(text, out);
  };
  out += '{';
  if (!approval.approval_scope.empty()) {
    said(R"("approval_scope":)", approval.approval_scope);
    out += ',';
  }
  out += R"("digest":)";
  append_digest_or_null(digest, out);
  out += R"(,"id":)";
  append_string_or_null(approval.id, out);
  out += R"(,"keys":[)";
  for (std::size_t i = 0; i < approval.keys.size(); ++i) {
    if (i != 0) out += ',';
    canon::append_jcs_string(approval.keys[i], out);
  }
  out += R"(],"profile":)";
  canon::append_jcs_string(approval.profile, out);
  said(R"(,"request_id":)", approval.request_id);
  if (approval.step) out.append(R"(,"step":)").append(std::to_string(*approval.step));
  said(R"(,"trace_id":)", approval.trace_id);
  out += '}';
}

void append_approval(const std::optional<ApprovalNote>& approval, std::string& out) {
  if (!approval) {
    out += "null";
    return;
  }
  append_approval(*approval, approval->digest, out);
}

void append_time_member(std::string_view member, const std::optional<Timestamp>& time, std::string& out) {
  if (!time) return;
  out.append(member).append("\"");
  base::append_time(*time, out);
  out += '"';
}

void append_digest_member(std::string_view member, const std::optional<Digest>& digest, std::string& out) {
  if (!digest) return;
  out.append(member);
  append_digest(*digest, out);
}

void append_control(const ControlNote& control, std::string& out) {
  out += R"({"id":)";
  append_string_or_null(control.id, out);
  out += R"(,"kind":)";
  canon::append_jcs_string(control.kind, out);
  out += R"(,"tenant":)";
  append_string_or_null(control.tenant, out);
  append_time_member(R"(,"time":)", control.time, out);
  append_time_member(R"(,"was":)", control.was, out);
  out += R"(,"who":)";
  canon::append_jcs_string(control.who, out);
  out += R"(,"why":)";
  canon::append_jcs_string(control.why, out);
  out += '}';
}

}  // namespace

std::string_view name(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::refused: return "refused";
    case Verdict::executed: return "executed";
    case Verdict::failed: return "failed";
    case Verdict::replayed: return "replayed";
    case Verdict::in_doubt: return "in_doubt";
    case Verdict::suppressed: return "suppressed";
    case Verdict::control: return "control";
  }
  return "unknown";
}

std::string_view name(Effect effect) noexcept {
  switch (effect) {
    case Effect::none: return "none";
    case Effect::confirmed: return "confirmed";
    case Effect::unknown: return "unknown";
  }
  return "unknown";
}

std::string_view name(ResultForm form) noexcept {
  switch (form) {
    case ResultForm::json: return "json";
    case ResultForm::text: return "text";
    case ResultForm::bytes: return "bytes";
  }
  return "unknown";
}

// Written member by member in RFC 8785 order, so that no sorting is needed.
std::string Entry::to_json() const {
  const bool second = version != 1;  // the members of version 2, each only where it says something
  std::string out;
  out.reserve(768);
  out += R"({"action":)";
  append_string_or_null(action, out);
  out += R"(,"approval":)";
  append_approval(approval, out);
  if (second && attempt != 1) out.append(R"(,"attempt":)").append(std::to_string(attempt));
  out.append(R"(,"code":")").append(openexec::name(code));  // of letters, like the other names
  out += '"';
  if (verdict == Verdict::control || (second && control)) {
    out += R"(,"control":)";
    append_control(control.value_or(ControlNote{}), out);
  }
  if (verdict == Verdict::suppressed) out.append(R"(,"count":)").append(std::to_string(count));
  out += R"(,"effect":")";
  out.append(openexec::name(effect)).append("\"");
  if (second && epoch != 0) out.append(R"(,"epoch":)").append(std::to_string(epoch));
  out += R"(,"exec_id":)";
  append_string_or_null(exec_id, out);
  out += R"(,"executor":)";
  canon::append_jcs_string(executor, out);
  if (second && !instance.empty()) {
    out += R"(,"instance":)";
    canon::append_jcs_string(instance, out);
  }
  out += R"(,"nonce":)";
  append_string_or_null(nonce, out);
  out += R"(,"observed_at":")";
  base::append_time(observed_at, out);
  out += R"(","prior":)";
  out += prior ? std::to_string(*prior) : "null";
  if (second) append_digest_member(R"(,"proposal":)", proposal, out);
  out += R"(,"receipt":)";
  canon::append_jcs_string(receipt, out);
  out += R"(,"request_hash":)";
  append_digest_or_null(request_hash, out);
  if (second && result_form != ResultForm::json)
    out.append(R"(,"result_form":")").append(openexec::name(result_form)).append("\"");
  out += R"(,"result_hash":)";
  append_digest_or_null(result_hash.value_or(Digest{}), out);
  if (second) append_digest_member(R"(,"session":)", session, out);
  out += R"(,"tenant":)";
  canon::append_jcs_string(tenant, out);
  if (second) append_time_member(R"(,"trusted_at":)", trusted_at, out);
  out.append(R"(,"verdict":")").append(openexec::name(verdict));
  out.append(R"(","version":)").append(std::to_string(version)).append("}");
  return out;
}

std::string to_json(const std::optional<ApprovalNote>& approval) {
  std::string out;
  append_approval(approval, out);
  return out;
}

namespace exec {
void append_claimed(const ApprovalNote& approval, std::string& out) { append_approval(approval, Digest{}, out); }
void append_json(const ControlNote& control, std::string& out) { append_control(control, out); }
}  // namespace exec

std::string receipt_of(std::string_view exec_id, std::string_view result_text) {
  return to_hex(crypto::sha256({exec_id, ":", result_text}));
}

Status verify_receipt(std::string_view exec_id, std::string_view result, std::string_view receipt) {
  Digest bytes{};
  if (!from_hex(receipt, bytes)) return Status(Code::malformed_request, "receipt: not 64 lower-case hex digits", 422);
  if (!exec_id.empty() && !from_hex(exec_id, bytes))
    return Status(Code::malformed_request, "exec_id: not 64 lower-case hex digits", 422);
  Result<canon::Document> document =
      canon::parse(result, {.max_bytes = std::max(result.size(), std::size_t{1}), .max_depth = 128});
  if (!document.ok())
    return Status(Code::malformed_request, "result: " + document.status().detail(), document.status().http());
  if (receipt_of(exec_id, canon::display(document->root())) != receipt)
    return Status(Code::invalid_argument, "the receipt hash does not belong to this exec_id and result, byte for byte");
  return Status::success();
}

}  // namespace openexec
