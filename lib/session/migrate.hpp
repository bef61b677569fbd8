// SPDX-License-Identifier: Apache-2.0
// Ledgers of an older schema.
#pragma once

#include "session/ledger_file.hpp"

namespace openexec::store {

/// The schema that migrate() understands.
inline constexpr std::uint32_t older_schema = 3;

/// Migrates a ledger of schema 3 to the schema of this library. The new file is built beside the old one, verified, and
/// then renamed over it. If this is interrupted the old ledger is intact, and the next opening starts again
/// (docs/design/0022-one-migration.md). Called while the lock is held. Throws StoreFailure if the old ledger is
/// damaged, if another program has it open, or if the disk is full. The old ledger is then unchanged.
void migrate(const LedgerPath& path);

}  // namespace openexec::store
