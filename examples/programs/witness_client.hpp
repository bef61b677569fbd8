// SPDX-License-Identifier: Apache-2.0
// Asks a witness over HTTP. The only code of the command line that opens a connection.
#pragma once

#include <chrono>
#include <string>

#include "log_commands/log_commands.hpp"

namespace openexec::log_commands {

/// POSTs to URL/add-checkpoint and waits no longer than `patience` for all of it. An https URL has to show a
/// certificate that the system trusts for its host. invalid_argument for what is no such URL; store_failed where nobody
/// answers, or not in HTTP.
Result<WitnessReply> post_checkpoint(const std::string& url, const std::string& body,
                                     std::chrono::milliseconds patience);

}  // namespace openexec::log_commands
