// SPDX-License-Identifier: Apache-2.0
// The settings that the operator made, and the mode that follows from them.
#pragma once

#include <openexec/openexec.hpp>
#include <openexec/service.hpp>
#include <optional>
#include <string>
#include <vector>

#include "commands/command_line.hpp"
#include "commands/console.hpp"

namespace openexec::daemon {

/// Read from the environment first and then from the flags, which override it.
struct Settings {
  explicit Settings(const terminal::Environment& environment);

  std::string trust_policy;
  std::string executor;
  std::optional<std::string> chosen_mode;
  std::string mode;  ///< the chosen one, or what follows from the trust policy
  std::string public_key;
  std::string tenant;
  std::optional<std::string> allowed_actions;
  std::optional<std::vector<std::string>> allowed;  ///< the same, once it is understood
  std::string db_url;
  std::string handlers;
  SqliteOptions ledger;
  std::string metrics_listen;
  Limits limits;
  ServiceOptions service;
};

/// The settings must outlive the command line.
void add_flags(terminal::CommandLine& line, Settings& settings);

/// Returns what the service said about one of its options, in terms of the flag that sets it. Unchanged if no flag sets
/// it.
std::string with_flag(const std::string& detail);

/// Returns what the ledger said about one of its options, in terms of the setting that it comes from.
std::string with_ledger_setting(const Settings& settings, const std::string& detail);

/// Normalises the settings. Keys lose quotes and blanks, and the allow-list is split into names. The detail of a
/// refusal names the variable and the flag.
Status understand(Settings& settings);

/// Returns false for an address that other machines can reach. An invalid address is reported when the service listens.
bool is_loopback(const std::string& host);

/// Returns the mode that was chosen, or the one that follows from the other settings. Demo follows only if no setting
/// is given that protects something or opens the service to other machines. Otherwise a forgotten setting would run
/// everything, so the mode is refused with a detail that names what was set.
Result<std::string> mode_of(const Settings& settings);

/// Returns whether the ledger's log has an entry with an approval. Such a ledger is not served in demo mode only
/// because the operator forgot to set the mode.
Result<bool> has_approvals(Ledger& ledger);

}  // namespace openexec::daemon
