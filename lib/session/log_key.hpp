// SPDX-License-Identifier: Apache-2.0
// The key that signs a ledger's checkpoints.
#pragma once

#include <optional>
#include <string>

#include <openexec/ledger.hpp>

#include "merkle/checkpoint.hpp"
#include "session/ledger_file.hpp"

namespace openexec::store {

/// The name under which a ledger pins the verifier key of its log, at its first opening (NonceStore::pin).
inline constexpr std::string_view log_pin = "log";
/// The name under which a ledger pins that it has an anchor.
inline constexpr std::string_view anchor_pin = "anchor";

/// Returns success, or invalid_argument with the option.
Status check(const LogOptions& options);

/// Returns the signer that the options name. `recorded` is the verifier key of the ledger. It is absent at the first
/// opening, which generates a key if the options have none. Precondition: check() succeeded. Throws StoreFailure if the
/// key is not that of the ledger.
merkle::CheckpointSigner open_signer(const LogOptions& options, const LedgerPath& path,
                                     const std::optional<std::string>& recorded);

/// Returns a signer with a new key that is not stored, or nullopt if memory could not be allocated.
std::optional<merkle::CheckpointSigner> passing_signer();

}  // namespace openexec::store
