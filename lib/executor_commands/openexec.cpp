// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <openexec/version.hpp>

#include "executor_commands/executor_commands.hpp"

namespace openexec::terminal {
namespace {

void add_log(CommandLine& line, log_commands::AskWitness ask_witness) {
  CLI::App* log = line.add(line.app(), "log", "Look at the log, also beside a running executor", common_exit_codes);
  log->require_subcommand(1);
  log_commands::add_show(line, *log);
  log_commands::add_list(line, *log);
  log_commands::add_verify(line, *log);
  log_commands::add_key(line, *log);
  log_commands::add_prune(line, *log);
  log_commands::add_proof(line, *log);
  log_commands::add_consistency(line, *log);
  log_commands::add_export(line, *log);
  if (ask_witness) log_commands::add_cosign(line, *log, std::move(ask_witness));
}

}  // namespace

int run_openexec(const Console& console, const std::vector<std::string>& arguments, OpenexecParts parts) {
  CommandLine line(
      console, "OpenExec: what an agent proposes runs only if somebody else approved it, once, and leaves evidence.",
      "openexec");
  line.app().set_version_flag("--version", std::string(version()));
  line.app().require_subcommand(1);
  line.app().footer(common_exit_codes);
  add_hash(line);
  add_canon(line);
  add_verify_receipt(line);
  add_receipt(line);
  add_execute(line, std::move(parts.handlers));
  add_log(line, std::move(parts.ask_witness));
  log_commands::add_ledger(line, line.app());
  add_doubt(line);
  add_admin(line);
  add_demo(line);
  // Wrong arguments get this code as well, so that an auditor does not take them for an answer about the evidence.
  const bool about_evidence = !arguments.empty() && arguments.front() == "receipt";
  return line.run(arguments, about_evidence ? evidence_cannot : cannot);
}

}  // namespace openexec::terminal
