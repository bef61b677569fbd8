#include "exec/identity.hpp"

#include <string>

#include "canon/json.hpp"

namespace openexec::exec {

Digest request_hash(const Proposal& proposal, const Hasher& hasher) {
  std::string bytes;
  hasher.canonical(proposal.action(), proposal.payload(), bytes);
  return hasher.digest(bytes);
}

Digest exec_id(const Proposal& proposal, const Hasher& hasher) {
  std::string bytes = "openexec/exec-id/v1\n{\"action\":";
  bytes.reserve(bytes.size() + proposal.payload().size() + proposal.nonce().size() + 256);
  canon::append_jcs_string(proposal.action(), bytes);
  bytes += R"(,"nonce":)";
  canon::append_jcs_string(proposal.nonce(), bytes);
  bytes.append(R"(,"payload":)").append(proposal.payload()).append(R"(,"tenant":)");
  canon::append_jcs_string(proposal.tenant(), bytes);
  bytes += '}';
  return hasher.digest(bytes);
}

}  // namespace openexec::exec
