// SPDX-License-Identifier: Apache-2.0
// Reviews the rules and keys of a trust policy together: rules that never apply, thresholds that cannot be met.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <openexec/trust_policy.hpp>

namespace openexec::approval {

/// A pattern of a rule.
struct RulePlace {
  std::size_t rule = 0;
  std::size_t pattern = 0;
};

/// The actions that the rules so far decide. The first rule that matches an action decides, whatever its role.
class Decided {
 public:
  void add(const TrustPolicy::Rule& rule);
  /// Returns the rule that decides each action of the pattern, or the last of several that do so together. Returns
  /// nullopt if some action is left.
  [[nodiscard]] std::optional<std::size_t> by(const std::string& pattern) const;

 private:
  [[nodiscard]] std::optional<std::size_t> by_one(const std::string& pattern) const;

  std::size_t rules_ = 0;
  std::map<std::string, std::size_t> actions_;  ///< patterns that are one action, and the first rule of each
  std::map<std::string, std::size_t> stems_;    ///< of the others
};

/// Returns how many keys can count together for one action of the pattern, in one tenant, up to the threshold of the
/// rule. Ignores validity periods. `revoked`: whether revoked keys count too.
std::size_t most_signers(const TrustPolicy::Terms& terms, RulePlace place, bool revoked);

/// Whether a key may sign for an action that some rule matches.
bool is_usable(const TrustPolicy::Terms& terms, const TrustPolicy::Key& key);

}  // namespace openexec::approval
