// SPDX-License-Identifier: Apache-2.0
// Ledgers of an older schema.
#pragma once

#include "session/ledger_file.hpp"

namespace openexec::store {

/// The schema that migrate() understands.
inline constexpr std::uint32_t older_schema = 3;

/// Makes a ledger of schema 3 one of this library's schema. The new file is built beside the old one, verified, and
/// then takes its name in one step: whatever ends this early, the old ledger is whole, and the next opening begins
/// again (docs/design/0022-one-migration.md). Precondition: the lock is held. Throws StoreFailure where the old ledger
/// is damaged, where another program has it open, or where there is no room; the old ledger is then as it was.
void migrate(const LedgerPath& path);

}  // namespace openexec::store
