// SPDX-License-Identifier: Apache-2.0
// Rebuilds the index of a ledger from its rows. Only an operator starts it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <openexec/status.hpp>

namespace openexec::store {

/// Removes the index, and builds it from the claims and entries, whose rows are checked. Returns the number of
/// keys. After an interruption the ledger does not open until this has run to its end. Returns store_failed if an
/// executor has the ledger open, or if rows are damaged. `progress` is called with the number of members read and their
/// total.
Result<std::uint64_t> rebuild_index(const std::string& path,
                                    const std::function<void(std::uint64_t done, std::uint64_t of)>& progress);

}  // namespace openexec::store
