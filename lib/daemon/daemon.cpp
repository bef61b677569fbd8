// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.hpp"

#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>
#include <openexec/openexec.hpp>
#include <openexec/service.hpp>

#include "commands/command_line.hpp"
#include "commands/screen.hpp"
#include "daemon/approving.hpp"
#include "daemon/greeting.hpp"
#include "daemon/settings.hpp"

namespace openexec::daemon {
namespace {

/// Ends the start. Its detail is for the log.
class Refusal : public std::runtime_error {
 public:
  Refusal(int exit_code, const std::string& detail) : std::runtime_error(detail), exit_code_(exit_code) {}
  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

template <class T>
T or_refuse(Result<T> result, int exit_code) {
  if (!result.ok()) throw Refusal(exit_code, result.status().detail());
  return std::move(result).value();
}

void check(const Status& status, int exit_code) {
  if (!status.ok()) throw Refusal(exit_code, status.detail());
}

/// Returns the exit code of a failure. An invalid argument of the library is a wrong setting here, and any other
/// failure is one of the machine.
int exit_code_of(const Status& status) { return status.code() == Code::invalid_argument ? exit_settings : exit_failed; }

struct Actions {
  HandlerTable table;
  std::vector<std::string> names;
};

/// Returns the handlers of the file, and those demonstration handlers whose names the file does not use.
Result<Actions> actions(const Settings& settings, const HandlerTable& demo, const Events& events) {
  Actions actions;
  if (!settings.handlers.empty()) {
    auto added = add_command_handlers(actions.table, settings.handlers,
                                      {.others_may_write = settings.ledger.others_may_write,
                                       .warn = [events](const std::string& finding) { events.warn(finding); },
                                       .log = [events](std::string_view line) { events.line(line); }});
    if (!added.ok()) return within("OPENEXEC_HANDLERS (--handlers)", added.status());
    actions.names = *std::move(added);
  }
  for (const char* name : {"add", "echo"}) {
    if (actions.table.find(name) != nullptr || demo.find(name) == nullptr) continue;
    if (Status added = actions.table.add(name, *demo.find(name)); !added.ok()) return added;
    actions.names.emplace_back(name);
  }
  return actions;
}

/// Refuses a name on the allow-list that has no handler. It was most likely mistyped, and the service would refuse the
/// action that the operator meant. Demo mode only warns, so that it starts with the allow-list of the documents.
Status check_allowed(const Settings& settings, const HandlerTable& table, const Events& events) {
  std::vector<std::string> unknown;
  for (const std::string& action : settings.allowed.value_or(std::vector<std::string>()))
    if (table.find(action) == nullptr) unknown.push_back(action);
  if (unknown.empty()) return Status::success();
  const std::string what =
      "OPENEXEC_ALLOWED_ACTIONS (--allowed-actions): no handler is registered for " + joined(unknown) +
      "; correct the name, or give it a command in the handlers file (OPENEXEC_HANDLERS, --handlers)";
  if (settings.mode != "demo") return {Code::invalid_argument, what};
  events.warn(what);
  return Status::success();
}

void decide_mode(Settings& settings, const Events& events) {
  check(understand(settings), exit_settings);
  settings.mode = or_refuse(mode_of(settings), exit_settings);
  // A trial in demo mode on a loopback address is only warned that other users may write a file. A service is refused.
  settings.ledger.others_may_write = settings.mode == "demo" && is_loopback(settings.service.host);
  settings.ledger.warn = [events](std::string_view finding) { events.warn(finding); };
}

Service listen(Settings& settings, const Approving& approval, const Actions& actions, const Events& events) {
  settings.service.mode = settings.mode;
  settings.service.log = [events](std::string_view line) { events.line(line); };
  settings.service.actions = actions.names;
  if (approval.policy != nullptr && !settings.trust_policy.empty())
    settings.service.reload = reloading(approval.policy, settings.trust_policy);
  auto service = Service::listen(settings.service);
  if (!service.ok()) throw Refusal(exit_code_of(service.status()), with_flag(service.status().detail()));
  return *std::move(service);
}

/// Names the setting at fault if a ledger does not open.
std::shared_ptr<Ledger> open(const Settings& settings) {
  auto ledger = open_ledger(settings.db_url, settings.ledger);
  if (!ledger.ok())
    throw Refusal(exit_code_of(ledger.status()), with_ledger_setting(settings, ledger.status().detail()));
  return *std::move(ledger);
}

/// Judges demo mode on a ledger that has an entry with an approval. It is refused if no mode was chosen, since the
/// operator has most likely forgotten to set one, and is warned of otherwise.
void check_demo(const Settings& settings, Ledger& ledger, const Events& events) {
  if (settings.mode != "demo") return;
  const auto approved = has_approvals(ledger);
  if (!approved.ok()) throw Refusal(exit_failed, "OPENEXEC_DB_URL (--db-url): " + approved.status().detail());
  if (!*approved) return;
  if (!settings.chosen_mode)
    throw Refusal(exit_settings,
                  "this ledger has spent approvals, and no mode is set. Say --mode clawshield or --mode policy "
                  "(OPENEXEC_MODE) to go on, or --mode demo to run everything without verifying it");
  events.warn("this ledger has spent approvals, and in mode demo nothing is verified");
}

Executor assemble(const Settings& settings, std::shared_ptr<Ledger> ledger, const Approving& approval,
                  HandlerTable table) {
  Config config{.tenant = settings.tenant.empty() ? "default" : settings.tenant, .executor = settings.executor};
  config.limits = settings.limits;
  config.allowed_actions = settings.allowed;
  return or_refuse(Executor::assemble(std::move(config), {.store = std::move(ledger), .verifier = approval.verifier},
                                      std::move(table)),
                   exit_failed);
}

int serve(const Host& host, Settings& settings, const Events& events) {
  decide_mode(settings, events);
  const Approving approval = or_refuse(approving(settings, events), exit_settings);
  Actions all = or_refuse(actions(settings, host.demo(), events), exit_settings);
  check(check_allowed(settings, all.table, events), exit_settings);
  // The port is opened first, so that a process that does not get it leaves the ledger unchanged.
  Service listening = listen(settings, approval, all, events);
  auto ledger = open(settings);
  check_demo(settings, *ledger, events);
  Executor executor = assemble(settings, std::move(ledger), approval, std::move(all.table));
  Service serving = std::move(listening);  // destroyed before the executor that it asks
  if (const Status opened = serving.serve(executor); !opened.ok())
    throw Refusal(exit_failed, (opened.code() == Code::overloaded ? "" : "OPENEXEC_ADMIN_SOCKET (--admin-socket): ") +
                                   opened.detail());
  host.out(terminal::on_screen(greeting(settings, executor, all.names, serving.port()), false));

  while (host.next_signal() == Signal::reload) (void)serving.reload();  // its result is in the log
  host.let_signals_end();
  if (serving.drain() == 0) return EXIT_SUCCESS;
  // The nonces of the handlers that still run are in doubt. The next start records that with a log entry.
  events.complain("handlers are still running; their executions are in doubt", exit_failed);
  host.end_at_once(exit_failed);
  return exit_failed;
}

int run(const Host& host, const std::vector<std::string>& arguments, const Events& events) {
  Settings settings(host.environment);
  std::ostringstream text;
  const terminal::Console console{.out = text, .err = text, .terminal = {}, .environment = host.environment};
  terminal::CommandLine line(console, "OpenExec: runs what was approved, at most once, and leaves evidence.",
                             "openexecd");
  add_flags(line, settings);
  try {
    line.parse(arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != EXIT_SUCCESS) return events.complain(line.with_variable(error.what()), exit_settings);
    const int code = line.app().exit(error, text, text);  // --help, --version
    host.out(terminal::on_screen(text.str(), false));
    return code;
  }
  try {
    return serve(host, settings, events);
  } catch (const Refusal& refusal) {
    return events.complain(refusal.what(), refusal.exit_code());
  }
}

}  // namespace

int run_openexecd(const Host& host, const std::vector<std::string>& arguments) noexcept {
  const Events events(host.log);
  try {
    return run(host, arguments, events);
  } catch (const std::exception& failed) {
    return events.complain(failed.what(), exit_failed);
  }
}

}  // namespace openexec::daemon
