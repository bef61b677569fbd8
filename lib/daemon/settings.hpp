// SPDX-License-Identifier: Apache-2.0
// What the operator set, and the mode that follows from it.
#pragma once

#include <openexec/openexec.hpp>
#include <openexec/service.hpp>
#include <optional>
#include <string>
#include <vector>

#include "commands/command_line.hpp"
#include "commands/console.hpp"

namespace openexec::daemon {

/// From the environment first, then from the flags, which win.
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

/// What the service said of one of its options, by the flag that sets it. Unchanged if no flag does.
std::string with_flag(const std::string& detail);

/// What the ledger said of one of its options, by the setting that it comes from.
std::string with_ledger_setting(const Settings& settings, const std::string& detail);

/// Brings the settings to the form in which they mean something: keys out of quotes and blanks, the allow-list as
/// names. The detail of a refusal names the variable and the flag.
Status understand(Settings& settings);

/// Returns false for an address that others can reach. What is no address is reported when the service listens.
bool is_loopback(const std::string& host);

/// The mode that was chosen, or the one that follows. Demo follows only where nothing is set that protects something or
/// lets others in: otherwise a forgotten setting would run everything, and the detail names what was set.
Result<std::string> mode_of(const Settings& settings);

/// Returns whether the ledger's log has an entry with an approval: what was verified once is not served unverified by
/// forgetting the mode.
Result<bool> has_approvals(Ledger& ledger);

}  // namespace openexec::daemon
