// SPDX-License-Identifier: Apache-2.0
// The envelope of a DSSE approval and its signatures (docs/formats.md, section 10).
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

/// A well-formed envelope. Its signatures were not verified yet.
struct Envelope {
  struct Signature {
    std::string_view keyid;  ///< a view into the JSON that was read, or empty
    std::string bytes;       ///< 64
  };
  std::string statement;  ///< its text
  std::vector<Signature> signatures;
};

/// Reads an envelope strictly. Returns approval_malformed with the member in the detail. `bytes` is the size of its
/// RFC 8785 form.
Result<Envelope> read_envelope(canon::View artifact, std::size_t bytes);

/// Returns success if an envelope with this statement may have this size, which is larger for a plan. Otherwise returns
/// approval_malformed.
Status check_size(const Statement& statement, std::size_t envelope_bytes);

/// Returns the signed bytes: DSSE's pre-authentication encoding of the text of the statement.
std::string signed_bytes(std::string_view statement);

/// The keys of a trust policy, in its order.
struct Keyring {
  std::vector<crypto::PublicKey> keys;
  std::map<std::string, std::uint32_t, std::less<>> by_name;  ///< their ids, and then their fingerprints
};

/// The keys whose signatures verified.
struct Signers {
  std::vector<std::uint32_t> keys;  ///< indices in the keyring, each once
  std::size_t verifications = 0;    ///< the number of verifications
  bool complete = true;             ///< false: the budget was exhausted before all pairs were tried
};

/// Finds the keys under which signatures of the envelope verify. Each pair of a signature and a key is tried at most
/// once. First each signature is tried under the key that its keyid names, if any. A keyid only affects the order. Then
/// the remaining signatures are tried under the keys that have not signed yet, in the order of the keyring. A
/// successful verification costs nothing. The first failure is free, and further failures are charged to the budget,
/// whose time is `now`. If the budget is exhausted, the search ends before a verification that could fail.
Signers find_signers(const Envelope& envelope, const Keyring& keyring, FailureBudget& budget, FailureBudget::Time now);

}  // namespace openexec::approval
