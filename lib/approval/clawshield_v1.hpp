// SPDX-License-Identifier: Apache-2.0
// The shapes of a clawshield-v1 artifact, for the verifier and the signer (docs/formats.md, section 4).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>
#include <openexec/clock.hpp>
#include <openexec/status.hpp>

#include "canon/json.hpp"

namespace openexec::approval {

inline constexpr std::string_view clawshield_profile = "clawshield-v1";

/// An artifact's members, as they are written in it.
struct ClawshieldArtifact {
  std::string_view approval_id;
  std::string_view tenant_id;
  std::string_view action_hash;
  std::string_view issued_at;
  std::string_view expires_at;
  std::string_view signature;  ///< base64
};

/// A well-formed artifact. Its signature was not verified yet.
struct ReadArtifact {
  ClawshieldArtifact text;  ///< views into the JSON that was read
  Digest action_hash{};
  Timestamp issued_at;
  Timestamp expires_at;
  std::string signature;  ///< 64 bytes
};

/// Reads an artifact strictly. Returns approval_malformed with the member in the detail. An artifact that expires
/// before it was issued is malformed only if it expires after `now`. Otherwise the caller reports it as expired, as
/// earlier services do.
Result<ReadArtifact> read_artifact(canon::View object, Timestamp now);

/// 36 characters, hexadecimal digits of either case in groups of 8-4-4-4-12. The id is the spelling that was signed.
bool is_uuid(std::string_view text);

// Shared with the other verifiers of approvals.
/// Returns success if the allowance for differing clocks is from 0 to 24 hours, else invalid_argument.
Status check_issued_ahead(std::chrono::seconds allowance);
Status no_tenant();  ///< the refusal of every request if no tenant is configured

/// Returns the bytes that the signature covers: the members without separators, which is unambiguous only for members
/// of exact shapes.
std::string signed_text(const ClawshieldArtifact& artifact);

}  // namespace openexec::approval
