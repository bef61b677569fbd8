// SPDX-License-Identifier: Apache-2.0
// Who signs a ledger's checkpoints.
#pragma once

#include <optional>
#include <string>

#include <openexec/ledger.hpp>

#include "merkle/checkpoint.hpp"
#include "session/ledger_file.hpp"

namespace openexec::store {

/// The key under which a ledger records its log's verifier key, at its first opening (NonceStore::pin).
inline constexpr std::string_view log_pin = "log";
/// The key that says that the ledger has an anchor.
inline constexpr std::string_view anchor_pin = "anchor";

/// Success, or invalid_argument that names the option.
Status check(const LogOptions& options);

/// The signer that the options name. `recorded`: the ledger's verifier key; absent at its first opening, which makes a
/// key where none is given. Precondition: check() succeeded. Throws StoreFailure where the key is not the ledger's.
merkle::CheckpointSigner open_signer(const LogOptions& options, const LedgerPath& path,
                                     const std::optional<std::string>& recorded);

/// With a new key that is kept nowhere; nothing where there is no memory for one.
std::optional<merkle::CheckpointSigner> passing_signer();

}  // namespace openexec::store
