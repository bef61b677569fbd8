// SPDX-License-Identifier: Apache-2.0
// The entry that records the adoption of a ledger file.
#pragma once

#include <string>

#include <openexec/receipt.hpp>

namespace openexec::exec {

/// Returns the bytes of the entry. Precondition: `note` is of kind "adopt" and has a time.
std::string adoption_entry(ControlNote note, std::string tenant, std::string executor, Timestamp at);

}  // namespace openexec::exec
