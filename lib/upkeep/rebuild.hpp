// SPDX-License-Identifier: Apache-2.0
// The index of a ledger, made anew from its rows: on command, and never silently.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <openexec/status.hpp>

namespace openexec::store {

/// Removes the index, and builds it from the claims and entries, whose rows are checked. Answers how many keys it
/// holds. Interrupted, the ledger does not open until this was run to its end. store_failed if an executor has the
/// ledger, or its rows are damaged. `progress` gets how many rows' members were read, and of how many.
Result<std::uint64_t> rebuild_index(const std::string& path,
                                    const std::function<void(std::uint64_t done, std::uint64_t of)>& progress);

}  // namespace openexec::store
