// SPDX-License-Identifier: Apache-2.0
// Backs up a ledger beside a running executor, with the files that belong to it.
#pragma once

#include <string>
#include <vector>

#include <openexec/status.hpp>

namespace openexec::store {

/// Copies the ledger at `path` to `to` in one read transaction, which neither delays commits of the executor nor sees a
/// partial one. Also copies the log key and the cosigned checkpoint, and with `anchor` the current text of the anchor,
/// as `to`.anchor. Every file that it makes is durable and of mode 0600. An
/// existing file with the same key or cosigned checkpoint is kept. Returns store_failed if another file has a name that
/// it needs, or if the ledger cannot be read, and then removes what it created. Returns the files that it created, for
/// remove_copy().
Result<std::vector<std::string>> copy_ledger(const std::string& path, const std::string& to,
                                             const std::string& anchor = {});

/// Removes the files that copy_ledger() created, and those of SQLite beside the copy. Throws StoreFailure.
void remove_copy(const std::vector<std::string>& made);

}  // namespace openexec::store
