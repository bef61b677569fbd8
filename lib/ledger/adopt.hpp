// SPDX-License-Identifier: Apache-2.0
// A ledger's file and the file that it was: a copy, a restored backup or a clone has forgotten what was spent since.
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

/// What an opening of that file records.
Opening opening_of(const LedgerPath& path, const FileIdentity& identity);

/// Throws StoreFailure, with what to do, if the newest opening was of another file.
void check_identity(ReadQueries& read, const FileIdentity& identity);

struct Adopted {
  std::string identity;     ///< of the file, as the ledger records it
  Timestamp floor;          ///< approvals issued up to here are refused for ever
  std::uint64_t entry = 0;  ///< of the log
};

struct AdoptOptions {
  LogOptions log;
  /// How far ahead of the clock approvals may be issued, as the verifiers allow.
  std::chrono::seconds issued_ahead{60};
  /// The entry that records it: who adopted the file, and why.
  std::function<std::string(const std::string& identity, Timestamp floor, Timestamp now)> entry;
};

/// Makes the file with its present identity the ledger, in one transaction. Approvals issued up to now and
/// `issued_ahead` count no more, nor does the anchor, which is written anew. store_failed if an executor has the
/// ledger.
Result<Adopted> adopt_ledger(const std::string& path, const AdoptOptions& options);

}  // namespace openexec::store
