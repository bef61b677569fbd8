// SPDX-License-Identifier: Apache-2.0
// openexec doubt: what is in doubt in a ledger, and what a person found out about it. Through the admin socket of the
// executor that has the ledger, or on the file while no executor has it.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "admin_command.hpp"
#include "answers/doubt_json.hpp"
#include "answers/doubts.hpp"
#include "canon/json_object.hpp"
#include "log_commands.hpp"
#include "terminal.hpp"

namespace openexec::log_commands {
namespace {

using terminal::shown;
using terminal::Stop;

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

template <class T>
T or_cannot(Result<T> result) {
  if (!result.ok()) throw Stop(terminal::cannot, "the ledger: " + shown(result.status().detail()));
  return *std::move(result);
}

int list(const Options& options) {
  if (!options.socket.empty()) return terminal::ask_admin(options.socket, "GET /doubt", {});
  const auto ledger = open_to_read(options.ledger);
  const auto doubts = or_cannot(ledger->doubts(std::nullopt, std::numeric_limits<std::size_t>::max()));
  std::cout << or_cannot(exec::doubts_json(doubts.size(), doubts, *ledger)) << '\n';
  return terminal::yes;
}

int show(const Options& options) {
  if (!options.socket.empty()) return terminal::ask_admin(options.socket, "GET /doubt/" + options.exec_id, {});
  const auto ledger = open_to_read(options.ledger);
  for (const LogLine& line : entries_of(*ledger, options.exec_id)) std::cout << line.json << '\n';
  return terminal::yes;
}

int settle_through(const Options& options) {
  canon::JsonObject body;
  body.text("exec_id", options.exec_id).text("found", options.found).text("who", options.who).text("why", options.why);
  if (!options.result.empty()) body.raw("result", options.result);
  return terminal::ask_admin(options.socket, "POST /doubt/settle", body.take());
}

/// The time of an entry that no executor stamps: never behind what the ledger has seen.
Timestamp stamp(Ledger& ledger, Entry& entry) {
  entry.observed_at = std::max(system_clock()->now(), or_cannot(ledger.latest()));
  return entry.observed_at;
}

int settle(const Options& options) {
  const auto finding = exec::finding_named(options.found, options.result);
  if (!finding.ok()) throw Stop(terminal::cannot, shown(finding.status().detail()));
  Digest exec_id{};
  if (!from_hex(options.exec_id, exec_id)) throw Stop(terminal::cannot, "the exec id must be 64 lower-case hex digits");
  if (!options.socket.empty()) return settle_through(options);
  const auto ledger = or_cannot(
      open_ledger(options.ledger,
                  {.log = {.key_pem = options.log_key, .origin = {}, .anchor = options.anchor}, .must_exist = true}));
  const exec::DoubtDesk desk{.store = *ledger,
                             .log = *ledger,
                             .executor = "openexec",
                             .submit = [&](std::span<Operation> operations) { ledger->submit(operations); },
                             .stamp = [&](Entry& entry) { return stamp(*ledger, entry); }};
  const SettlementAnswer answer =
      exec::settle_doubt(desk, exec_id, *finding, {.who = options.who, .why = options.why, .tenant = {}});
  if (!answer.outcome.ok()) throw Stop(terminal::no, shown(answer.outcome.detail));
  std::cout << exec::settlement_json(answer) << '\n';
  return answer.contradicts ? terminal::no : terminal::yes;
}

}  // namespace

void add_doubt(CLI::App& app, Chosen& chosen) {
  CLI::App* doubt = app.add_subcommand("doubt", "Executions in doubt: list them, show one, settle one");
  doubt->require_subcommand(1);
  auto options = std::make_shared<Options>();
  const auto command = [&](const char* name, const char* what, int (*run)(const Options&)) {
    CLI::App* sub = doubt->add_subcommand(name, what);
    sub->footer(doubt_footer);
    ledger_option(*sub, options->ledger);
    sub->callback([&chosen, options, run] {
      chosen = [options, run] {
        if (const char* key = std::getenv("OPENEXEC_LOG_KEY")) options->log_key = key;
        return run(*options);
      };
    });
    return sub;
  };
  const auto socket = [&](CLI::App* sub) {
    sub->add_option("--socket", options->socket,
                    "The admin socket of the openexecd that has the ledger, instead of the ledger");
  };
  socket(command("list", "What is in doubt, oldest first, as JSON", list));
  CLI::App* show_command = command("show", "The entries of one execution", show);
  socket(show_command);
  show_command->add_option("exec-id", options->exec_id, "Its id")->required();
  CLI::App* settle_command = command("settle", "Record what you found out", settle);
  socket(settle_command);
  settle_command->add_option("exec-id", options->exec_id, "Its id")->required();
  settle_command->add_option("--found", options->found, "done, not_done or unknown")->required();
  settle_command->add_option("--result", options->result, "What was done, as JSON");
  settle_command->add_option("--why", options->why, "How you know, for the log")->required();
  settle_command->add_option("--who", options->who, "Who found it out, for the log")->capture_default_str();
  settle_command->add_option("--anchor", options->anchor, "The ledger's anchor")->envname("OPENEXEC_LOG_ANCHOR");
}

}  // namespace openexec::log_commands
