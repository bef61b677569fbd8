// openexec ledger: what is done to a ledger's file while no executor has it.
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <cstdlib>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/time.hpp"
#include "canon/json_object.hpp"
#include "exec/adoption.hpp"
#include "log_commands.hpp"
#include "log_progress.hpp"
#include "store/adopt.hpp"
#include "store/rebuild.hpp"
#include "terminal.hpp"

namespace openexec::log_commands {
namespace {

using terminal::shown;
using terminal::Stop;
using terminal::Style;

constexpr auto adopt_footer = R"(A ledger that was copied, restored or cloned has forgotten what was spent since, and does not open for writing. This
command makes the file the ledger, as it is now. It is valid for exactly this file: another copy needs it again.

Approvals that were issued up to now, and --issued-ahead seconds further, are refused for ever, since the lost part may
have spent them: ask for new ones. Without approvals (demo mode) an adopted ledger takes no tenant that it had before.

Exit codes:
  0  the file is the ledger
  2  wrong usage, or the ledger could not be adopted; nothing changed)";

constexpr auto rebuild_footer = R"(For a ledger whose index is damaged: `openexec log verify` says so. Claims and entries are read and checked, the index
is built from them. Interrupted, the ledger does not open until this was run to its end.

Exit codes:
  0  the index was rebuilt
  2  wrong usage, or the ledger's rows are damaged too)";

struct Options {
  std::string ledger = "sqlite:///openexec.db";
  std::string why;
  std::string who = "uid:" + std::to_string(::geteuid());
  std::string tenant = "default";
  std::string log_key;
  std::string anchor;
  std::uint32_t issued_ahead = 60;
  bool json = false;
};

template <class T>
T or_cannot(Result<T> result) {
  if (!result.ok()) throw Stop(terminal::cannot, "the ledger: " + shown(result.status().detail()));
  return *std::move(result);
}

int adopt(const Options& options) {
  if (options.why.empty() || options.why.size() > 1024) throw Stop(terminal::cannot, "--why: must be 1 to 1,024 bytes");
  store::AdoptOptions adopting;
  adopting.log = {.key_pem = options.log_key, .origin = {}, .anchor = options.anchor};
  adopting.issued_ahead = std::chrono::seconds(options.issued_ahead);
  adopting.entry = [&](const std::string& identity, Timestamp floor, Timestamp now) {
    return exec::adoption_entry({.kind = "adopt", .id = identity, .tenant = {}, .who = options.who, .why = options.why, .time = floor},
                                options.tenant, "openexec", now);
  };
  const store::Adopted adopted = or_cannot(store::adopt_ledger(path_of(options.ledger), adopting));
  if (options.json) {
    std::cout << canon::JsonObject()
                     .text("identity", adopted.identity)
                     .text("floor", base::format_time(adopted.floor))
                     .number("entry", adopted.entry)
                     .take()
              << '\n';
    return terminal::yes;
  }
  const Style style(STDOUT_FILENO);
  std::cout << style.good("adopted") << '\n'
            << terminal::fields(style, {{"file", adopted.identity},
                                        {"approvals", "count only if issued after " + base::format_time(adopted.floor)},
                                        {"entry", grouped(adopted.entry)}});
  return terminal::yes;
}

int rebuild(const Options& options) {
  const std::uint64_t keys = [&] {
    Progress progress(::isatty(STDERR_FILENO) == 1);
    return or_cannot(store::rebuild_index(path_of(options.ledger), [&](std::uint64_t done, std::uint64_t of) { progress.show(done, of, 0); }));
  }();
  if (options.json) {
    std::cout << canon::JsonObject().number("keys", keys).take() << '\n';
    return terminal::yes;
  }
  const Style style(STDOUT_FILENO);
  std::cout << style.good("rebuilt") << '\n' << terminal::fields(style, {{"keys", grouped(keys)}});
  return terminal::yes;
}

}  // namespace

void add_ledger(CLI::App& app, Chosen& chosen) {
  CLI::App* ledger = app.add_subcommand("ledger", "What is done to a ledger while no executor has it");
  ledger->require_subcommand(1);
  auto options = std::make_shared<Options>();

  CLI::App* adopt_command = ledger->add_subcommand("adopt", "Make a copied or restored file the ledger");
  adopt_command->footer(adopt_footer);
  ledger_option(*adopt_command, options->ledger);
  adopt_command->add_option("--why", options->why, "Why, for the log")->required();
  adopt_command->add_option("--who", options->who, "Who, for the log")->capture_default_str();
  adopt_command->add_option("--tenant", options->tenant, "The tenant that the entry names")->capture_default_str();
  adopt_command->add_option("--anchor", options->anchor, "The ledger's anchor, which is written anew")->envname("OPENEXEC_LOG_ANCHOR");
  adopt_command->add_option("--issued-ahead", options->issued_ahead, "Seconds that approvals may be issued ahead of the clock")
      ->check(CLI::Range(0U, 86'400U))
      ->capture_default_str();
  adopt_command->add_flag("--json", options->json, "Answer in JSON");
  adopt_command->callback([&chosen, options] {
    chosen = [options] {
      if (const char* key = std::getenv("OPENEXEC_LOG_KEY")) options->log_key = key;
      return adopt(*options);
    };
  });

  CLI::App* rebuild_command = ledger->add_subcommand("rebuild-index", "Build the index anew from claims and entries");
  rebuild_command->footer(rebuild_footer);
  ledger_option(*rebuild_command, options->ledger);
  rebuild_command->add_flag("--json", options->json, "Answer in JSON");
  rebuild_command->callback([&chosen, options] { chosen = [options] { return rebuild(*options); }; });
}

}  // namespace openexec::log_commands
