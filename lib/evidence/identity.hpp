// SPDX-License-Identifier: Apache-2.0
// The names of a request (docs/formats.md, section 3).
#pragma once

#include <string>

#include <openexec/bytes.hpp>
#include <openexec/hasher.hpp>
#include <openexec/request.hpp>

namespace openexec::exec {

// `scratch` is room that served before.

/// Of action and payload.
Digest request_hash(const Proposal& proposal, const Hasher& hasher);
Digest request_hash(const Proposal& proposal, const Hasher& hasher, std::string& scratch);

/// Of action, nonce, payload and tenant: the same on every machine and every attempt.
Digest exec_id(const Proposal& proposal, const Hasher& hasher);
Digest exec_id(const Proposal& proposal, const Hasher& hasher, std::string& scratch);

}  // namespace openexec::exec
