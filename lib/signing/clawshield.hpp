// SPDX-License-Identifier: Apache-2.0
// Signs clawshield-v1 artifacts. No library that executes contains it.
#pragma once

#include <string>
#include <string_view>

#include <openexec/request.hpp>
#include <openexec/signing.hpp>
#include <openexec/status.hpp>

#include "crypto/ed25519.hpp"

namespace openexec::signing {

/// Returns the signed artifact for the action and payload of the proposal, in RFC 8785 form. Returns invalid_argument
/// if the grant breaks section 4 of docs/formats.md, so that no artifact is signed which every verifier refuses.
Result<std::string> sign_clawshield_v1(const crypto::PrivateKey& key, const Proposal& proposal,
                                       const ClawshieldGrant& grant);

/// A random UUID (RFC 9562, version 4). Throws std::runtime_error if the system provides no random bytes.
std::string uuid_v4();

}  // namespace openexec::signing
