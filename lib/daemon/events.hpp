// SPDX-License-Identifier: Apache-2.0
// What openexecd says on standard error: one JSON object a line, whatever happens.
#pragma once

#include <string_view>

namespace openexec::daemon {

constexpr int exit_failed = 1;    // the machine: the port, the ledger, a drain that did not end
constexpr int exit_settings = 2;  // the operator's to mend

/// Writes a line of the service's log whole, so that no two are mixed. What a terminal does not plainly show is
/// escaped.
void write_log(std::string_view line);

/// The event `warning`: a finding that is no reason to refuse.
void warn(std::string_view finding);

/// The event `settings_refused` or, with exit_failed, `failed`. Returns the exit code. Without memory for what it would
/// say, it says that.
int complain(std::string_view what, int exit_code) noexcept;

}  // namespace openexec::daemon
