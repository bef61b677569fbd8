// SPDX-License-Identifier: Apache-2.0
// Any bytes as a trust policy, a signed statement or an envelope: what is accepted is what it says, and what is refused
// says where. The first byte chooses. Aborts where a promise breaks.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <openexec/policy_verifier.hpp>

#include "base/names.hpp"
#include "support/approvals.hpp"

namespace {

using namespace openexec;

void require(bool promise, const char* what) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

void require_no(const Status& status, Code code) {
  require(status.code() == code, "a refusal has its code");
  require(!status.detail().empty() && base::is_utf8(status.detail()), "a refusal says where");
}

void check_policy(std::string_view text) {
  const auto policy = TrustPolicy::parse(text);
  if (!policy.ok()) return require_no(policy.status(), Code::invalid_argument);
  const auto again = TrustPolicy::parse(policy->to_json());
  require(again.ok() && again->to_json() == policy->to_json(), "a policy's text reads back");
  require(canon::jcs(canon::parse(policy->to_json())->root()) == policy->to_json(), "a policy's text is canonical");
  for (const TrustPolicy::Rule& rule : policy->terms().rules)
    require(rule.threshold >= 1 && rule.threshold <= 16 && !rule.actions.empty(), "a rule asks for somebody");
}

const PolicyVerifier& verifier() {
  static const auto made =
      trust_policy_verifier({.policy = test::policy_of(test::trusted_up_to(3)), .tenant = "acme"}).value();
  return *made;
}

/// Whoever signed it, an approval of this request names it, and its time has come.
void check_verifier(const std::string& envelope) {
  const auto request = Proposal::parse({"echo", "{}", "n-1", envelope}, "acme");
  if (!request.ok()) return;
  const std::uint64_t before = verifier().verifications();
  const auto approval = verifier().verify(*request, test::noon);
  require(verifier().verifications() - before <= 16, "an envelope costs 16 verifications at most");
  if (!approval.ok()) {
    const bool in_table = approval.code() >= Code::approval_missing && approval.code() <= Code::approval_key_revoked;
    require(in_table, "a no of the table");
    return require_no(approval.status(), approval.code());
  }
  const auto read = signing::read_dsse(envelope);
  require(read.ok() && read->statement.tenant_id == "acme" && read->statement.token_id == approval->id,
          "it is this one");
  require(read->statement.issued_at.micros <= test::after_noon(60).micros && read->statement.expires_at > test::noon &&
              read->statement.not_before.value_or(test::noon) <= test::noon,
          "its time has come");
  const auto step = read->statement.step_for("n-1");
  require(step && read->statement.steps[*step].action == "echo" &&
              read->statement.steps[*step].parameters_hash == request->parameters_hash(),
          "it names the request");
  require(approval->keys.size() == 1 && approval->keys[0] == "k1", "the key that signs here approved");
}

void check_statement(const std::string& text) {
  const auto statement = approval::read_statement(text);
  check_verifier(test::envelope_by(text, {1}));
  if (!statement.ok()) return require_no(statement.status(), Code::approval_malformed);
  require(!statement->steps.empty() && statement->steps.size() <= approval::max_steps, "there are steps");
  require(statement->is_plan() || statement->steps.size() == 1, "what is no plan has one step");
  require(statement->issued_at < statement->expires_at, "it is good for some time");
  require(base::label_fault(statement->token_id).empty(), "it has an id to spend");
  for (std::uint32_t i = 0; i < statement->steps.size(); ++i) {
    require(base::action_fault(statement->steps[i].action).empty(), "a step has an action");
    require(statement->step_for(statement->steps[i].nonce) == i, "a step is found by its nonce");
  }
}

void check_envelope(const std::string& text) {
  const auto read = signing::read_dsse(text);
  check_verifier(text);
  const auto more = signing::add_signature(test::private_key(1), "k1", text);
  if (!read.ok()) {
    require_no(read.status(), Code::approval_malformed);
    return require_no(more.status(), Code::invalid_argument);
  }
  require(!read->signatures.empty() && read->signatures.size() <= approval::max_signatures, "somebody signed");
  for (const auto& signature : read->signatures) require(signature.bytes.size() == 64, "a signature has 64 bytes");
  if (!more.ok()) return require_no(more.status(), Code::invalid_argument);
  const auto again = signing::read_dsse(*more);
  require(again.ok() && again->statement_text == read->statement_text, "a signature leaves the statement alone");
  require(again->signatures.size() == read->signatures.size() + 1, "a signature is added");
  check_verifier(*more);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: check_policy(text); break;
    case 1: check_statement(text); break;
    default: check_envelope(text); break;
  }
  return 0;
}
