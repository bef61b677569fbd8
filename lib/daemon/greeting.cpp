// SPDX-License-Identifier: Apache-2.0
#include "daemon/greeting.hpp"

#include <sstream>

#include <openexec/openexec.hpp>

namespace openexec::daemon {

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

std::string greeting(const Settings& settings, const Executor& executor, const std::vector<std::string>& names,
                     std::uint16_t port) {
  std::ostringstream out;
  out.exceptions(std::ios::badbit);  // without memory the start fails: half a greeting would leave out the address
  out << "OpenExec " << version() << "\n";
  if (settings.mode == "demo") {
    out << "  mode     demo: NO APPROVAL IS VERIFIED. Whoever reaches this port may run every action below.\n"
           "           For signed approvals set OPENEXEC_MODE=clawshield, CLAWSHIELD_PUBLIC_KEY, "
           "CLAWSHIELD_TENANT_ID, or OPENEXEC_TRUST_POLICY, CLAWSHIELD_TENANT_ID.\n";
  } else if (settings.mode == "policy") {
    out << "  mode     policy: runs what the approvals allow that the trust policy accepts, once\n";
  } else {
    out << "  mode     clawshield: runs what a signed approval allows, once\n";
  }
  if (const Status ready = executor.ready(); !ready.ok()) out << "  REFUSES  " << ready.detail() << "\n";
  const std::string ledger =
      settings.db_url.starts_with("sqlite:") ? settings.db_url : settings.db_url.substr(0, settings.db_url.find(':'));
  out << "  ledger   " << (ledger == "sqlite://" ? "in memory: nothing outlives this process" : ledger) << "\n"
      << "  log key  " << executor.log().transparency()->verifier_key() << "\n"
      << "  actions  " << joined(names) << "\n"
      << "  allowed  "
      << (executor.config().allowed_actions ? joined(*executor.config().allowed_actions)
                                            : "all of them (OPENEXEC_ALLOWED_ACTIONS is not set)")
      << "\n";
  const auto& names_of_ours = settings.service.allowed_hosts;
  const bool any_name = names_of_ours.empty() && settings.mode != "demo" && !is_loopback(settings.service.host);
  out << "  names    "
      << (any_name                ? "any (--allowed-hosts is not set, so that the field Host is not checked)"
          : names_of_ours.empty() ? "addresses and localhost"
                                  : joined(names_of_ours) + ", addresses and localhost")
      << "\n";
  const bool v6 = settings.service.host.find(':') != std::string::npos;
  out << "listening on http://" << (v6 ? "[" : "") << settings.service.host << (v6 ? "]" : "") << ":" << port << "\n";
  return out.str();
}

}  // namespace openexec::daemon
