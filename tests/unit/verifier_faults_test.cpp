// SPDX-License-Identifier: Apache-2.0
// A trust policy's verifier without memory: it decides nothing, remembers nothing untrue, and gives its budget back.
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include <openexec/policy_verifier.hpp>

#include "approval/failure_budget.hpp"
#include "approval/proposal.hpp"
#include "support/approvals.hpp"
#include "support/catch.hpp"
#include "support/failing_memory.hpp"

using namespace openexec;
using test::failing_memory;
using test::noon;

namespace {

constexpr int keys = 3;
constexpr int stranger = 300;

Proposal proposal(std::string_view artifact) {
  return Proposal::parse(Request{"echo", "{}", "n-1", artifact}, "acme").value();
}

std::string statement() {
  signing::DsseGrant grant;
  grant.token_id = "a token whose name is long enough to be allocated";
  grant.tenant_id = "acme";
  grant.issued_at = test::after_noon(-60);
  grant.expires_at = test::after_noon(3600);
  return signing::dsse_statement(proposal({}), grant).value();
}

/// What the verifier answers; overloaded stands for no memory.
Code ask(const PolicyVerifier& verifier, const Proposal& offered) {
  try {
    return verifier.verify(offered, noon).code();
  } catch (const std::bad_alloc&) {
    return Code::overloaded;
  }
}

/// Answers that are neither the truth nor overloaded, with each allocation of a verification failing in turn, once and
/// from there on. Asked again with memory, the same verifier has to tell the truth.
int untrue_answers(const std::vector<test::Signed>& signers, Code truth) {
  const Proposal offered = proposal(test::envelope_around(statement(), signers));
  const TrustPolicy policy = test::policy_of(test::trusted_up_to(keys));
  int untrue = 0;
  std::uint64_t tried = 0;
  for (const bool all_that_follow : {false, true})
    for (std::uint64_t nth = 1, failed = 1; failed != 0; ++nth, ++tried) {
      const auto verifier = trust_policy_verifier({.policy = policy, .tenant = "acme"}).value();
      failing_memory().arm(nth, all_that_follow);
      const Code code = ask(*verifier, offered);
      failing_memory().disarm();
      failed = failing_memory().failed;
      untrue += code != truth && code != Code::overloaded;
      untrue += ask(*verifier, offered) != truth;
    }
  CHECK(tried > 20);
  return untrue;
}

}  // namespace

TEST_CASE("Without memory an honest envelope is not refused, with strangers in front and without") {
  CHECK(untrue_answers({{2, "k2"}}, Code::ok) == 0);
  CHECK(untrue_answers({{1, ""}}, Code::ok) == 0);
  CHECK(untrue_answers({{stranger, "k2"}, {stranger + 1, ""}, {2, "k2"}}, Code::ok) == 0);
}

TEST_CASE("Without memory an envelope that no key signed is not accepted") {
  CHECK(untrue_answers({{stranger, "k2"}}, Code::approval_signature_invalid) == 0);
  CHECK(untrue_answers({{stranger, ""}, {stranger + 1, "k0"}}, Code::approval_signature_invalid) == 0);
}

TEST_CASE("A search that memory ends gives back what it has not used of the budget") {
  approval::Keyring keyring;
  for (int key = 0; key < 64; ++key) keyring.keys.push_back(test::private_key(key).public_key());
  const std::string artifact = test::envelope_around(statement(), {{4, ""}});
  const Proposal offered = proposal(artifact);
  const auto envelope = approval::read_envelope(*offered.parts().artifact, artifact.size()).value();
  int ended = 0;
  int lost = 0;
  for (std::uint64_t nth = 1, failed = 1; failed != 0; ++nth) {
    approval::FailureBudget budget;
    failing_memory().arm(nth, false);
    try {
      (void)approval::find_signers(envelope, keyring, budget, {});
    } catch (const std::bad_alloc&) {
      ++ended;
    }
    failing_memory().disarm();
    failed = failing_memory().failed;
    std::int64_t left = 0;
    while (budget.take(1, {})) ++left;
    lost += left < approval::FailureBudget::a_second - 3;  // four failures come before key 4, and one is free
  }
  CHECK(ended > 0);
  CHECK(lost == 0);
}
