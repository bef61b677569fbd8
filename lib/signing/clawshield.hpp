// SPDX-License-Identifier: Apache-2.0
// Makes clawshield-v1 artifacts. Part of no library that executes.
#pragma once

#include <string>
#include <string_view>

#include <openexec/request.hpp>
#include <openexec/signing.hpp>
#include <openexec/status.hpp>

#include "crypto/ed25519.hpp"

namespace openexec::signing {

/// The signed artifact for the proposal's action and payload, in RFC 8785 form. invalid_argument where the grant breaks
/// section 4 of docs/formats.md, so that nothing is signed that no verifier would accept.
Result<std::string> sign_clawshield_v1(const crypto::PrivateKey& key, const Proposal& proposal,
                                       const ClawshieldGrant& grant);

/// A random UUID (RFC 9562, version 4). Throws std::runtime_error where the system gives no random bytes.
std::string uuid_v4();

}  // namespace openexec::signing
