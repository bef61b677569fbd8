// SPDX-License-Identifier: Apache-2.0
// openexec doubt: lists the executions in doubt of a ledger, and records what an operator found out about one. It uses
// the admin socket of the executor that has the ledger open, or the file while no executor has it open.
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <ostream>
#include <string>

#include <CLI/CLI.hpp>

#include "answers/doubt_json.hpp"
#include "answers/doubts.hpp"
#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "executor_commands/executor_commands.hpp"
#include "log_commands/log_commands.hpp"

namespace openexec::terminal {
namespace {

using log_commands::entries_of;
using log_commands::ledger_option;
using log_commands::open_to_read;

constexpr auto doubt_footer =
    R"(An execution is in doubt when its handler was entered and no outcome was recorded. Ask the system that the handler calls
whether it knows the exec id, then settle it. The first settlement decides what replays tell; later ones are recorded and
change nothing. Nonce and approval stay spent, and nothing is run again.

A ledger whose log key is not in its file NAME.log-key takes it from OPENEXEC_LOG_KEY (PEM).

Exit codes:
  0  listed, shown, or recorded
  1  recorded, but it contradicts an earlier settlement; or refused
  2  wrong usage, or the ledger could not be opened)";

struct Options {
  std::string ledger = "sqlite:///openexec.db";
  std::string socket;
  std::string exec_id;
  std::string found;
  std::string result;
  std::string who = "uid:" + std::to_string(::geteuid());
  std::string why;
  std::string log_key;
  std::string anchor;
};

int list(const Options& options, const Console& console) {
  if (!options.socket.empty()) return ask_admin(options.socket, "GET /doubt", {}, console);
  const auto ledger = open_to_read(options.ledger);
  const auto doubts = or_cannot(ledger->doubts(std::nullopt, std::numeric_limits<std::size_t>::max()), "the ledger");
  console.out << or_cannot(exec::doubts_json(doubts.size(), doubts, *ledger), "the ledger") << '\n';
  return yes;
}

int show(const Options& options, const Console& console) {
  if (!options.socket.empty()) return ask_admin(options.socket, "GET /doubt/" + options.exec_id, {}, console);
  const auto ledger = open_to_read(options.ledger);
  for (const LogLine& line : entries_of(*ledger, options.exec_id)) console.out << line.json << '\n';
  return yes;
}

int settle_through(const Options& options, const Console& console) {
  canon::JsonObject body;
  body.text("exec_id", options.exec_id).text("found", options.found).text("who", options.who).text("why", options.why);
  if (!options.result.empty()) body.raw("result", options.result);
  return ask_admin(options.socket, "POST /doubt/settle", body.take(), console);
}

/// Returns the time of an entry that is not written by an executor. It is never earlier than the ledger's highest time.
Timestamp stamp(Ledger& ledger, Entry& entry) {
  entry.observed_at = std::max(system_clock()->now(), or_cannot(ledger.latest(), "the ledger"));
  return entry.observed_at;
}

int settle(const Options& options, const Console& console) {
  const auto finding = exec::finding_named(options.found, options.result);
  if (!finding.ok()) throw Stop(cannot, shown(finding.status().detail()));
  Digest exec_id{};
  if (!from_hex(options.exec_id, exec_id)) throw Stop(cannot, "the exec id must be 64 lower-case hex digits");
  if (!options.socket.empty()) return settle_through(options, console);
  const auto ledger = or_cannot(
      open_ledger(options.ledger,
                  {.log = {.key_pem = options.log_key, .origin = {}, .anchor = options.anchor}, .must_exist = true}),
      "the ledger");
  const exec::DoubtDesk desk{.store = *ledger,
                             .log = *ledger,
                             .executor = "openexec",
                             .submit = [&](std::span<Operation> operations) { ledger->submit(operations); },
                             .stamp = [&](Entry& entry) { return stamp(*ledger, entry); }};
  const SettlementAnswer answer =
      exec::settle_doubt(desk, exec_id, *finding, {.who = options.who, .why = options.why, .tenant = {}});
  if (!answer.outcome.ok()) throw Stop(no, shown(answer.outcome.detail));
  console.out << exec::settlement_json(answer) << '\n';
  return answer.contradicts ? no : yes;
}

}  // namespace

void add_doubt(CommandLine& line) {
  CLI::App* doubt = line.add(line.app(), "doubt", "Executions in doubt: list them, show one, settle one", {});
  doubt->require_subcommand(1);
  auto options = std::make_shared<Options>();
  const auto command = [&](const char* name, const char* what, int (*run)(const Options&, const Console&)) {
    CLI::App* sub = line.add(*doubt, name, what, doubt_footer);
    ledger_option(line, *sub, options->ledger);
    sub->add_option("--socket", options->socket,
                    "The admin socket of the openexecd that has the ledger, instead of the ledger");
    line.on(*sub, [options, run, &line] {
      options->log_key = line.console().environment("OPENEXEC_LOG_KEY").value_or("");
      return run(*options, line.console());
    });
    return sub;
  };
  command("list", "What is in doubt, oldest first, as JSON", list);
  command("show", "The entries of one execution", show)->add_option("exec-id", options->exec_id, "Its id")->required();
  CLI::App* settle_command = command("settle", "Record what you found out", settle);
  settle_command->add_option("exec-id", options->exec_id, "Its id")->required();
  settle_command->add_option("--found", options->found, "done, not_done or unknown")->required();
  settle_command->add_option("--result", options->result, "What was done, as JSON");
  settle_command->add_option("--why", options->why, "How you know, for the log")->required();
  settle_command->add_option("--who", options->who, "Who found it out, for the log")->capture_default_str();
  CLI::Option* anchor = settle_command->add_option("--anchor", options->anchor, "The ledger's anchor");
  line.from_environment(*settle_command, *anchor, "OPENEXEC_LOG_ANCHOR");
}

}  // namespace openexec::terminal
