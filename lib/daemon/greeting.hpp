// SPDX-License-Identifier: Apache-2.0
// The text that openexecd prints about itself when it listens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <openexec/executor.hpp>

#include "daemon/settings.hpp"

namespace openexec::daemon {

/// "a, b", or "none".
std::string joined(const std::vector<std::string>& names);

/// Returns mode, ledger, key, actions and names, and last the address. Precondition: settings.mode is decided.
std::string greeting(const Settings& settings, const Executor& executor, const std::vector<std::string>& names,
                     std::uint16_t port);

}  // namespace openexec::daemon
