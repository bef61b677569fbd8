// SPDX-License-Identifier: Apache-2.0
#include "signing/clawshield.hpp"

#include <array>
#include <cstdint>
#include <stdexcept>

#include "approval/clawshield_v1.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"

namespace openexec::signing {

Result<std::string> sign_clawshield_v1(const crypto::PrivateKey& key, const Proposal& proposal,
                                       const ClawshieldGrant& grant) {
  if (grant.tenant_id.empty() || !base::is_utf8(grant.tenant_id))
    return Status(Code::invalid_argument, "tenant_id must be UTF-8 and not empty");
  if (!approval::is_uuid(grant.approval_id)) return Status(Code::invalid_argument, "approval_id must be a UUID");
  const std::string issued_at = base::format_time(grant.issued_at);
  const std::string expires_at = base::format_time(grant.expires_at);
  if (expires_at <= issued_at) return Status(Code::invalid_argument, "expires_at must be later than issued_at");

  const std::string action_hash = to_hex(proposal.action_hash());
  approval::ClawshieldArtifact artifact{grant.approval_id, grant.tenant_id, action_hash, issued_at, expires_at, {}};
  const std::string signature = base::base64(key.sign(approval::signed_text(artifact)));
  artifact.signature = signature;

  std::string text;
  const auto member = [&text](std::string_view name, std::string_view value) {
    text.append(text.empty() ? "{\"" : ",\"").append(name).append("\":");
    canon::append_jcs_string(value, text);
  };
  member("action_hash", artifact.action_hash);  // in the order of RFC 8785
  member("approval_id", artifact.approval_id);
  member("expires_at", artifact.expires_at);
  member("issued_at", artifact.issued_at);
  member("signature", artifact.signature);
  member("tenant_id", artifact.tenant_id);
  return text.append("}");
}

std::string uuid_v4() {
  std::array<std::uint8_t, 16> bytes;
  if (!crypto::random_bytes(bytes.data(), bytes.size()))
    throw std::runtime_error("no random bytes for an approval's id");
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);  // the version
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);  // the variant
  std::string text = base::hex(bytes);
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) text.insert(dash, 1, '-');
  return text;
}

}  // namespace openexec::signing
