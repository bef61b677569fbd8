// SPDX-License-Identifier: Apache-2.0
// How openexecd verifies approvals: nothing in mode demo, one key in mode clawshield, a trust policy in mode policy.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <openexec/openexec.hpp>

#include "daemon/events.hpp"
#include "daemon/settings.hpp"

namespace openexec::daemon {

/// A refusal that names the setting it comes from.
Status within(std::string_view setting, const Status& status);

struct Approving {
  std::shared_ptr<const Verifier> verifier;
  std::shared_ptr<PolicyVerifier> policy;  ///< the same, in mode policy
};

/// Makes the verifier that the settings ask for. Precondition: settings.mode is decided. The detail of a refusal names
/// the setting. Findings about a policy are logged as warnings.
Result<Approving> approving(const Settings& settings, const Events& events);

/// Reads the trust policy again, as on SIGHUP. Returns its digest and the findings that an operator should know. If the
/// file cannot be read or is not a valid policy, the active policy stays.
std::function<Result<std::string>()> reloading(std::shared_ptr<PolicyVerifier> verifier, const std::string& path);

}  // namespace openexec::daemon
