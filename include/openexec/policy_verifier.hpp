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
  std::optional<TrustPolicy> policy;               ///< absent: approval_key_missing until one is loaded
  std::string executor = "openexec";               ///< Config::executor: the `audience` that approvals may name
  std::string tenant;                              ///< Config::tenant; empty: approval_tenant_mismatch for all
  std::chrono::seconds max_issued_ahead{60};       ///< how far in the future issued_at may lie; at most 24 hours
  std::size_t cache_bytes = std::size_t{4} << 20;  ///< for verified envelopes; 0: no cache
  std::shared_ptr<const Clock> clock;              ///< its monotonic() limits failed verifications; null: the system's
};

/// Verifies DSSE approvals, and clawshield-v1 artifacts if the policy accepts them (docs/formats.md, sections 10, 11
/// and 4). Approval::profile says which of the two it was.
class PolicyVerifier final : public Verifier {
 public:
  [[nodiscard]] std::string_view profile() const noexcept override { return "trust-policy"; }
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp now) const override;
  /// Does not count revoked keys: two other keys of three still meet a threshold of two.
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp now,
                                        const Revocations& revocations) const override;
  [[nodiscard]] Status ready() const override;

  /// Replaces the active policy atomically. Each request is judged by the old policy or the new one, and a request that
  /// begins after reload() has returned is judged by the new one. On failure the old policy stays active.
  [[nodiscard]] Status reload(TrustPolicy policy);
  /// Replaces the active policy by one in JSON text, which TrustPolicy::parse reads.
  [[nodiscard]] Status reload_json(std::string_view json);
  /// Returns the active policy.
  [[nodiscard]] std::optional<TrustPolicy> policy() const;
  /// Returns the number of DSSE signatures verified so far, for metrics and tests.
  [[nodiscard]] std::uint64_t verifications() const noexcept;

  ~PolicyVerifier() override;

  struct Impl;
  explicit PolicyVerifier(std::unique_ptr<Impl> impl) noexcept;  ///< called by trust_policy_verifier()

 private:
  std::unique_ptr<Impl> impl_;
};

/// Returns invalid_argument if an option is out of its bounds.
Result<std::shared_ptr<PolicyVerifier>> trust_policy_verifier(TrustPolicyOptions options);

}  // namespace openexec
