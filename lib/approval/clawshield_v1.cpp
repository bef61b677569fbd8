// SPDX-License-Identifier: Apache-2.0
#include "approval/clawshield_v1.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <openexec/clawshield.hpp>

#include "approval/members.hpp"
#include "approval/proposal.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/pem.hpp"

namespace openexec {
namespace approval {

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !digit) return false;
  }
  return true;
}

Status check_issued_ahead(std::chrono::seconds allowance) {
  if (allowance >= std::chrono::seconds(0) && allowance <= std::chrono::hours(24)) return Status::success();
  return {Code::invalid_argument, "max_issued_ahead must lie between 0 and 24 hours"};
}

Status no_tenant() { return {Code::approval_tenant_mismatch, "CLAWSHIELD_TENANT_ID not configured"}; }

std::string signed_text(const ClawshieldArtifact& artifact) {
  std::string text;
  text.reserve(artifact.approval_id.size() + artifact.tenant_id.size() + artifact.action_hash.size() +
               artifact.issued_at.size() + artifact.expires_at.size());
  text.append(artifact.approval_id)
      .append(artifact.tenant_id)
      .append(artifact.action_hash)
      .append(artifact.issued_at)
      .append(artifact.expires_at);
  return text;
}

namespace {

struct Member {
  std::string_view name;
  std::string_view ClawshieldArtifact::*value;
};
constexpr std::array<Member, 6> members{{{"approval_id", &ClawshieldArtifact::approval_id},
                                         {"tenant_id", &ClawshieldArtifact::tenant_id},
                                         {"action_hash", &ClawshieldArtifact::action_hash},
                                         {"issued_at", &ClawshieldArtifact::issued_at},
                                         {"expires_at", &ClawshieldArtifact::expires_at},
                                         {"signature", &ClawshieldArtifact::signature}}};

Status malformed(std::string_view member, std::string_view breach) {
  return {Code::approval_malformed, std::string("approval_artifact.").append(member).append(": ").append(breach)};
}

Status read_members(canon::View object, ClawshieldArtifact& out) {
  for (const Member& member : members) {
    const auto value = object.find(member.name);
    if (!value) return malformed(member.name, "missing");
    if (!value->is(canon::Type::string)) return malformed(member.name, "must be a string");
    out.*member.value = value->string();
  }
  if (object.size() == members.size()) return Status::success();
  std::array<std::string_view, members.size()> known;
  std::transform(members.begin(), members.end(), known.begin(), [](const Member& member) { return member.name; });
  return {Code::approval_malformed, "approval_artifact: unknown field: " + shown(*unknown_member(object, known))};
}

}  // namespace

Result<ReadArtifact> read_artifact(canon::View object, Timestamp now) {
  constexpr std::string_view time_rule = "must be a time YYYY-MM-DDTHH:MM:SS[.ffffff][Z|+HH:MM|-HH:MM]";
  ReadArtifact artifact;
  if (Status status = read_members(object, artifact.text); !status.ok()) return status;
  if (!is_uuid(artifact.text.approval_id)) return malformed("approval_id", "must be a UUID of 36 characters");
  if (!from_hex(artifact.text.action_hash, artifact.action_hash))
    return malformed("action_hash", "must be 64 lower-case hexadecimal digits");
  const auto issued_at = base::parse_time(artifact.text.issued_at, base::TimeForm::clawshield_v1);
  if (!issued_at) return malformed("issued_at", time_rule);
  const auto expires_at = base::parse_time(artifact.text.expires_at, base::TimeForm::clawshield_v1);
  if (!expires_at) return malformed("expires_at", time_rule);
  if (*expires_at <= *issued_at && *expires_at > now) return malformed("expires_at", "must be later than issued_at");
  auto signature = base::unbase64(artifact.text.signature);
  if (!signature || signature->size() != 64) return malformed("signature", "must be the base64 of 64 bytes");
  artifact.issued_at = *issued_at;
  artifact.expires_at = *expires_at;
  artifact.signature = std::move(*signature);
  return artifact;
}

namespace {

class ClawshieldVerifier final : public Verifier {
 public:
  ClawshieldVerifier(std::optional<crypto::PublicKey> key, std::string tenant_id,
                     std::chrono::microseconds issued_ahead)
      : key_(std::move(key)),
        key_id_(key_ ? key_->fingerprint() : std::string()),
        tenant_id_(std::move(tenant_id)),
        issued_ahead_(issued_ahead) {}

  using Verifier::verify;

  [[nodiscard]] std::string_view profile() const noexcept override { return clawshield_profile; }

  [[nodiscard]] Status ready() const override {
    if (!key_) return no_key();
    if (tenant_id_.empty()) return no_tenant();
    return Status::success();
  }

  // The checks have the order of the table of codes. Cheap checks precede the signature, and none of them accepts.
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp now) const override {
    if (!proposal.parts().artifact) return Status(Code::approval_missing, "approval_artifact: missing");
    if (!key_) return no_key();
    const Result<ReadArtifact> artifact = read_artifact(*proposal.parts().artifact, now);
    if (!artifact.ok()) return artifact.status();
    if (artifact->action_hash != proposal.action_hash())
      return Status(Code::approval_hash_mismatch, "hash mismatch: the approval is not for this action and payload");
    if (tenant_id_.empty()) return no_tenant();
    if (artifact->text.tenant_id != tenant_id_)
      return Status(Code::approval_tenant_mismatch, "Tenant mismatch: the approval is not for this executor's tenant");
    if (artifact->expires_at <= now) return Status(Code::approval_expired, "the approval has expired: expires_at");
    if (artifact->issued_at.micros - issued_ahead_.count() > now.micros)
      return Status(Code::approval_not_yet_valid, "the approval is not yet valid: issued_at lies in the future");
    Status signature = key_->verify(signed_text(artifact->text), artifact->signature);
    if (!signature.ok()) return signature;
    Approval approval{std::string(clawshield_profile), std::string(artifact->text.approval_id), {}};
    approval.issued_at = artifact->issued_at;
    approval.keys.push_back(key_id_);
    return approval;
  }

 private:
  static Status no_key() { return {Code::approval_key_missing, "CLAWSHIELD_PUBLIC_KEY not configured"}; }

  std::optional<crypto::PublicKey> key_;
  std::string key_id_;
  std::string tenant_id_;
  std::chrono::microseconds issued_ahead_;
};

}  // namespace
}  // namespace approval

Result<std::shared_ptr<const Verifier>> clawshield_v1(const ClawshieldOptions& options) {
  if (Status no = approval::check_issued_ahead(options.max_issued_ahead); !no.ok()) return no;
  std::optional<crypto::PublicKey> key;
  if (!options.public_key_pem.empty()) {
    auto parsed = crypto::PublicKey::from_pem(crypto::with_line_breaks(options.public_key_pem));
    if (!parsed.ok()) return Status(Code::invalid_argument, "public_key_pem: " + parsed.status().detail());
    key = std::move(*parsed);
  }
  return std::shared_ptr<const Verifier>(
      std::make_shared<approval::ClawshieldVerifier>(std::move(key), options.tenant_id, options.max_issued_ahead));
}

}  // namespace openexec
