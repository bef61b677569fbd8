// SPDX-License-Identifier: Apache-2.0
// openexec log show: shows all members of an entry, and with --follow the entries to come.
#include <chrono>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "answers/outcome_json.hpp"
#include "canon/json.hpp"
#include "commands/terminal.hpp"
#include "log_commands/log_commands.hpp"

namespace openexec::log_commands {
namespace {

using terminal::Console;
using terminal::or_cannot;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

struct Options {
  std::string ledger = "sqlite:///openexec.db";
  std::string entry;
  bool follow = false;
  bool json = false;
};

/// Returns a member of an entry in readable form. A string is shown as it is, null as "-", and anything else as JSON.
std::string cell(canon::View entry, std::string_view name) {
  const auto value = entry.find(name);
  if (!value || value->is(canon::Type::null)) return "-";
  return value->is(canon::Type::string) ? shown(value->string()) : terminal::pretty(*value);
}

canon::Document parse_entry(const LogLine& line) {
  return or_cannot(canon::parse(line.json), "entry " + std::to_string(line.index));
}

void show_entry(const LogLine& line, bool json, const Console& console) {
  if (json) {
    console.out << exec::line_json(line) << '\n';
    return;
  }
  const Style style(console);
  const canon::Document document = parse_entry(line);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [key, value] : document.root()) rows.emplace_back(key, cell(document.root(), key));
  rows.emplace_back("leaf hash", to_hex(line.leaf_hash));
  console.out << style.strong("entry " + std::to_string(line.index)) << '\n' << terminal::fields(style, rows);
}

/// Shows new entries until the process is interrupted or the reader of the output has gone.
[[noreturn]] void follow(Ledger& ledger, std::uint64_t next, bool json, const Console& console) {
  for (;;) {
    const auto lines = or_cannot(ledger.read(next, 256), "the log");
    for (const LogLine& line : lines) show_entry(line, json, console);
    next += lines.size();
    console.out << std::flush;
    if (!console.out) throw Stop(terminal::cannot, "nobody reads what is shown");
    if (lines.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

int show(const Options& options, const Console& console) {
  const auto ledger = open_to_read(options.ledger);
  std::vector<LogLine> lines;
  if (!options.entry.empty()) lines = entries_of(*ledger, options.entry);
  for (const LogLine& line : lines) show_entry(line, options.json, console);
  if (options.follow)
    follow(*ledger, lines.empty() ? or_cannot(ledger->size(), "the log") : lines.back().index + 1, options.json,
           console);
  if (options.entry.empty()) throw Stop(terminal::cannot, "give an entry, or --follow for those to come");
  if (lines.empty()) throw Stop(terminal::no, "no such entry; see openexec log list");
  return terminal::yes;
}

}  // namespace

void add_show(CommandLine& line, CLI::App& log) {
  CLI::App* command = line.add(log, "show", "All of an entry", terminal::common_exit_codes);
  auto options = std::make_shared<Options>();
  ledger_option(line, *command, options->ledger);
  command->add_flag("--json", options->json, "One JSON object a line");
  command->add_option("entry", options->entry, "An index, or an exec id: all entries of that execution");
  command->add_flag("--follow", options->follow, "And every entry that comes after it, as it comes");
  line.on(*command, [options, &line] { return show(*options, line.console()); });
}

}  // namespace openexec::log_commands
