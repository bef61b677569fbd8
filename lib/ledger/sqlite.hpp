// SPDX-License-Identifier: Apache-2.0
// The internal options of the SQLite ledger, for tests.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <openexec/ledger.hpp>

#include "index/key_runs.hpp"

namespace openexec::store {

struct SqliteInternals {
  const char* vfs = nullptr;          ///< name of a registered SQLite file system; null: SQLite's own
  std::size_t queue_capacity = 4096;  ///< operations that may wait
  int checkpoint_pages = 1000;        ///< pages of write-ahead log after which a commit moves them into the database
  KeyGeometry keys;                   ///< sizes in the index
  bool any_file = false;              ///< opens a copy as if it were the ledger, for tests that make thousands
};

Result<std::shared_ptr<Ledger>> open_sqlite(const std::string& path, const SqliteOptions& options,
                                            const SqliteInternals& internals);

}  // namespace openexec::store
