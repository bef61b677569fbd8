// SPDX-License-Identifier: Apache-2.0
// openexecd: the boundary as a service. Reads its settings, assembles an executor, serves it until SIGTERM.
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "demo_handlers.hpp"
#include "events.hpp"
#include "screen.hpp"
#include "settings.hpp"

namespace {

using namespace openexec;
using daemon::complain;
using daemon::exit_failed;
using daemon::exit_settings;
using daemon::Settings;
using daemon::warn;

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

/// A refusal that names the setting it comes from.
Status within(std::string_view setting, const Status& status) {
  return {status.code(), std::string(setting).append(": ").append(status.detail())};
}

struct Actions {
  HandlerTable table;
  std::vector<std::string> names;
};

/// What the file gives, and the demonstration handlers where it does not give their names to something else.
Result<Actions> actions(const Settings& settings) {
  Actions actions;
  if (!settings.handlers.empty()) {
    auto added = add_command_handlers(
        actions.table, settings.handlers,
        {.others_may_write = settings.ledger.others_may_write, .warn = warn, .log = daemon::write_log});
    if (!added.ok()) return within("OPENEXEC_HANDLERS (--handlers)", added.status());
    actions.names = *std::move(added);
  }
  const HandlerTable demo = demo_handlers();
  for (const char* name : {"add", "echo"}) {
    if (actions.table.find(name) != nullptr) continue;
    if (Status added = actions.table.add(name, *demo.find(name)); !added.ok()) return added;
    actions.names.emplace_back(name);
  }
  return actions;
}

Result<std::shared_ptr<const Verifier>> verifier(const Settings& settings) {
  if (settings.mode == "demo") return std::shared_ptr<const Verifier>(std::make_shared<DemoVerifier>());
  if (settings.mode == "clawshield") {
    auto made = clawshield_v1({.public_key_pem = settings.public_key, .tenant_id = settings.tenant});
    if (!made.ok()) return within("CLAWSHIELD_PUBLIC_KEY (--public-key)", made.status());
    return made;
  }
  return Status(Code::invalid_argument, "OPENEXEC_MODE (--mode) is \"" + settings.mode +
                                            "\"; set it to clawshield or policy (run what signed approvals allow) or "
                                            "to demo (verifies nothing)");
}

constexpr std::size_t max_policy_bytes = std::size_t{4} << 20;

/// The policy that the file holds now. The detail of a failure names the file, and the line or the member.
Result<TrustPolicy> read_policy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char part[4096];
  while (text.size() <= max_policy_bytes && (file.read(part, sizeof part) || file.gcount() > 0))
    text.append(part, static_cast<std::size_t>(file.gcount()));
  if (file.bad() || !file.eof()) {
    return Status(Code::invalid_argument,
                  path + (text.size() > max_policy_bytes ? ": over 4 MiB" : ": cannot be read"));
  }
  auto policy = TrustPolicy::parse(text);
  if (!policy.ok()) return Status(Code::invalid_argument, path + ": " + policy.status().detail());
  return policy;
}

struct Approving {
  std::shared_ptr<const Verifier> verifier;
  std::shared_ptr<PolicyVerifier> policy;  ///< the same, in mode policy
};

Result<Approving> verify_by_policy(const Settings& settings) {
  // What would be ignored was meant.
  if (!settings.public_key.empty()) {
    return Status(
        Code::invalid_argument,
        "CLAWSHIELD_PUBLIC_KEY (--public-key) is of mode clawshield; in mode policy the keys are in the trust "
        "policy, its member clawshield_v1 included");
  }
  TrustPolicyOptions options{.policy = std::nullopt, .executor = settings.executor, .tenant = settings.tenant};
  if (!settings.trust_policy.empty()) {
    auto policy = read_policy(settings.trust_policy);
    if (!policy.ok()) return within("OPENEXEC_TRUST_POLICY (--trust-policy)", policy.status());
    for (const std::string& warning : policy->warnings()) warn("OPENEXEC_TRUST_POLICY (--trust-policy): " + warning);
    options.policy = *std::move(policy);
  }
  auto verifier = trust_policy_verifier(std::move(options));
  if (!verifier.ok()) return within("OPENEXEC_TRUST_POLICY (--trust-policy)", verifier.status());
  return Approving{*verifier, *verifier};
}

Result<Approving> approving(const Settings& settings) {
  if (settings.mode == "policy") return verify_by_policy(settings);
  if (!settings.trust_policy.empty()) {
    return Status(Code::invalid_argument,
                  "OPENEXEC_TRUST_POLICY (--trust-policy) is given, and OPENEXEC_MODE (--mode) is \"" + settings.mode +
                      "\"; set it to policy, or leave it out");
  }
  auto verify = verifier(settings);
  if (!verify.ok()) return verify.status();
  return Approving{*std::move(verify), nullptr};
}

/// Past the buffers of the standard streams, which without memory swallow a text. A closed output is no failure.
void print(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void introduce(const Settings& settings, const Executor& executor, const std::vector<std::string>& names,
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
  const bool any_name = names_of_ours.empty() && settings.mode != "demo" && !daemon::is_loopback(settings.service.host);
  out << "  names    "
      << (any_name                ? "any (--allowed-hosts is not set, so that the field Host is not checked)"
          : names_of_ours.empty() ? "addresses and localhost"
                                  : joined(names_of_ours) + ", addresses and localhost")
      << "\n";
  const bool v6 = settings.service.host.find(':') != std::string::npos;
  out << "listening on http://" << (v6 ? "[" : "") << settings.service.host << (v6 ? "]" : "") << ":" << port << "\n";
  print(out.str());
}

/// A name on the allow-list that has no handler was most likely mistyped, and then the action that was meant is
/// refused. A trial in demo mode is only warned, so that the allow-list of the documents starts there.
Status check_allowed(const Settings& settings, const HandlerTable& table) {
  std::vector<std::string> unknown;
  for (const std::string& action : settings.allowed.value_or(std::vector<std::string>()))
    if (table.find(action) == nullptr) unknown.push_back(action);
  if (unknown.empty()) return Status::success();
  const std::string what =
      "OPENEXEC_ALLOWED_ACTIONS (--allowed-actions): no handler is registered for " + joined(unknown) +
      "; correct the name, or give it a command in the handlers file (OPENEXEC_HANDLERS, --handlers)";
  if (settings.mode != "demo") return {Code::invalid_argument, what};
  warn(what);
  return Status::success();
}

/// Reads the trust policy again on SIGHUP.
std::function<Result<std::string>()> reloading(std::shared_ptr<PolicyVerifier> verifier, const std::string& path) {
  return [verifier = std::move(verifier), path]() -> Result<std::string> {
    auto read = read_policy(path);
    if (!read.ok()) return within("OPENEXEC_TRUST_POLICY (--trust-policy)", read.status());
    const auto before = verifier->policy();
    std::string in_force = to_hex(read->digest());
    if (before && before->digest() == read->digest()) in_force += "; it was in force already";
    for (const std::string& warning : read->warnings()) in_force += "; warning: " + warning;
    if (Status loaded = verifier->reload(*std::move(read)); !loaded.ok()) return loaded;
    return in_force;
  };
}

/// A ledger that does not open, by the setting that it comes from.
int complain_of_ledger(const Settings& settings, const Status& status) {
  const std::string_view detail = status.detail();
  const std::string& anchor = settings.ledger.log.anchor;
  const bool of_anchor =
      detail.find("anchor") != detail.npos || (!anchor.empty() && detail.find(anchor) != detail.npos);
  if (detail.starts_with("log.key_pem")) return complain("OPENEXEC_LOG_KEY: " + status.detail(), exit_settings);
  if (detail.starts_with("log.origin"))
    return complain("OPENEXEC_LOG_ORIGIN (--log-origin): " + status.detail(), exit_settings);
  return complain(
      (of_anchor ? "OPENEXEC_LOG_ANCHOR (--log-anchor), " : "") + ("OPENEXEC_DB_URL (--db-url): " + status.detail()),
      detail.starts_with("ledger URL: ") ? exit_settings : exit_failed);
}

int run(Settings& settings) {
  if (const Status understood = daemon::understand(settings); !understood.ok())
    return complain(understood.detail(), exit_settings);
  auto mode = daemon::mode_of(settings);
  if (!mode.ok()) return complain(mode.status().detail(), exit_settings);
  settings.mode = *std::move(mode);
  // A trial on one's own machine is only told what a service is refused for.
  settings.ledger.others_may_write = settings.mode == "demo" && daemon::is_loopback(settings.service.host);
  settings.ledger.warn = warn;
  auto approval = approving(settings);
  if (!approval.ok()) return complain(approval.status().detail(), exit_settings);
  auto handlers = actions(settings);
  if (!handlers.ok()) return complain(handlers.status().detail(), exit_settings);
  const std::vector<std::string> names = handlers->names;
  if (const Status listed = check_allowed(settings, handlers->table); !listed.ok())
    return complain(listed.detail(), exit_settings);

  settings.service.mode = settings.mode;
  settings.service.log = daemon::write_log;
  settings.service.actions = names;
  if (approval->policy != nullptr && !settings.trust_policy.empty())
    settings.service.reload = reloading(approval->policy, settings.trust_policy);
  auto service = Service::listen(settings.service);
  if (!service.ok()) {
    const std::string what = daemon::with_flag(service.status().detail());
    // the port has another user, or there are no descriptors
    const bool unavailable = what.find("cannot ") != what.npos;
    return complain(what, what.starts_with("--") && !unavailable ? exit_settings : exit_failed);
  }

  auto ledger = open_ledger(settings.db_url, settings.ledger);
  if (!ledger.ok()) return complain_of_ledger(settings, ledger.status());
  if (settings.mode == "demo") {
    const auto approved = daemon::has_approvals(**ledger);
    if (!approved.ok()) return complain("OPENEXEC_DB_URL (--db-url): " + approved.status().detail(), exit_failed);
    if (*approved && !settings.chosen_mode) {
      return complain(
          "this ledger has spent approvals, and no mode is set. Say --mode clawshield or --mode policy "
          "(OPENEXEC_MODE) to go on, or --mode demo to run everything without verifying it",
          exit_settings);
    }
    if (*approved) warn("this ledger has spent approvals, and in mode demo nothing is verified");
  }
  Config config{.tenant = settings.tenant.empty() ? "default" : settings.tenant, .executor = settings.executor};
  config.limits = settings.limits;
  config.allowed_actions = settings.allowed;
  auto executor = Executor::assemble(std::move(config), {.store = *ledger, .verifier = approval->verifier},
                                     std::move(handlers->table));
  if (!executor.ok()) return complain(executor.status().detail(), exit_failed);
  Service serving = *std::move(service);  // destroyed before the executor that it asks
  if (Status opened = serving.serve(*executor); !opened.ok())
    return complain(
        (opened.code() == Code::overloaded ? "" : "OPENEXEC_ADMIN_SOCKET (--admin-socket): ") + opened.detail(),
        exit_failed);
  introduce(settings, *executor, names, serving.port());

  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::sigaddset(&ends, SIGHUP);
  int signal = 0;
  while (::sigwait(&ends, &signal) != 0 || signal == SIGHUP) (void)serving.reload();  // the log says what became of it
  ::pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);  // a second one ends the process at once
  if (serving.drain() == 0) return EXIT_SUCCESS;
  // Their nonces are in doubt: the next start says so, with a log entry.
  complain("handlers are still running; their executions are in doubt", exit_failed);
  std::_Exit(exit_failed);
}

}  // namespace

int main(int argc, char** argv) try {
#ifdef __GLIBC__
  // What a large request is read into goes back to the system when it is freed, and is not kept for each thread.
  ::mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
  const terminal::Screen screen;
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);  // whoever started us may have ignored it, and commands must be waited for
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::sigaddset(&ends, SIGHUP);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // before any thread, for sigwait

  Settings settings;
  CLI::App app("OpenExec: runs what was approved, at most once, and leaves evidence.", "openexecd");
  daemon::add_flags(app, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == EXIT_SUCCESS) return app.exit(error);  // --help, --version
    return complain(daemon::with_variable(app, error.what()), exit_settings);
  }
  return run(settings);
} catch (const std::exception& failed) {
  return complain(failed.what(), exit_failed);
}
