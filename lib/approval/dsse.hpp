// SPDX-License-Identifier: Apache-2.0
// The envelope of a DSSE approval, and who signed it (docs/formats.md, section 10).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/status.hpp>

#include "approval/failure_budget.hpp"
#include "approval/statement.hpp"
#include "canon/json.hpp"
#include "crypto/ed25519.hpp"

namespace openexec::approval {

inline constexpr std::string_view dsse_profile = "dsse";
inline constexpr std::string_view payload_type = "application/vnd.openexec.approval+json";
inline constexpr std::size_t max_signatures = 16;
inline constexpr std::size_t max_envelope_bytes = std::size_t{64} << 10;
inline constexpr std::size_t max_plan_envelope_bytes = std::size_t{1} << 20;

/// An envelope whose shape is right; nothing in it is trusted yet.
struct Envelope {
  struct Signature {
    std::string_view keyid;  ///< into the JSON that was read; empty where there is none
    std::string bytes;       ///< 64
  };
  std::string statement;  ///< its text
  std::vector<Signature> signatures;
};

/// Reads an envelope, strictly; otherwise approval_malformed, with the member in the detail. `bytes` is the size of its
/// RFC 8785 form.
Result<Envelope> read_envelope(canon::View artifact, std::size_t bytes);

/// Success where an envelope of this size may hold the statement: a plan may be larger. Otherwise approval_malformed.
Status check_size(const Statement& statement, std::size_t envelope_bytes);

/// What is signed: DSSE's pre-authentication encoding of the statement's text.
std::string signed_bytes(std::string_view statement);

/// The keys that an executor knows, in its policy's order.
struct Keyring {
  std::vector<crypto::PublicKey> keys;
  std::map<std::string, std::uint32_t, std::less<>> by_name;  ///< their ids, and then their fingerprints
};

/// Who signed.
struct Signers {
  std::vector<std::uint32_t> keys;  ///< indices in the keyring, each once
  std::size_t verifications = 0;    ///< that it took
  bool complete = true;             ///< false: pairs were left untried, because the budget was spent
};

/// Finds the keys under which signatures of the envelope verify. Each pair of a signature and a key is tried at most
/// once. First each signature is tried under the key that its keyid names, if any: a keyid orders, and decides nothing.
/// Then those that are left are tried under the keys that have not signed yet, in the keyring's order. A verification
/// that succeeds costs nothing. The first that fails is free, and further ones come out of the budget, whose time is
/// `now`. Where the budget is spent the search ends before what could fail.
Signers find_signers(const Envelope& envelope, const Keyring& keyring, FailureBudget& budget, FailureBudget::Time now);

}  // namespace openexec::approval
