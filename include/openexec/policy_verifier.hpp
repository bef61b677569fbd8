// SPDX-License-Identifier: Apache-2.0
// The supplied verifier that follows a trust policy.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openexec/clock.hpp>
#include <openexec/status.hpp>
#include <openexec/trust_policy.hpp>
#include <openexec/verifier.hpp>

namespace openexec {

struct TrustPolicyOptions {
  std::optional<TrustPolicy> policy;          ///< absent: every request is approval_key_missing until one is loaded
  std::string executor = "openexec";          ///< Config::executor: the `audience` that approvals may name
  std::string tenant;                         ///< Config::tenant; empty: every request is approval_tenant_mismatch
  std::chrono::seconds max_issued_ahead{60};  ///< how far in the future issued_at may lie; at most 24 hours
  std::size_t cache_bytes = std::size_t{4} << 20;  ///< for envelopes that were verified; 0 keeps none
  std::shared_ptr<const Clock> clock;              ///< its monotonic() paces failed verifications; null: the system's
};

/// DSSE approvals, and clawshield-v1 artifacts where the policy accepts them (docs/formats.md, sections 10, 11 and 4).
/// The approval says which of the two it was.
class PolicyVerifier final : public Verifier {
 public:
  [[nodiscard]] std::string_view profile() const noexcept override { return "trust-policy"; }
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp now) const override;
  /// Counts again without the revoked keys: two good ones of three still make two.
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp now,
                                        const Revocations& revocations) const override;
  [[nodiscard]] Status ready() const override;

  /// Puts another policy in force, at once and whole: each request is judged by the old one or the new one, and one
  /// that comes after reload() has returned, by the new one. Where it fails, the old one stays in force.
  [[nodiscard]] Status reload(TrustPolicy policy);
  /// The same from JSON text, which TrustPolicy::parse reads.
  [[nodiscard]] Status reload_json(std::string_view json);
  /// The policy in force.
  [[nodiscard]] std::optional<TrustPolicy> policy() const;
  /// How many signatures of DSSE envelopes were verified so far. For metrics and tests.
  [[nodiscard]] std::uint64_t verifications() const noexcept;

  ~PolicyVerifier() override;

  struct Impl;
  explicit PolicyVerifier(std::unique_ptr<Impl> impl) noexcept;  ///< trust_policy_verifier() makes it

 private:
  std::unique_ptr<Impl> impl_;
};

/// invalid_argument where an option is out of its bounds.
Result<std::shared_ptr<PolicyVerifier>> trust_policy_verifier(TrustPolicyOptions options);

}  // namespace openexec
