// SPDX-License-Identifier: Apache-2.0
// The names of tenants and executors, as people and files of variables give them.
#pragma once

#include <string>
#include <string_view>

namespace openexec::terminal {

/// Returns what is wrong with a tenant's or an executor's name, or an empty text if the name is valid. Approvals
/// mention these names. With a blank, an invisible character or a quote in its own name, an executor would refuse every
/// approval that was meant for it.
std::string given_name_fault(std::string_view name);

}  // namespace openexec::terminal
