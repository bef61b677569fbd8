// SPDX-License-Identifier: Apache-2.0
// Requests and plans that are approved by keys of tests/support/approvals.hpp, for executors of the tenant "acme".
#pragma once

#include <openexec/openexec.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "support/approvals.hpp"

namespace openexec::test {

inline signing::DsseGrant grant_of(std::string_view token) {
  return {.token_id = std::string(token), .tenant_id = "acme", .issued_at = noon, .expires_at = after_noon(1'000'000)};
}

inline Proposal proposal_of(std::string_view nonce, std::string_view payload = "{}", std::string_view action = "act") {
  return Proposal::parse({.action = action, .payload = payload, .nonce = nonce, .approval_artifact = {}}, "acme")
      .value();
}

inline std::string approved(const Proposal& proposal, const signing::DsseGrant& grant,
                            const std::vector<int>& keys = {0}) {
  return envelope_by(signing::dsse_statement(proposal, grant).value(), keys);
}

/// Steps of one action, with the nonces "0", "1" and so on.
inline std::string plan_of(int steps, StepOrder order, const signing::DsseGrant& grant) {
  std::vector<Proposal> proposals;
  for (int step = 0; step < steps; ++step) proposals.push_back(proposal_of(std::to_string(step)));
  return envelope_by(signing::dsse_statement(proposals, order, grant).value(), {0});
}

inline std::shared_ptr<const Verifier> dsse_verifier(TrustPolicy policy) {
  return trust_policy_verifier({.policy = std::move(policy), .executor = "openexec", .tenant = "acme"}).value();
}

}  // namespace openexec::test
