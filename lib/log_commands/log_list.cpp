// SPDX-License-Identifier: Apache-2.0
// openexec log list: shows entries, one on each line, all of them or those that match the filters.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <openexec/openexec.hpp>

#include "base/time.hpp"
#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "log_commands/log_commands.hpp"

namespace openexec::log_commands {
namespace {

using terminal::CommandLine;
using terminal::Console;
using terminal::or_cannot;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

constexpr std::size_t at_once = 1000;

struct Options {
  std::string ledger = "sqlite:///openexec.db";
  std::optional<std::uint64_t> first;
  std::size_t count = 20;
  std::string action;
  std::string code;
  std::string verdict;
  std::string exec_id;
  std::string since;
  bool json = false;
};

struct Found {
  LogLine line;
  Entry entry;
};

/// The filters of the list. An entry is listed if it matches every filter that is given.
class Filter {
 public:
  explicit Filter(const Options& options) : options_(options) {
    constexpr std::array verdicts{Verdict::refused,  Verdict::executed,   Verdict::failed, Verdict::replayed,
                                  Verdict::in_doubt, Verdict::suppressed, Verdict::control};
    std::string known;
    for (const Verdict verdict : verdicts) known.append(known.empty() ? "" : ", ").append(name(verdict));
    const auto is_verdict = [&](Verdict verdict) { return name(verdict) == options.verdict; };
    if (!options.verdict.empty() && std::none_of(verdicts.begin(), verdicts.end(), is_verdict))
      throw Stop(terminal::cannot, "--verdict: must be one of " + known);
    if (!options.code.empty() && !code_from_name(options.code))
      throw Stop(terminal::cannot, "--code: must be the name of a code (docs/errors.md)");
    Digest digest{};
    if (!options.exec_id.empty() && !from_hex(options.exec_id, digest))
      throw Stop(terminal::cannot, "--exec-id: must be 64 lower-case hexadecimal digits");
    if (options.since.empty()) return;
    since_ = base::parse_time(options.since, base::TimeForm::rfc3339);
    if (!since_) throw Stop(terminal::cannot, "--since: must be a time such as 2026-01-31T12:00:00Z (RFC 3339)");
  }

  [[nodiscard]] bool wants(const Entry& entry) const {
    return (options_.action.empty() || entry.action == options_.action) &&
           (options_.code.empty() || name(entry.code) == options_.code) &&
           (options_.verdict.empty() || name(entry.verdict) == options_.verdict) &&
           (options_.exec_id.empty() || entry.exec_id == options_.exec_id) &&
           (!since_ || entry.observed_at.micros >= since_->micros);
  }

 private:
  const Options& options_;
  std::optional<Timestamp> since_;
};

void take(const std::vector<LogLine>& lines, const Filter& filter, std::vector<Found>& found) {
  for (const LogLine& line : lines) {
    Entry entry = or_cannot(Entry::from_json(line.json), "entry " + std::to_string(line.index));
    if (filter.wants(entry)) found.push_back({line, std::move(entry)});
  }
}

/// Returns the first `count` matching entries from `first` on, in order.
std::vector<Found> forwards(Ledger& ledger, const Options& options, const Filter& filter) {
  std::vector<Found> found;
  for (std::uint64_t next = *options.first; found.size() < options.count;) {
    const auto lines = or_cannot(ledger.read(next, at_once), "the log");
    if (lines.empty()) break;
    take(lines, filter, found);
    next += lines.size();
  }
  if (found.size() > options.count) found.resize(options.count);
  return found;
}

/// Returns the newest `count` matching entries, in order.
std::vector<Found> newest(Ledger& ledger, std::uint64_t size, const Options& options, const Filter& filter) {
  std::vector<Found> found;
  for (std::uint64_t end = size; end > 0 && found.size() < options.count;) {
    const std::uint64_t begin = end - std::min<std::uint64_t>(end, at_once);
    std::vector<Found> older;
    take(or_cannot(ledger.read(begin, static_cast<std::size_t>(end - begin)), "the log"), filter, older);
    older.insert(older.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    found = std::move(older);
    end = begin;
  }
  if (found.size() > options.count)
    found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(options.count));
  return found;
}

/// Returns the action or, for an entry of verdict `control`, the order and its subject.
std::string what_of(const Entry& entry) {
  if (!entry.control) return entry.action.empty() ? "-" : entry.action;
  std::string what = entry.control->kind;
  for (const std::string* part : {&entry.control->id, &entry.control->tenant})
    if (!part->empty()) what.append(" ").append(shown(*part));
  return what + " by " + shown(entry.control->who);
}

std::string painted(const Style& style, Verdict verdict) {
  const bool good = verdict == Verdict::executed || verdict == Verdict::replayed;
  return good ? style.good(name(verdict)) : style.bad(name(verdict));
}

int list(const Options& options, const Console& console) {
  const Filter filter(options);
  const auto ledger = open_to_read(options.ledger);
  const std::uint64_t size = or_cannot(ledger->size(), "the log");
  const auto found = options.first ? forwards(*ledger, options, filter) : newest(*ledger, size, options, filter);
  const Style style(console);
  std::vector<std::vector<std::string>> rows;
  for (const auto& [line, entry] : found) {
    if (options.json) {
      console.out << canon::JsonObject()
                         .number("index", line.index)
                         .text("leaf_hash", to_hex(line.leaf_hash))
                         .raw("entry", line.json)
                         .take()
                  << '\n';
    } else {
      rows.push_back({std::to_string(line.index), base::format_time(entry.observed_at), painted(style, entry.verdict),
                      std::string(name(entry.effect)), std::string(name(entry.code)), what_of(entry),
                      entry.exec_id.empty() ? "-" : entry.exec_id.substr(0, 12)});
    }
  }
  if (options.json) return terminal::yes;
  console.out << terminal::table(style, {"INDEX", "TIME", "VERDICT", "EFFECT", "CODE", "ACTION OR ORDER", "EXEC ID"},
                                 rows)
              << style.faint(std::to_string(found.size()) + " of " + std::to_string(size) + " entries") << '\n';
  return terminal::yes;
}

}  // namespace

void add_list(CommandLine& line, CLI::App& log) {
  CLI::App* command = log.add_subcommand("list", "Entries, a line each");
  auto options = std::make_shared<Options>();
  ledger_option(line, *command, options->ledger);
  command->add_flag("--json", options->json, "One JSON object a line");
  command->add_option("--first", options->first, "Start at this index, not at the end");
  command->add_option("--count", options->count, "How many")->check(CLI::Range(1, 100'000))->capture_default_str();
  command->add_option("--action", options->action, "Only of this action");
  command->add_option("--code", options->code, "Only with this code, such as approval_expired");
  command->add_option("--verdict", options->verdict, "Only with this verdict; control is what was ordered");
  command->add_option("--exec-id", options->exec_id, "Only of this execution");
  command->add_option("--since", options->since, "Only since this time (RFC 3339)");
  line.on(*command, [options, &line] { return list(*options, line.console()); });
}

}  // namespace openexec::log_commands
