// SPDX-License-Identifier: Apache-2.0
// openexec log verify: computes everything that a ledger says of its log again, and compares it.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <openexec/receipt.hpp>

#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "log_commands/log_commands.hpp"
#include "log_commands/log_progress.hpp"
#include "upkeep/log_audit.hpp"

namespace openexec::log_commands {
namespace {

using canon::JsonObject;
using std::chrono::steady_clock;
using terminal::CommandLine;
using terminal::Console;
using terminal::or_cannot;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

constexpr auto footer = R"(Exit codes:
  0  everything is what it has to be
  1  something differs; what, is said entry by entry and tile by tile
  2  wrong usage, or the ledger could not be read

It reads beside a running executor, as far as the log reached when it began. A ledger that was set back as a whole agrees
with itself: only an anchor (--anchor), or a witness, knows that it once was longer.)";

struct Options {
  std::string ledger = "sqlite:///openexec.db";
  std::string anchor;
  bool json = false;
};

Status is_entry(std::string_view json, const Digest* exec_id) {
  const Result<Entry> entry = Entry::from_json(json);
  if (!entry.ok()) return entry.status();
  if (entry->exec_id != (exec_id == nullptr ? std::string() : to_hex(*exec_id)))
    return {Code::invalid_argument, "entry: exec_id: not the one under which the ledger finds it"};
  return Status::success();
}

std::string as_json(const store::LogAudit& audit, double seconds) {
  std::string differences;
  for (const store::LogDifference& each : audit.differences) {
    JsonObject one;
    one.text("part", each.part);
    if (each.index) one.number("index", *each.index);
    if (!each.tile.empty()) one.text("tile", each.tile);
    differences += (differences.empty() ? "" : ",") + one.text("what", each.what).take();
  }
  JsonObject json;
  json.boolean("verified", audit.difference_count == 0)
      .number("size", audit.size)
      .text("root", to_hex(audit.root))
      .number("entries", audit.entries)
      .number("bytes", audit.bytes)
      .number("tiles", audit.tiles);
  audit.cosigned ? json.number("cosigned", *audit.cosigned) : json.raw("cosigned", "null");
  audit.anchored ? json.number("anchored", *audit.anchored) : json.raw("anchored", "null");
  return json.boolean("anchor_missing", audit.expects_anchor)
      .number("milliseconds", static_cast<std::uint64_t>(seconds * 1000))
      .number("difference_count", audit.difference_count)
      .raw("differences", "[" + differences + "]")
      .take();
}

void print(const store::LogAudit& audit, double seconds, const Console& console) {
  const Style style(console);
  for (const store::LogDifference& each : audit.differences) console.out << shown(each.what) << '\n';
  if (audit.difference_count > audit.differences.size())
    console.out << "... and " << grouped(audit.difference_count - audit.differences.size()) << " more\n";
  if (audit.difference_count == 0)
    console.out << style.good("verified") << '\n';
  else
    console.out << style.bad("NOT verified") << ": " << grouped(audit.difference_count)
                << (audit.difference_count == 1 ? " difference\n" : " differences\n");
  char took[64];
  std::snprintf(took, sizeof took, "%.1f s", seconds);
  const std::string anchor = audit.anchored         ? "true, and covers " + grouped(*audit.anchored)
                             : audit.expects_anchor ? "not looked at; the ledger has one: give --anchor"
                                                    : "-";
  console.out << terminal::fields(style, {{"entries", grouped(audit.entries) + " of " + grouped(audit.size)},
                                          {"root", to_hex(audit.root)},
                                          {"tiles", grouped(audit.tiles)},
                                          {"cosigned", audit.cosigned ? "up to " + grouped(*audit.cosigned) : "-"},
                                          {"anchor", anchor},
                                          {"took", took}});
}

int verify(const Options& options, const Console& console) {
  (void)open_to_read(options.ledger);
  const auto start = steady_clock::now();
  store::AuditOptions audit;
  audit.well_formed = is_entry;
  audit.anchor = options.anchor;
  const Result<store::LogAudit> found = [&] {
    Progress progress(console);
    audit.progress = [&](std::uint64_t done, std::uint64_t of, std::uint64_t bytes) { progress.show(done, of, bytes); };
    return store::audit_log(path_of(options.ledger), audit);
  }();
  if (!found.ok()) throw Stop(terminal::cannot, "the log: " + shown(found.status().detail()));
  const double seconds = seconds_since(start);
  if (options.json)
    console.out << as_json(*found, seconds) << '\n';
  else
    print(*found, seconds, console);
  return found->difference_count == 0 ? terminal::yes : terminal::no;
}

}  // namespace

void ledger_option(CommandLine& line, CLI::App& command, std::string& url) {
  CLI::Option* option = command.add_option("--ledger", url, "sqlite:///relative.db, sqlite:////absolute.db");
  line.from_environment(command, *option->capture_default_str(), "OPENEXEC_DB_URL");
}

std::shared_ptr<Ledger> open_to_read(const std::string& url) {
  return or_cannot(open_ledger(url, {.read_only = true, .log = {}}), "the ledger " + shown(url));
}

std::string path_of(const std::string& url) { return url.substr(std::string_view("sqlite:///").size()); }

std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

void add_verify(CommandLine& line, CLI::App& log) {
  CLI::App* command = log.add_subcommand("verify", "Derive everything again, from the entries to the checkpoint");
  command->footer(footer);
  auto options = std::make_shared<Options>();
  ledger_option(line, *command, options->ledger);
  CLI::Option* anchor =
      command->add_option("--anchor", options->anchor, "The file that holds the newest checkpoint outside the ledger");
  line.from_environment(*command, *anchor, "OPENEXEC_LOG_ANCHOR");
  command->add_flag("--json", options->json, "Answer in JSON");
  line.on(*command, [options, &line] { return verify(*options, line.console()); });
}

}  // namespace openexec::log_commands
