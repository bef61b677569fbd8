// SPDX-License-Identifier: Apache-2.0
#include "evidence/identity.hpp"

#include <string>

#include "canon/json.hpp"

namespace openexec::exec {

Digest request_hash(const Proposal& proposal, const Hasher& hasher) {
  std::string scratch;
  return request_hash(proposal, hasher, scratch);
}

Digest request_hash(const Proposal& proposal, const Hasher& hasher, std::string& bytes) {
  bytes.clear();
  hasher.canonical(proposal.action(), proposal.payload(), bytes);
  return hasher.digest(bytes);
}

Digest exec_id(const Proposal& proposal, const Hasher& hasher) {
  std::string scratch;
  return exec_id(proposal, hasher, scratch);
}

Digest exec_id(const Proposal& proposal, const Hasher& hasher, std::string& bytes) {
  bytes.assign("openexec/exec-id/v1\n{\"action\":");
  canon::append_jcs_string(proposal.action(), bytes);
  bytes += R"(,"nonce":)";
  canon::append_jcs_string(proposal.nonce(), bytes);
  bytes.append(R"(,"payload":)").append(proposal.payload()).append(R"(,"tenant":)");
  canon::append_jcs_string(proposal.tenant(), bytes);
  bytes += '}';
  return hasher.digest(bytes);
}

}  // namespace openexec::exec
