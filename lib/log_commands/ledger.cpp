// SPDX-License-Identifier: Apache-2.0
// openexec ledger: the commands that work on a ledger's file.
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <openexec/receipt.hpp>

#include "base/time.hpp"
#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "evidence/adoption.hpp"
#include "ledger/adopt.hpp"
#include "log_commands/log_commands.hpp"
#include "log_commands/log_progress.hpp"
#include "upkeep/backup.hpp"
#include "upkeep/log_audit.hpp"
#include "upkeep/rebuild.hpp"

namespace openexec::log_commands {
namespace {

using terminal::CommandLine;
using terminal::Console;
using terminal::or_cannot;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

constexpr auto adopt_footer =
    R"(A ledger that was copied, restored or cloned has forgotten what was spent since, and does not open for writing. This
command makes the file the ledger, as it is now. It is valid for exactly this file: another copy needs it again.

Approvals that were issued up to now, and --issued-ahead seconds further, are refused for ever, since the lost part may
have spent them: ask for new ones. Without approvals (demo mode) an adopted ledger takes no tenant that it had before.

A ledger whose log key is not in its file NAME.log-key takes it from OPENEXEC_LOG_KEY (PEM).

Exit codes:
  0  the file is the ledger
  2  wrong usage, or the ledger could not be adopted; nothing changed)";

constexpr auto rebuild_footer =
    R"(For a ledger whose index is damaged: `openexec log verify` says so. Claims and entries are read and checked, the index
is built from them. Interrupted, the ledger does not open until this was run to its end.

Exit codes:
  0  the index was rebuilt
  2  wrong usage, or the ledger's rows are damaged too)";

constexpr auto backup_footer =
    R"(Works beside a running executor, and does not hold it up. FILE is new, of mode 0600, and verified as by `openexec log
verify`. The log key goes with it as FILE.log-key, so keep a backup as safe as the ledger; the anchor (--anchor) as
FILE.anchor. A backup remembers what was spent until it was made: `openexec ledger restore`.

Exit codes:
  0  the backup is there, and agrees with itself
  1  it was made, and something differs: `openexec log verify --ledger sqlite:///FILE` says what
  2  wrong usage, or it could not be made; nothing is left behind)";

constexpr auto restore_footer =
    R"(With the service stopped. Puts a backup in the place of a ledger that is gone, and adopts it as `openexec ledger adopt`
does: approvals that were issued up to now, and --issued-ahead seconds further, are refused for ever. A log key that
stayed there is kept where it is the backup's.

A ledger whose log key is not in its file NAME.log-key takes it from OPENEXEC_LOG_KEY (PEM).

Exit codes:
  0  the restored file is the ledger
  2  wrong usage, or something else is in that place, or the backup could not be adopted; nothing is left behind)";

struct Options {
  std::string ledger = "sqlite:///openexec.db";
  std::string why;
  std::string who = "uid:" + std::to_string(::geteuid());
  std::string tenant = "default";
  std::string file;  ///< path of a backup
  std::string log_key;
  std::string anchor;
  std::uint32_t issued_ahead = 60;
  bool json = false;
};

int adopt(const Options& options, const Console& console) {
  if (options.why.empty() || options.why.size() > 1024) throw Stop(terminal::cannot, "--why: must be 1 to 1,024 bytes");
  store::AdoptOptions adopting;
  adopting.log = {.key_pem = options.log_key, .origin = {}, .anchor = options.anchor};
  adopting.issued_ahead = std::chrono::seconds(options.issued_ahead);
  adopting.entry = [&](const std::string& identity, Timestamp floor, Timestamp now) {
    return exec::adoption_entry(
        {.kind = "adopt", .id = identity, .tenant = {}, .who = options.who, .why = options.why, .time = floor},
        options.tenant, "openexec", now);
  };
  const store::Adopted adopted = or_cannot(store::adopt_ledger(path_of(options.ledger), adopting), "the ledger");
  if (options.json) {
    console.out << canon::JsonObject()
                       .text("identity", adopted.identity)
                       .text("floor", base::format_time(adopted.floor))
                       .number("entry", adopted.entry)
                       .take()
                << '\n';
    return terminal::yes;
  }
  const Style style(console);
  console.out << style.good("adopted") << '\n'
              << terminal::fields(style,
                                  {{"file", adopted.identity},
                                   {"approvals", "count only if issued after " + base::format_time(adopted.floor)},
                                   {"entry", grouped(adopted.entry)}});
  return terminal::yes;
}

Status is_entry(std::string_view json, const Digest*) { return Entry::from_json(json).status(); }

/// The files that the command made.
std::vector<std::string> copy(const std::string& from, const std::string& to, const std::string& anchor = {}) {
  auto made = store::copy_ledger(from, to, anchor);
  return or_cannot(std::move(made), "the backup");
}

int backup(const Options& options, const Console& console) {
  (void)copy(path_of(options.ledger), options.file, options.anchor);
  store::AuditOptions auditing;
  auditing.well_formed = is_entry;
  if (!options.anchor.empty()) auditing.anchor = options.file + ".anchor";
  const store::LogAudit audit = [&] {
    Progress progress(console);
    auditing.progress = [&](std::uint64_t done, std::uint64_t of, std::uint64_t bytes) {
      progress.show(done, of, bytes);
    };
    return or_cannot(store::audit_log(options.file, auditing), "the ledger");
  }();
  const bool good = audit.difference_count == 0;
  if (options.json) {
    console.out << canon::JsonObject()
                       .boolean("verified", good)
                       .text("file", options.file)
                       .number("entries", audit.entries)
                       .text("root", to_hex(audit.root))
                       .boolean("anchor_missing", audit.expects_anchor)
                       .take()
                << '\n';
  } else {
    const Style style(console);
    console.out << (good ? style.good("backed up") : style.bad("backed up, and NOT verified")) << '\n'
                << terminal::fields(style,
                                    {{"file", shown(options.file)},
                                     {"entries", grouped(audit.entries)},
                                     {"root", to_hex(audit.root)},
                                     {"anchor", audit.anchored         ? "covers " + grouped(*audit.anchored)
                                                : audit.expects_anchor ? "left out; the ledger has one: give --anchor"
                                                                       : "-"}});
  }
  return good ? terminal::yes : terminal::no;
}

int restore(const Options& options, const Console& console) {
  const std::vector<std::string> made = copy(options.file, path_of(options.ledger));
  try {
    return adopt(options, console);
  } catch (...) {  // the operator must not be left with a ledger that does not open
    store::remove_copy(made);
    throw;
  }
}

int rebuild(const Options& options, const Console& console) {
  const std::uint64_t keys = [&] {
    Progress progress(console);
    return or_cannot(store::rebuild_index(path_of(options.ledger),
                                          [&](std::uint64_t done, std::uint64_t of) { progress.show(done, of, 0); }),
                     "the ledger");
  }();
  if (options.json) {
    console.out << canon::JsonObject().number("keys", keys).take() << '\n';
    return terminal::yes;
  }
  const Style style(console);
  console.out << style.good("rebuilt") << '\n' << terminal::fields(style, {{"keys", grouped(keys)}});
  return terminal::yes;
}

}  // namespace

void add_ledger(CommandLine& line, CLI::App& app) {
  CLI::App* ledger = app.add_subcommand("ledger", "What is done to a ledger's file");
  ledger->require_subcommand(1);
  auto options = std::make_shared<Options>();

  const auto adopting = [&](const char* name, const char* what, const char* footer,
                            int (*run)(const Options&, const Console&)) {
    CLI::App* command = ledger->add_subcommand(name, what);
    command->footer(footer);
    ledger_option(line, *command, options->ledger);
    command->add_option("--why", options->why, "Why, for the log")->required();
    command->add_option("--who", options->who, "Who, for the log")->capture_default_str();
    command->add_option("--tenant", options->tenant, "The tenant that the entry names")->capture_default_str();
    line.from_environment(
        *command, *command->add_option("--anchor", options->anchor, "The ledger's anchor, which is written anew"),
        "OPENEXEC_LOG_ANCHOR");
    command
        ->add_option("--issued-ahead", options->issued_ahead, "Seconds that approvals may be issued ahead of the clock")
        ->check(CLI::Range(0U, 86'400U))
        ->capture_default_str();
    command->add_flag("--json", options->json, "Answer in JSON");
    line.on(*command, [options, run, &line] {
      options->log_key = line.console().environment("OPENEXEC_LOG_KEY").value_or("");
      return run(*options, line.console());
    });
    return command;
  };
  adopting("adopt", "Make a copied or restored file the ledger", adopt_footer, adopt);
  adopting("restore", "Put a backup in the place of a ledger that is gone, and adopt it", restore_footer, restore)
      ->add_option("file", options->file, "A backup")
      ->required();

  CLI::App* backup_command = ledger->add_subcommand("backup", "Copy the ledger, beside a running executor");
  backup_command->footer(backup_footer);
  ledger_option(line, *backup_command, options->ledger);
  backup_command->add_option("file", options->file, "The new file")->required();
  line.from_environment(
      *backup_command,
      *backup_command->add_option("--anchor", options->anchor, "The ledger's anchor, which is copied too"),
      "OPENEXEC_LOG_ANCHOR");
  backup_command->add_flag("--json", options->json, "Answer in JSON");
  line.on(*backup_command, [options, &line] { return backup(*options, line.console()); });

  CLI::App* rebuild_command = ledger->add_subcommand("rebuild-index", "Build the index anew from claims and entries");
  rebuild_command->footer(rebuild_footer);
  ledger_option(line, *rebuild_command, options->ledger);
  rebuild_command->add_flag("--json", options->json, "Answer in JSON");
  line.on(*rebuild_command, [options, &line] { return rebuild(*options, line.console()); });
}

}  // namespace openexec::log_commands
