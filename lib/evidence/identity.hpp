// SPDX-License-Identifier: Apache-2.0
// The hashes that identify a request (docs/formats.md, section 3).
#pragma once

#include <string>

#include <openexec/bytes.hpp>
#include <openexec/hasher.hpp>
#include <openexec/request.hpp>

namespace openexec::exec {

// `scratch` is a buffer that is reused.

/// The request hash, of action and payload.
Digest request_hash(const Proposal& proposal, const Hasher& hasher);
Digest request_hash(const Proposal& proposal, const Hasher& hasher, std::string& scratch);

/// The exec id, of action, nonce, payload and tenant. It is the same on every machine and for every attempt.
Digest exec_id(const Proposal& proposal, const Hasher& hasher);
Digest exec_id(const Proposal& proposal, const Hasher& hasher, std::string& scratch);

}  // namespace openexec::exec
