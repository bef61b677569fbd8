// SPDX-License-Identifier: Apache-2.0
// Signs DSSE approvals, and reads them without verification. No library that executes contains it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <openexec/signing.hpp>
#include <openexec/status.hpp>

#include "approval/statement.hpp"
#include "crypto/ed25519.hpp"

namespace openexec::signing {

/// Returns the envelope in RFC 8785 form, with one signature. `keyid` is the id of the key in the executors' policies,
/// and an empty one means its fingerprint. Returns invalid_argument if the statement is malformed or too large.
Result<std::string> sign_dsse(const crypto::PrivateKey& key, std::string_view keyid, std::string_view statement);

/// Returns the envelope with one more signature, for approvers who sign in turn. Does not verify the existing
/// signatures. Returns invalid_argument if the envelope or its statement is malformed, if this key has signed it
/// already, or if it has the maximum number of signatures.
Result<std::string> add_signature(const crypto::PrivateKey& key, std::string_view keyid, std::string_view envelope);

/// The content of an envelope, for display. Its signatures were not verified.
struct UntrustedApproval {
  struct Signature {
    std::string keyid;  ///< may be empty
    std::string bytes;  ///< 64
  };
  approval::Statement statement;
  std::string statement_text;
  std::vector<Signature> signatures;
};

/// Reads an envelope as strictly as the verifier does. Returns approval_malformed if it is malformed.
Result<UntrustedApproval> read_dsse(std::string_view envelope);

}  // namespace openexec::signing
