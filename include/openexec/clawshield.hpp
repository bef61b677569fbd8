// SPDX-License-Identifier: Apache-2.0
// The supplied verifier for approvals of profile clawshield-v1.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <openexec/status.hpp>
#include <openexec/verifier.hpp>

namespace openexec {

struct ClawshieldOptions {
  /// SubjectPublicKeyInfo; the two characters \n stand for a line break, as environment variables spell it. Empty:
  /// every request is refused with approval_key_missing.
  std::string public_key_pem;
  std::string tenant_id;                      ///< empty: every request is refused with approval_tenant_mismatch
  std::chrono::seconds max_issued_ahead{60};  ///< how far in the future issued_at may lie; at most 24 hours
};

/// Makes the verifier of section 4 of docs/formats.md. Returns invalid_argument if the PEM is neither empty nor exactly
/// one strict Ed25519 public key.
Result<std::shared_ptr<const Verifier>> clawshield_v1(const ClawshieldOptions& options);

}  // namespace openexec
