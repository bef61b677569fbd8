// SPDX-License-Identifier: Apache-2.0
// The names of tenants and executors, as people and files of variables give them.
#pragma once

#include <string>
#include <string_view>

namespace openexec::terminal {

/// What is wrong with a tenant's or an executor's name; empty if nothing is. Approvals mention these names, so that one with
/// a blank, an invisible character or a quote around it would refuse every approval that was meant.
std::string given_name_fault(std::string_view name);

}  // namespace openexec::terminal
