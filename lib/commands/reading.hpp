// SPDX-License-Identifier: Apache-2.0
// Requests as the command lines take them.
#pragma once

#include <optional>
#include <string>

#include <openexec/request.hpp>

namespace openexec::terminal {

struct ReadRequest {
  Proposal proposal;
  bool has_nonce;  ///< a request that is only hashed or approved may come without one
};

/// Reads one request as POST /execute takes it, its nonce optional. Stop(no) where it breaks the rules.
ReadRequest read_request(const std::string& text, const std::string& tenant, const std::optional<std::string>& nonce);

}  // namespace openexec::terminal
