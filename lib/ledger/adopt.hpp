// SPDX-License-Identifier: Apache-2.0
// Compares a ledger's file with the file that was opened last. A copy, a restored backup or a clone has forgotten what
// was spent since it was made.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <openexec/ledger.hpp>

#include "rows/schema.hpp"
#include "session/ledger_file.hpp"
#include "sqlite/file_identity.hpp"

namespace openexec::store {

/// Returns what an opening of that file records.
Opening opening_of(const LedgerPath& path, const FileIdentity& identity);

/// Throws StoreFailure with instructions if the newest opening was of another file.
void check_identity(ReadQueries& read, const FileIdentity& identity);

struct Adopted {
  std::string identity;     ///< the file's identity, as the ledger records it
  Timestamp floor;          ///< approvals issued up to here are refused for ever
  std::uint64_t entry = 0;  ///< index of the log entry that records the adoption
};

struct AdoptOptions {
  LogOptions log;
  /// How far ahead of the clock approvals may be issued, as the verifiers allow.
  std::chrono::seconds issued_ahead{60};
  /// Returns the entry that records which operator adopted the file, and why.
  std::function<std::string(const std::string& identity, Timestamp floor, Timestamp now)> entry;
};

/// Makes the file with its present identity the ledger, in one transaction. Approvals issued up to `issued_ahead` from
/// now are no longer accepted. The old anchor is not checked, and is written anew. Returns store_failed if an executor
/// has the ledger open.
Result<Adopted> adopt_ledger(const std::string& path, const AdoptOptions& options);

}  // namespace openexec::store
