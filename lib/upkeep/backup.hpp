// SPDX-License-Identifier: Apache-2.0
// A ledger copied while an executor has it, with what belongs to it.
#pragma once

#include <string>
#include <vector>

#include <openexec/status.hpp>

namespace openexec::store {

/// Copies the ledger at `path` to `to` in one read transaction, which neither holds up the executor's commits nor sees
/// half of one. What is beside the ledger goes with it: its log key and its cosigned checkpoint, and with `anchor` the
/// anchor's present text, as `to`.anchor. Every file that it makes is durable and of mode 0600. A key or a cosigned
/// checkpoint that is there already and is the same stays. Anything else in a place that it needs is store_failed, as
/// is a ledger that cannot be read; then nothing is left behind that was not there before.
/// Returns the files that it made, for remove_copy().
Result<std::vector<std::string>> copy_ledger(const std::string& path, const std::string& to,
                                             const std::string& anchor = {});

/// Removes what copy_ledger() made, and what SQLite put beside the copy. Throws StoreFailure.
void remove_copy(const std::vector<std::string>& made);

}  // namespace openexec::store
