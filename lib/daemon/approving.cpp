// SPDX-License-Identifier: Apache-2.0
#include "daemon/approving.hpp"

#include <fstream>
#include <optional>
#include <utility>

#include "approval/trust_policy.hpp"

namespace openexec::daemon {

Status within(std::string_view setting, const Status& status) {
  return {status.code(), std::string(setting).append(": ").append(status.detail())};
}

namespace {

Result<std::shared_ptr<const Verifier>> verifier(const Settings& settings) {
  if (settings.mode == "demo") return std::shared_ptr<const Verifier>(std::make_shared<DemoVerifier>());
  if (settings.mode == "clawshield") {
    auto made = clawshield_v1({.public_key_pem = settings.public_key, .tenant_id = settings.tenant});
    if (!made.ok()) return within("CLAWSHIELD_PUBLIC_KEY (--public-key)", made.status());
    return made;
  }
  return Status(Code::invalid_argument, "OPENEXEC_MODE (--mode) is \"" + settings.mode +
                                            "\"; set it to clawshield or policy (run what signed approvals allow) or "
                                            "to demo (verifies nothing)");
}

/// Reads the policy that the file holds now. The detail of a failure names
/// the file, and the line or the member.
Result<TrustPolicy> read_policy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char part[4096];
  while (text.size() <= approval::max_policy_bytes && (file.read(part, sizeof part) || file.gcount() > 0))
    text.append(part, static_cast<std::size_t>(file.gcount()));
  if (text.size() > approval::max_policy_bytes)
    return Status(Code::invalid_argument,
                  path + ": over the limit of " + std::to_string(approval::max_policy_bytes) + " bytes");
  if (file.bad() || !file.eof()) return Status(Code::invalid_argument, path + ": cannot be read");
  auto policy = TrustPolicy::parse(text);
  if (!policy.ok()) return Status(Code::invalid_argument, path + ": " + policy.status().detail());
  return policy;
}

Result<Approving> verify_by_policy(const Settings& settings, const Events& events) {
  // A setting that this mode would ignore is refused, since the operator meant it.
  if (!settings.public_key.empty()) {
    return Status(
        Code::invalid_argument,
        "CLAWSHIELD_PUBLIC_KEY (--public-key) is of mode clawshield; in mode policy the keys are in the trust "
        "policy, its member clawshield_v1 included");
  }
  TrustPolicyOptions options{.policy = std::nullopt, .executor = settings.executor, .tenant = settings.tenant};
  if (!settings.trust_policy.empty()) {
    auto policy = read_policy(settings.trust_policy);
    if (!policy.ok()) return within("OPENEXEC_TRUST_POLICY (--trust-policy)", policy.status());
    for (const std::string& warning : policy->warnings())
      events.warn("OPENEXEC_TRUST_POLICY (--trust-policy): " + warning);
    options.policy = *std::move(policy);
  }
  auto verifier = trust_policy_verifier(std::move(options));
  if (!verifier.ok()) return within("OPENEXEC_TRUST_POLICY (--trust-policy)", verifier.status());
  return Approving{*verifier, *verifier};
}

}  // namespace

Result<Approving> approving(const Settings& settings, const Events& events) {
  if (settings.mode == "policy") return verify_by_policy(settings, events);
  if (!settings.trust_policy.empty()) {
    return Status(Code::invalid_argument,
                  "OPENEXEC_TRUST_POLICY (--trust-policy) is given, and OPENEXEC_MODE (--mode) is \"" + settings.mode +
                      "\"; set it to policy, or leave it out");
  }
  auto verify = verifier(settings);
  if (!verify.ok()) return verify.status();
  return Approving{*std::move(verify), nullptr};
}

std::function<Result<std::string>()> reloading(std::shared_ptr<PolicyVerifier> verifier, const std::string& path) {
  return [verifier = std::move(verifier), path]() -> Result<std::string> {
    auto read = read_policy(path);
    if (!read.ok()) return within("OPENEXEC_TRUST_POLICY (--trust-policy)", read.status());
    const auto before = verifier->policy();
    std::string in_force = to_hex(read->digest());
    if (before && before->digest() == read->digest()) in_force += "; it was in force already";
    for (const std::string& warning : read->warnings()) in_force += "; warning: " + warning;
    if (Status loaded = verifier->reload(*std::move(read)); !loaded.ok()) return loaded;
    return in_force;
  };
}

}  // namespace openexec::daemon
