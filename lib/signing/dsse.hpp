// SPDX-License-Identifier: Apache-2.0
// Makes DSSE approvals, and reads them without trusting them. Part of no library that executes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <openexec/signing.hpp>
#include <openexec/status.hpp>

#include "approval/statement.hpp"
#include "crypto/ed25519.hpp"

namespace openexec::signing {

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
  approval::Statement statement;
  std::string statement_text;
  std::vector<Signature> signatures;
};

/// Reads an envelope as strictly as the verifier does; otherwise approval_malformed.
Result<UntrustedApproval> read_dsse(std::string_view envelope);

}  // namespace openexec::signing
