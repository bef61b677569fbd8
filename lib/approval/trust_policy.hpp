// SPDX-License-Identifier: Apache-2.0
// A trust policy's inside: the keys as they verify, and how signers are counted.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/trust_policy.hpp>
#include <openexec/verifier.hpp>

#include "approval/dsse.hpp"

namespace openexec {

struct TrustPolicy::Parts {
  Terms terms;
  approval::Keyring keyring;              ///< in the order of terms.keys
  std::vector<std::string> fingerprints;  ///< of the same
  std::vector<std::string> warnings;
  std::string json;
  Digest digest{};
};

namespace approval {

/// Whether one of the patterns names the action.
bool names(const std::vector<std::string>& patterns, std::string_view action);

/// What signers are counted for.
struct Occasion {
  std::string_view tenant;
  std::string_view action;
  Timestamp now;
  const Revocations& revocations;
};

/// The sorted ids of those signers whose approval counts, where they are as many as the rule for the action asks for.
/// Otherwise approval_key_revoked, where revoked keys would have made up the number; else approval_threshold.
Result<std::vector<std::string>> approvers(const TrustPolicy& policy, std::span<const std::uint32_t> signers,
                                           const Occasion& occasion);

}  // namespace approval
}  // namespace openexec
