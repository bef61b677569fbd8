// SPDX-License-Identifier: Apache-2.0
#include "executor_commands/executor_commands.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <openexec/clock.hpp>
#include <openexec/evidence.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "canon/json_object.hpp"
#include "commands/terminal.hpp"

namespace openexec::terminal {
namespace {

using canon::JsonObject;

constexpr auto exit_codes = R"(Exit codes, the worst of all files:
  0  PASS: everything that was asked holds
  1  FAIL: something does not hold; the table says what
  2  INCOMPLETE: nothing failed, but something needed was not given, or the entry says nothing of what was asked
  3  it could not be tried: wrong usage, a file that cannot be read, a malformed key or policy

Needs no ledger and no network. Files may be - for standard input, once.)";

struct Options {
  std::vector<std::string> files;
  std::optional<std::string> log_key;
  std::optional<std::string> policy;
  std::optional<std::string> payload;  // this and the next two are paths of files
  std::optional<std::string> result;
  std::optional<std::string> approval;
  std::optional<std::string> exec_id;
  std::optional<std::string> action;
  std::optional<std::string> nonce;
  std::optional<std::string> tenant;
  std::optional<std::string> receipt;
  bool json = false;
};

/// Owns the texts of the files, since the verification gets views of them.
struct Held {
  std::optional<std::string> log_key, policy, payload, result, approval;
};

std::optional<std::string> read(const Console& console, const std::optional<std::string>& file) {
  if (!file) return std::nullopt;
  return read_input(console, *file);
}

/// Returns a key that is given as text, or reads it from a file that holds it in one line.
std::optional<std::string> read_key(const Console& console, const std::optional<std::string>& given) {
  if (!given || (given->find('+') != std::string::npos && !std::filesystem::exists(*given))) return given;
  std::string key = read_input(console, *given);
  if (key.ends_with('\n')) key.pop_back();
  return key;
}

/// Throws Stop if more than one input is read from standard input, which can be read only once, or if inputs about one
/// receipt are given with several receipts.
void check_inputs(const Options& options) {
  std::vector<std::string> files = options.files;
  for (const auto* file : {&options.log_key, &options.policy, &options.payload, &options.result, &options.approval})
    if (*file) files.push_back(**file);
  if (std::count(files.begin(), files.end(), "-") > 1)
    throw Stop(evidence_cannot, "only one file can be standard input");
  const bool about_one =
      options.payload || options.result || options.approval || options.exec_id || options.nonce || options.receipt;
  if (about_one && options.files.size() > 1)
    throw Stop(evidence_cannot,
               "what you hold belongs to one portable receipt: give one FILE with --payload, --result, --approval, "
               "--exec-id, --nonce or --receipt");
}

std::string said(EvidenceStep step) {
  std::string text(name(step));
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string painted(const Style& style, Finding finding) {
  switch (finding) {
    case Finding::passed: return style.good("passed");
    case Finding::failed: return style.bad("FAILED");
    case Finding::incomplete: return style.bad("incomplete");
    case Finding::not_asked: return style.faint("not asked");
    case Finding::unreached: return style.faint("not reached");
  }
  return {};
}

std::string time_text(std::uint64_t seconds) {
  constexpr std::uint64_t last = 253'402'300'799;  // of the year 9999
  return base::format_time({static_cast<std::int64_t>(std::min(seconds, last)) * 1'000'000}).substr(0, 19) + "Z";
}

/// Returns what a step found, if it passed and has something to report.
std::string seen(const EvidenceReport& report, EvidenceStep step) {
  switch (step) {
    case EvidenceStep::entry: {
      const Entry& entry = *report.entry;
      return std::string(name(entry.verdict)) + ", " + (entry.action.empty() ? "-" : shown(entry.action)) + ", " +
             base::format_time(entry.observed_at);
    }
    case EvidenceStep::inclusion: return "entry " + std::to_string(report.index) + " of " + std::to_string(report.size);
    case EvidenceStep::log_signature: return shown(report.origin);
    case EvidenceStep::cosignatures: {
      std::string text =
          std::to_string(report.cosignatures.size()) + " of " + std::to_string(report.witnesses) + " witnesses";
      for (const Cosignature& cosignature : report.cosignatures)
        text += "; " + shown(cosignature.witness) + " at " + time_text(cosignature.time);
      return text;
    }
    default: return {};
  }
}

void print_table(const Console& console, const std::string& file, const EvidenceReport& report) {
  const Style style(console);
  const std::string verdict(name(report.verdict));
  const bool pass = report.verdict == EvidenceVerdict::pass;
  console.out << style.strong(shown(file)) << ": " << (pass ? style.good(verdict) : style.bad(verdict));
  if (!pass) console.out << " at " << said(report.step);
  console.out << '\n';
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < evidence_steps; ++i) {
    const auto step = static_cast<EvidenceStep>(i);
    const EvidenceCheck& check = report.at(step);
    const std::string what = check.finding == Finding::passed ? seen(report, step) : shown(check.detail);
    rows.push_back({"  " + said(step), painted(style, check.finding), what});
  }
  console.out << table(style, {"  STEP", "FINDING", "WHAT"}, rows);
}

std::string json_of(const std::string& file, const EvidenceReport& report) {
  JsonObject checks;
  for (std::size_t i = 0; i < evidence_steps; ++i) {
    const auto step = static_cast<EvidenceStep>(i);
    JsonObject check;
    check.text("finding", name(report.at(step).finding));
    if (!report.at(step).detail.empty()) check.text("detail", report.at(step).detail);
    checks.raw(name(step), check.take());
  }
  JsonObject json;
  json.text("file", file).text("verdict", name(report.verdict));
  if (report.verdict == EvidenceVerdict::pass) {
    json.raw("step", "null");
  } else {
    json.text("step", name(report.step)).text("detail", report.at(report.step).detail);
  }
  json.raw("checks", checks.take());
  if (report.at(EvidenceStep::proof).finding == Finding::passed) {
    json.number("index", report.index)
        .text("origin", report.origin)
        .number("size", report.size)
        .text("root", to_hex(report.root));
  }
  std::string cosignatures = "[";
  for (const Cosignature& cosignature : report.cosignatures) {
    if (cosignatures.size() > 1) cosignatures += ',';
    cosignatures += JsonObject().text("witness", cosignature.witness).number("time", cosignature.time).take();
  }
  json.raw("cosignatures", cosignatures + "]").number("witnesses", report.witnesses);
  if (report.entry) json.raw("entry", report.entry_json);
  return json.take();
}

template <class To>
void lend(const std::optional<std::string>& from, To& to) {
  if (from) to = std::string_view(*from);
}

int verify(const Options& options, const Console& console) {
  check_inputs(options);
  const Held files{read_key(console, options.log_key), read(console, options.policy), read(console, options.payload),
                   read(console, options.result), read(console, options.approval)};
  std::vector<std::string> proofs;
  for (const std::string& file : options.files) proofs.push_back(read_input(console, file));

  EvidenceTrust trust;
  lend(files.log_key, trust.log_key);
  lend(files.policy, trust.policy);
  EvidenceHeld held;
  lend(files.payload, held.payload);
  lend(files.result, held.result);
  lend(files.approval, held.approval);
  lend(options.exec_id, held.exec_id);
  lend(options.action, held.action);
  lend(options.nonce, held.nonce);
  lend(options.tenant, held.tenant);
  lend(options.receipt, held.receipt);

  auto worst = EvidenceVerdict::pass;
  for (std::size_t i = 0; i < proofs.size(); ++i) {
    const Result<EvidenceReport> report = verify_evidence(proofs[i], trust, held);
    if (!report.ok()) throw Stop(evidence_cannot, shown(report.status().detail()));
    if (options.json) {
      console.out << json_of(options.files[i], *report) << '\n';
    } else {
      if (i > 0) console.out << '\n';
      print_table(console, options.files[i], *report);
    }
    worst = std::min(worst, report->verdict);  // fail, incomplete, pass
  }
  switch (worst) {
    case EvidenceVerdict::pass: return 0;
    case EvidenceVerdict::incomplete: return 2;
    case EvidenceVerdict::fail: break;
  }
  return 1;
}

}  // namespace

void add_receipt(CommandLine& line) {
  CLI::App* receipt = line.add(line.app(), "receipt", "Evidence that stands alone", exit_codes);
  receipt->require_subcommand(1);
  CLI::App* command = line.add(*receipt, "verify", "Check portable receipts (.tlog-proof), offline", exit_codes);

  const auto options = std::make_shared<Options>();
  command->add_option("file", options->files, "Portable receipts")->required();
  command->add_option("--log-key", options->log_key, "The log's verifier key, name+id+key, or a file that holds it");
  command->add_option("--policy", options->policy, "File: a C2SP tlog-policy, whose cosignatures are enough");
  command->add_option("--payload", options->payload, "File: is this the payload that was asked for?");
  command->add_option("--result", options->result, "File: is this the result?");
  command->add_option("--approval", options->approval, "File: is this the approval artifact?");
  command->add_option("--exec-id", options->exec_id, "Is it about this execution?");
  command->add_option("--action", options->action, "... this action?");
  command->add_option("--nonce", options->nonce, "... this nonce?");
  command->add_option("--tenant", options->tenant, "... this tenant?");
  command->add_option("--receipt", options->receipt,
                      "Is this the receipt hash, 64 hexadecimal digits, that was answered?");
  command->add_flag("--json", options->json, "One JSON object a portable receipt");
  line.on(*command, [options, &line] { return verify(*options, line.console()); });
}

}  // namespace openexec::terminal
