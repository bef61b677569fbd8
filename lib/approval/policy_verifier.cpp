// SPDX-License-Identifier: Apache-2.0
// The order of the checks is the promise here (docs/formats.md, section 10): nothing in a statement is believed, or
// even read, before a signature verified.
#include <atomic>
#include <chrono>
#include <new>
#include <utility>

#include <openexec/clawshield.hpp>
#include <openexec/policy_verifier.hpp>

#include "approval/clawshield_v1.hpp"
#include "approval/dsse.hpp"
#include "approval/envelope_cache.hpp"
#include "approval/proposal.hpp"
#include "approval/trust_policy.hpp"
#include "base/mutex.hpp"

namespace openexec {
namespace approval {
namespace {

Status no_policy() {
  return {Code::approval_key_missing, "no trust policy: OPENEXEC_TRUST_POLICY (--trust-policy) not configured"};
}

/// Returns whether an artifact has members of clawshield-v1, and no member of an envelope. Every other artifact is read
/// as an envelope, and refused if it is not one.
bool is_clawshield(canon::View artifact) {
  const auto has = [&](std::string_view member) { return artifact.find(member).has_value(); };
  return (has("approval_id") || has("action_hash") || has("signature")) &&
         !(has("payloadType") || has("payload") || has("signatures"));
}

Status signed_by_none() {
  return {Code::approval_signature_invalid, "Invalid signature: none was found to be by a key of the trust policy"};
}

/// Returns the answer for signatures that were not tried. It is not a refusal of the approval, which may be valid.
Status too_many_failures() {
  return {
      Code::overloaded,
      "approval_artifact: not all signatures were tried, since too many fail to verify at present; give keyid, or try "
      "again later"};
}

Status mismatch(std::string_view member) {
  return {Code::approval_hash_mismatch, std::string("hash mismatch: the approval is for another ").append(member)};
}

/// Returns the step of the statement that equals this request.
Result<std::uint32_t> match(const Statement& statement, const Proposal& proposal) {
  const auto index = statement.step_for(proposal.nonce());
  if (!index) return mismatch("nonce");
  const Step& step = statement.steps[*index];
  if (step.action != proposal.action()) return mismatch("action");
  if (step.parameters_hash != proposal.parameters_hash()) return mismatch("payload: parameters_hash");
  return *index;
}

}  // namespace

/// The active policy, with the verdicts that were reached under it. Another policy gets an object of its own, so that
/// no verdict outlives a key.
struct Regime {
  TrustPolicy policy;
  std::shared_ptr<const Verifier> clawshield;  ///< null if the policy accepts no such artifacts
  mutable EnvelopeCache envelopes;
  mutable EnvelopeCache refused{std::size_t{1} << 20};  ///< signed by no key; kept apart, to displace no valid one

  Regime(TrustPolicy made, std::shared_ptr<const Verifier> of_clawshield, std::size_t cache_bytes)
      : policy(std::move(made)), clawshield(std::move(of_clawshield)), envelopes(cache_bytes) {}
};

}  // namespace approval

using approval::Regime;

struct PolicyVerifier::Impl {
  TrustPolicyOptions options;
  mutable base::Mutex mutex;
  std::shared_ptr<const Regime> regime OPENEXEC_GUARDED_BY(mutex);  // under the mutex; null without a policy
  mutable std::atomic<std::uint64_t> verifications{0};
  mutable approval::FailureBudget failures;

  [[nodiscard]] std::shared_ptr<const Regime> current() const {
    const base::Lock lock(mutex);
    return regime;
  }

  [[nodiscard]] approval::FailureBudget::Time monotonic() const {
    return options.clock ? options.clock->monotonic() : std::chrono::steady_clock::now();
  }

  Status install(TrustPolicy policy) {
    std::shared_ptr<const Verifier> clawshield;
    if (const auto& terms = policy.terms().clawshield_v1) {
      // Of another tenant's artifacts none is accepted here: an empty tenant refuses each at its place in the order.
      const bool ours = terms->tenant_id == options.tenant;
      auto made = clawshield_v1({.public_key_pem = terms->public_key,
                                 .tenant_id = ours ? options.tenant : std::string(),
                                 .max_issued_ahead = options.max_issued_ahead});
      if (!made.ok()) return made.status();
      clawshield = std::move(*made);
    }
    auto next = std::make_shared<const Regime>(std::move(policy), std::move(clawshield), options.cache_bytes);
    const base::Lock lock(mutex);
    regime.swap(next);  // the old one is destroyed behind the lock
    return Status::success();
  }

  Result<Approval> verify(const Proposal& proposal, Timestamp now, const Revocations& revocations) const {
    const auto& artifact = proposal.parts().artifact;
    if (!artifact) return Status(Code::approval_missing, "approval_artifact: missing");
    const std::shared_ptr<const Regime> in_force = current();
    if (!in_force) return approval::no_policy();
    if (approval::is_clawshield(*artifact)) return clawshield(*in_force, proposal, now, revocations);
    return dsse(*in_force, proposal, now, revocations);
  }

  Result<Approval> clawshield(const Regime& in_force, const Proposal& proposal, Timestamp now,
                              const Revocations& revocations) const {
    if (!in_force.clawshield)
      return Status(Code::approval_key_missing,
                    "the trust policy accepts no clawshield-v1 approvals: CLAWSHIELD_PUBLIC_KEY not configured");
    Result<Approval> approval = in_force.clawshield->verify(proposal, now);
    if (approval.code() == Code::approval_tenant_mismatch && !options.tenant.empty()) return other_tenant();
    if (!approval.ok()) return approval;
    if (proposal.tenant() != options.tenant) return other_tenant();
    if (!approval::names(in_force.policy.terms().clawshield_v1->actions, proposal.action()))
      return Status(Code::approval_threshold, "the trust policy accepts no clawshield-v1 approval of this action");
    if (Status no = revocations.check(*approval); !no.ok()) return no;
    return approval;
  }

  Result<Approval> dsse(const Regime& in_force, const Proposal& proposal, Timestamp now,
                        const Revocations& revocations) const {
    const auto envelope = verified(in_force, proposal);
    if (!envelope.ok()) return envelope.status();
    const approval::Statement& statement = (*envelope)->statement;
    const Result<std::uint32_t> step = approval::match(statement, proposal);
    if (!step.ok()) return step.status();
    if (Status no = compare(in_force, statement, proposal, now); !no.ok()) return no;
    auto keys = approval::approvers(in_force.policy, (*envelope)->keys,
                                    {proposal.tenant(), proposal.action(), now, revocations});
    if (!keys.ok() && !(*envelope)->complete) return approval::too_many_failures();
    if (!keys.ok()) return keys.status();

    Approval approval{.profile = std::string(approval::dsse_profile),
                      .id = statement.token_id,
                      .keys = std::move(*keys),
                      .constraints = statement.constraints,
                      .trace_id = statement.trace_id,
                      .request_id = statement.request_id,
                      .approval_scope = statement.approval_scope,
                      .issued_at = statement.issued_at};
    if (statement.is_plan()) {
      approval.step = *step;
      approval.step_order = *statement.order;
      approval.plan = to_hex(statement.plan);
    }
    if (Status no = revocations.check(approval); !no.ok()) return no;
    return approval;
  }

  /// Checks form, signatures, and only then the statement. Returns the earlier verdict if the same artifact came
  /// before.
  Result<std::shared_ptr<const approval::VerifiedEnvelope>> verified(const Regime& in_force,
                                                                     const Proposal& proposal) const {
    const Digest digest = proposal.artifact_digest();
    if (auto known = in_force.envelopes.find(digest)) return known;
    if (in_force.refused.find(digest)) return approval::signed_by_none();

    const std::size_t bytes = proposal.artifact().size();
    const Result<approval::Envelope> envelope = approval::read_envelope(*proposal.parts().artifact, bytes);
    if (!envelope.ok()) return envelope.status();
    approval::Signers signers =
        approval::find_signers(*envelope, in_force.policy.parts().keyring, failures, monotonic());
    verifications.fetch_add(signers.verifications, std::memory_order_relaxed);
    if (signers.keys.empty()) {
      if (!signers.complete) return approval::too_many_failures();
      in_force.refused.add(digest, std::make_shared<const approval::VerifiedEnvelope>());
      return approval::signed_by_none();
    }
    Result<approval::Statement> statement = approval::read_statement(envelope->statement);
    if (!statement.ok()) return statement.status();
    if (Status no = approval::check_size(*statement, bytes); !no.ok()) return no;

    auto found = std::make_shared<const approval::VerifiedEnvelope>(
        approval::VerifiedEnvelope{std::move(*statement), std::move(signers.keys), signers.complete});
    if (found->complete) in_force.envelopes.add(digest, found);
    return found;
  }

  Status compare(const Regime& in_force, const approval::Statement& statement, const Proposal& proposal,
                 Timestamp now) const {
    const std::int64_t issued_ahead = std::chrono::microseconds(options.max_issued_ahead).count();
    const TrustPolicy::Pins& pins = in_force.policy.terms().pins;
    if (options.tenant.empty()) return approval::no_tenant();
    if (statement.tenant_id != options.tenant || proposal.tenant() != options.tenant) return other_tenant();
    if (statement.expires_at <= now) return {Code::approval_expired, "the approval has expired: expires_at"};
    if (statement.issued_at.micros - issued_ahead > now.micros)
      return {Code::approval_not_yet_valid, "the approval is not yet valid: issued_at lies in the future"};
    if (statement.not_before && *statement.not_before > now)
      return {Code::approval_not_yet_valid, "the approval is not yet valid: not_before lies in the future"};
    if (!statement.audience.empty() && statement.audience != options.executor)
      return {Code::approval_audience_mismatch, "audience: the approval is for another executor"};
    if (!pins.policy_bundle_hash.empty() && statement.policy_bundle_hash != pins.policy_bundle_hash)
      return {Code::approval_policy_mismatch, "policy_bundle_hash: not the one that the trust policy pins"};
    if (!pins.constitution_version.empty() && statement.constitution_version != pins.constitution_version)
      return {Code::approval_policy_mismatch, "constitution_version: not the one that the trust policy pins"};
    if (!statement.unknown_constraint.empty())
      return {Code::approval_constraint,
              "constraints: unknown, so that it cannot be held to: " + statement.unknown_constraint};
    return Status::success();
  }

  static Status other_tenant() {
    return {Code::approval_tenant_mismatch, "Tenant mismatch: the approval is not for this executor's tenant"};
  }
};

PolicyVerifier::PolicyVerifier(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
PolicyVerifier::~PolicyVerifier() = default;

Result<Approval> PolicyVerifier::verify(const Proposal& proposal, Timestamp now) const {
  return impl_->verify(proposal, now, Revocations());
}

Result<Approval> PolicyVerifier::verify(const Proposal& proposal, Timestamp now, const Revocations& revocations) const {
  return impl_->verify(proposal, now, revocations);
}

Status PolicyVerifier::ready() const {
  if (!impl_->current()) return approval::no_policy();
  return impl_->options.tenant.empty() ? approval::no_tenant() : Status::success();
}

Status PolicyVerifier::reload(TrustPolicy policy) try {
  return impl_->install(std::move(policy));
} catch (const std::bad_alloc&) {
  return Status(Code::overloaded, "out of memory");
}

Status PolicyVerifier::reload_json(std::string_view json) {
  Result<TrustPolicy> policy = TrustPolicy::parse(json);
  return policy.ok() ? reload(std::move(*policy)) : policy.status();
}

std::optional<TrustPolicy> PolicyVerifier::policy() const {
  const auto in_force = impl_->current();
  if (!in_force) return std::nullopt;
  return in_force->policy;
}

std::uint64_t PolicyVerifier::verifications() const noexcept { return impl_->verifications; }

Result<std::shared_ptr<PolicyVerifier>> trust_policy_verifier(TrustPolicyOptions options) {
  if (Status no = approval::check_issued_ahead(options.max_issued_ahead); !no.ok()) return no;
  auto impl = std::make_unique<PolicyVerifier::Impl>();
  std::optional<TrustPolicy> policy = std::move(options.policy);
  options.policy.reset();
  impl->options = std::move(options);
  auto verifier = std::make_shared<PolicyVerifier>(std::move(impl));
  if (policy)
    if (Status no = verifier->reload(std::move(*policy)); !no.ok()) return no;
  return verifier;
}

}  // namespace openexec
