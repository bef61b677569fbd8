// SPDX-License-Identifier: Apache-2.0
// openexec-approve sign for DSSE envelopes, with statements for plans and for several signers.
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "approver_commands/approver_commands.hpp"
#include "base/time.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/sha256.hpp"
#include "signing/clawshield.hpp"
#include "signing/dsse.hpp"

namespace openexec::terminal {
namespace {

/// Checks that the statement approves exactly this subject. Otherwise throws Stop(no) that names the difference,
/// because the approver would sign something other than what is shown.
void check_same(const approval::Statement& statement, const Subject& subject) {
  const auto differs = [](const std::string& what) {
    throw Stop(no, "the envelope approves something else than the request beside it: " + what);
  };
  if (statement.is_plan() != subject.is_plan()) differs(statement.is_plan() ? "a plan" : "one request");
  if (statement.is_plan() && *statement.order != *subject.order) differs("the order of its steps");
  if (statement.steps.size() != subject.steps.size()) differs(std::to_string(statement.steps.size()) + " steps");
  if (statement.tenant_id != subject.tenant) differs("the tenant " + shown(statement.tenant_id));
  for (std::size_t i = 0; i < subject.steps.size(); ++i) {
    const std::string where = subject.is_plan() ? "step " + std::to_string(i) + ": " : "";
    if (statement.steps[i].action != subject.steps[i].action()) differs(where + "the action");
    if (statement.steps[i].nonce != subject.steps[i].nonce()) differs(where + "the nonce");
    if (statement.steps[i].parameters_hash != subject.steps[i].parameters_hash()) differs(where + "the parameters");
  }
}

signing::DsseGrant grant_of(const ApproveOptions& options, std::int64_t valid_for) {
  const auto time = [](const std::string& text, const char* flag) -> std::optional<Timestamp> {
    if (text.empty()) return std::nullopt;
    const auto parsed = base::parse_time(text, base::TimeForm::rfc3339);
    if (!parsed) throw Stop(cannot, std::string(flag) + ": expected a time such as 2026-01-01T00:00:00Z");
    return parsed;
  };
  signing::DsseGrant grant{.token_id = options.approval_id.empty() ? signing::uuid_v4() : options.approval_id,
                           .tenant_id = options.tenant,
                           .issued_at = now(),
                           .expires_at = {},
                           .not_before = time(options.not_before, "--not-before"),
                           .audience = options.audience,
                           .policy_bundle_hash = options.policy_hash,
                           .constitution_version = options.constitution,
                           .trace_id = options.trace_id,
                           .request_id = options.request_id,
                           .approval_scope = options.scope,
                           .constraints = {}};
  grant.expires_at = {grant.issued_at.micros + valid_for * 1'000'000};
  grant.constraints.max_executions_per_min = options.max_per_min;
  if (!options.max_cost_usd.empty()) {
    grant.constraints.max_cost_usd = Usd::parse(options.max_cost_usd);
    if (!grant.constraints.max_cost_usd) throw Stop(cannot, "--max-cost-usd: expected dollars such as 12.5");
  }
  return grant;
}

/// Returns a warning if the statement has expired or expires within a minute. Throws Stop(no) if it has expired and
/// --yes is given, since then no approver is asked.
std::string warning_of(const ApproveOptions& options, const Style& style, const approval::Statement& statement,
                       Timestamp at) {
  constexpr std::int64_t soon = 60'000'000;
  if (statement.expires_at.micros > at.micros + soon) return {};
  const bool expired = statement.expires_at <= at;
  if (expired && options.yes) throw Stop(no, "the approval has expired; make a new one");
  return style.bad(expired ? "It has EXPIRED: no executor will accept it, whoever signs."
                           : "It expires within a minute, perhaps before it can be used.") +
         "\n";
}

}  // namespace

int sign_dsse(const ApproveOptions& options, const Console& console, const Signing& signing) {
  const Subject& subject = signing.subject;
  if (!subject.has_nonce) throw Stop(no, "a DSSE approval is bound to its request's nonce: put one in");
  const bool another = !subject.artifact.empty();
  std::string statement_text;
  Rows signatures;
  if (another) {
    const auto envelope = or_stop(signing::read_dsse(subject.artifact), no, "the approval that it carries");
    check_same(envelope.statement, subject);
    statement_text = envelope.statement_text;
    signatures = signatures_of(envelope);
  } else {
    const signing::DsseGrant grant = grant_of(options, signing.valid_for(options));
    statement_text = or_stop(subject.is_plan() ? signing::dsse_statement(subject.steps, *subject.order, grant)
                                               : signing::dsse_statement(subject.steps.front(), grant),
                             cannot, "cannot approve this");
  }
  // The rows that are shown are read back from the text that is signed.
  const auto statement = or_stop(approval::read_statement(statement_text), no, "the statement");
  check_same(statement, subject);
  const Style& style = signing.style;
  const std::string hash = to_hex(crypto::sha256(statement_text));
  Rows rows = terms_of(statement, now());
  rows.insert(rows.end(), signatures.begin(), signatures.end());
  if (signing.needed)
    rows.emplace_back("signatures needed", std::to_string(*signing.needed) + ", says the trust policy");
  rows.emplace_back("statement hash", hash);
  show(options, console,
       style.strong(subject.is_plan() ? "To be approved, each step for one execution:"
                                      : "To be approved, for one execution:") +
           "\n" + signing.review() + fields(style, rows) + warning_of(options, style, statement, now()));
  const crypto::PrivateKey key = unlock(options, console, signing.pem);
  const std::string warning = warning_of(options, style, statement, now());
  const std::string your_key =
      (options.key_id.empty() ? "" : shown(options.key_id) + ", ") + key.public_key().fingerprint();
  ask_for(options, console, fields(style, {{"your key", your_key}}) + warning,
          is_weighty(subject) || signing.needed.value_or(1) > 1 || !warning.empty(), "statement hash", hash);
  const std::string envelope = or_stop(another ? signing::add_signature(key, options.key_id, subject.artifact)
                                               : signing::sign_dsse(key, options.key_id, statement_text),
                                       another ? no : cannot, "cannot sign");
  write_out(options, console, options.embed || another ? with_approval(subject, envelope) : envelope);
  return yes;
}

}  // namespace openexec::terminal
