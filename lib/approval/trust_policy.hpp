// SPDX-License-Identifier: Apache-2.0
// The internals of a TrustPolicy: the parsed keys, and the counting of signers.
#pragma once

#include <cstddef>
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

/// The longest text of a trust policy. TrustPolicy::parse() refuses more.
inline constexpr std::size_t max_policy_bytes = std::size_t{1} << 20;

/// Whether one of the patterns matches the action.
bool names(const std::vector<std::string>& patterns, std::string_view action);

/// The request for which signers are counted.
struct Occasion {
  std::string_view tenant;
  std::string_view action;
  Timestamp now;
  const Revocations& revocations;
};

/// Returns the sorted ids of the signers that count, if they meet the threshold of the rule for the action. Otherwise
/// returns approval_key_revoked if the threshold would be met with revoked keys, else approval_threshold.
Result<std::vector<std::string>> approvers(const TrustPolicy& policy, std::span<const std::uint32_t> signers,
                                           const Occasion& occasion);

}  // namespace approval
}  // namespace openexec
