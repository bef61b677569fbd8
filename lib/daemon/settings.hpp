// SPDX-License-Identifier: Apache-2.0
// What the operator set, and the mode that follows from it.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <openexec/openexec.hpp>
#include <openexec/service.hpp>
#include <optional>
#include <string>
#include <vector>

namespace openexec::daemon {

inline std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

/// From the environment first, then from the flags, which win.
struct Settings {
  std::string trust_policy = environment("OPENEXEC_TRUST_POLICY").value_or("");
  std::string executor = environment("OPENEXEC_EXECUTOR").value_or("openexecd");
  std::optional<std::string> chosen_mode = environment("OPENEXEC_MODE");
  std::string mode;  ///< the chosen one, or what follows from the trust policy
  std::string public_key = environment("CLAWSHIELD_PUBLIC_KEY").value_or("");
  std::string tenant = environment("CLAWSHIELD_TENANT_ID").value_or("");
  std::optional<std::string> allowed_actions = environment("OPENEXEC_ALLOWED_ACTIONS");
  std::optional<std::vector<std::string>> allowed;  ///< the same, once it is understood
  std::string db_url = environment("OPENEXEC_DB_URL").value_or("sqlite:///openexec.db");
  std::string handlers = environment("OPENEXEC_HANDLERS").value_or("");
  SqliteOptions ledger{.log = {.key_pem = environment("OPENEXEC_LOG_KEY").value_or(""),
                               .origin = environment("OPENEXEC_LOG_ORIGIN").value_or(""),
                               .anchor = environment("OPENEXEC_LOG_ANCHOR").value_or("")}};
  std::string metrics_listen;
  Limits limits;
  ServiceOptions service = with_admin_socket();

  static ServiceOptions with_admin_socket() {
    ServiceOptions options;
    options.admin_socket = environment("OPENEXEC_ADMIN_SOCKET").value_or("");
    return options;
  }
};

void add_flags(CLI::App& app, Settings& settings);

/// What CLI11 said of a flag, with the variable that may have set it.
std::string with_variable(const CLI::App& app, std::string what);

/// What the service said of one of its options, by the flag that sets it. Unchanged if no flag does.
std::string with_flag(const std::string& detail);

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
