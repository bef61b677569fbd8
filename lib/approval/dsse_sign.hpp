// The governance side: makes DSSE approvals, and reads them without trusting them. No executor code stands below it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/clock.hpp>
#include <openexec/request.hpp>
#include <openexec/status.hpp>
#include <openexec/verifier.hpp>

#include "approval/statement.hpp"
#include "crypto/ed25519.hpp"

namespace openexec::approval {

/// What an approval says besides what it approves. Empty texts are left out.
struct DsseGrant {
  std::string token_id;  ///< never used before in this tenant, such as uuid_v4()
  std::string tenant_id;
  Timestamp issued_at;
  Timestamp expires_at;  ///< later than issued_at
  std::optional<Timestamp> not_before;
  std::string audience;
  std::string policy_bundle_hash;
  std::string constitution_version;
  std::string trace_id;
  std::string request_id;
  std::string approval_scope;
  Constraints constraints;
};

// Statements, in RFC 8785 form. invalid_argument, with the member in the detail, where the grant or the plan breaks
// section 10 of docs/formats.md, so that nothing is signed that no verifier would accept.

Result<std::string> dsse_statement(const Proposal& proposal, const DsseGrant& grant);
/// Of a plan: its steps are the proposals, in their order.
Result<std::string> dsse_statement(std::span<const Proposal> steps, StepOrder order, const DsseGrant& grant);

/// The envelope, in RFC 8785 form, with one signature. `keyid` is the key's id in the executors' policies; where it is
/// empty, the key's fingerprint. invalid_argument where the statement cannot be read strictly, or is too large.
Result<std::string> sign_dsse(const crypto::PrivateKey& key, std::string_view keyid, std::string_view statement);

/// The envelope with one more signature, for people who sign in turn. Vouches for no signature that is there already.
/// invalid_argument where the envelope or its statement cannot be read strictly, where this key has signed it, or where
/// it has as many signatures as it may have.
Result<std::string> add_signature(const crypto::PrivateKey& key, std::string_view keyid, std::string_view envelope);

/// What an envelope says, for display. Nothing in it was verified.
struct UntrustedApproval {
  struct Signature {
    std::string keyid;  ///< empty where there is none
    std::string bytes;  ///< 64
  };
  Statement statement;
  std::string statement_text;
  std::vector<Signature> signatures;
};

/// Reads an envelope as strictly as the verifier does; otherwise approval_malformed.
Result<UntrustedApproval> read_dsse(std::string_view envelope);

}  // namespace openexec::approval
