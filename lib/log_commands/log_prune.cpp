// SPDX-License-Identifier: Apache-2.0
// openexec log prune: removes old results, and nothing else.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "base/time.hpp"
#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "log_commands/log_commands.hpp"
#include "log_commands/log_progress.hpp"
#include "upkeep/prune.hpp"

namespace openexec::log_commands {
namespace {

using terminal::CommandLine;
using terminal::Console;
using terminal::or_cannot;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

constexpr auto footer = R"(Exit codes:
  0  they are removed, or there were none
  1  declined; nothing was removed
  2  wrong usage, the ledger is in use or could not be read, or there is no terminal to ask on

Entries, tiles, nonces and approvals stay: every proof remains valid, and nothing can run again. A replay of what was
pruned is answered with a null result, its code and its receipt hash. Interrupt it as you like, and run it again.)";

struct Options {
  std::string ledger = "sqlite:///openexec.db";
  std::string before;
  bool yes = false;
  bool json = false;
};

int prune(const Options& options, const Console& console) {
  const auto before = base::parse_time(options.before, base::TimeForm::rfc3339);
  if (!before) throw Stop(terminal::cannot, "--before: expected a time such as 2026-01-01T00:00:00Z");
  (void)open_to_read(options.ledger);
  const std::string path = path_of(options.ledger);
  const store::Prunable found = or_cannot(store::prunable_results(path, *before), "the ledger");
  if (!options.yes && found.results > 0) {
    const std::string count = std::to_string(found.results);
    terminal::confirm(console,
                      grouped(found.results) + " results of " + grouped(found.bytes) + " bytes were sealed before " +
                          base::format_time(*before) + ".\n",
                      "Remove them for ever? Type their number, " + count + ": ", count, "--yes removes without asking",
                      "nothing was removed");
  }
  const store::Prunable removed = [&] {
    Progress progress(console);
    return or_cannot(store::prune_results(
                         path, *before, [&](std::uint64_t claims, std::uint64_t of) { progress.show(claims, of, 0); }),
                     "the ledger");
  }();
  if (options.json) {
    console.out << canon::JsonObject().number("results", removed.results).number("bytes", removed.bytes).take() << '\n';
    return terminal::yes;
  }
  const Style style(console);
  console.out << style.good("pruned") << '\n'
              << terminal::fields(style, {{"results", grouped(removed.results)}, {"bytes", grouped(removed.bytes)}});
  return terminal::yes;
}

}  // namespace

void add_prune(CommandLine& line, CLI::App& log) {
  CLI::App* command = log.add_subcommand("prune", "Remove old results; entries, nonces and proofs stay");
  command->footer(footer);
  auto options = std::make_shared<Options>();
  ledger_option(line, *command, options->ledger);
  command->add_option("--before", options->before, "Those that were sealed before this time (RFC 3339)")->required();
  command->add_flag("--yes", options->yes, "Do not ask");
  command->add_flag("--json", options->json, "Answer in JSON");
  line.on(*command, [options, &line] { return prune(*options, line.console()); });
}

}  // namespace openexec::log_commands
