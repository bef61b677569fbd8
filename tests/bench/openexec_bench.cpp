// SPDX-License-Identifier: Apache-2.0
// openexec-bench: what OpenExec costs, beside the least that it could cost, measured in the same run.
#include <openssl/crypto.h>
#include <simdjson.h>
#include <sqlite3.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>

#include "bench/bench.hpp"

namespace openexec::bench {

namespace {

constexpr Row all_rows[] = {
    {"executions", "approved, durable, execute_many of 64 and 256 on each core; and CPU beyond verification",
     measure_executions},
#ifdef OPENEXEC_BENCH_C
    {"c-blocking", "approved, durable, 64 blocking threads through the C ABI", measure_c_blocking},
#endif
    {"unverified", "durable, not verified, 64 in flight, against raw inserts", measure_unverified},
    {"latency", "one submitter, p50 and p99, against two syncs and a verification", measure_latency},
    {"tail", "p99 against p50 of 64 submitters", measure_tail},
    {"replays", "replays, against parse, canonical form and hash of the same request", measure_replays},
    {"refusals", "refusals of each class, durable, against verification", measure_refusals},
    {"canonical", "canonical JSON, against simdjson's DOM parse", measure_canonical},
    {"syncs", "syncs an execution, of 1, 8 and 64 submitters", measure_syncs},
    {"ledger", "cost, size, opening and memory of a ledger of --ledger-size", measure_ledger},
    {"log", "entries appended to a log of --ledger-size, its proofs, and its audit", measure_log},
    {"tree", "appends to a Merkle tree of ten times --ledger-size, its proofs, and verifying a receipt", measure_tree},
    {"memory", "an idle executor, and a request in flight", measure_memory},
    {"allocations", "of an execution, and of a replay", measure_allocations},
#ifdef OPENEXEC_BENCH_C
    {"c-wrapped", "an execution through C against C++", measure_c_wrapped},
#endif
    {"submitters", "throughput and latency of 1 to 128 submitters: the curves of --plot", measure_submitters, false},
    {"service", "a server over HTTP against the same work in process; see bench_service.sh", measure_service, false},
};

crypto::PrivateKey key_of(const Options& options) {
  if (options.private_key_pem.empty()) return need(crypto::PrivateKey::generate(), "a key");
  return need(crypto::PrivateKey::from_pem(options.private_key_pem), "the private key");
}

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

std::string system_name() {
  utsname names{};
  ::uname(&names);
  return std::string(names.sysname) + " " + names.release + " " + names.machine;
}

/// What the figures depend on besides the machine.
std::vector<std::pair<std::string, std::string>> toolchain() {
  return {{"compiler", OPENEXEC_BENCH_COMPILER},
          {"build", OPENEXEC_BENCH_BUILD},
          {"Ed25519", OPENEXEC_BENCH_ED25519},
          {"OpenSSL", OpenSSL_version(OPENSSL_VERSION)},
          {"SQLite", sqlite3_libversion()},
          {"simdjson", std::to_string(simdjson::SIMDJSON_VERSION_MAJOR) + "." +
                           std::to_string(simdjson::SIMDJSON_VERSION_MINOR) + "." +
                           std::to_string(simdjson::SIMDJSON_VERSION_REVISION)}};
}

}  // namespace

std::span<const Row> rows() { return all_rows; }

Bench::Bench(Options chosen)
    : options(std::move(chosen)),
      folder(options.folder),
      principal(key_of(options), std::random_device()(), system_clock()->now()) {
  report.fact("OpenExec", std::string(version()));
  for (auto& [name, value] : toolchain()) report.fact(name, value);
  report.fact("machine", std::to_string(cores()) + " cores, " + cpu_name() + ", " + system_name());
  report.fact("pairs", std::to_string(options.pairs) + " of " + std::to_string(options.slice.count()) +
                           " ms each; ratios are medians of the pairs' ratios (quartiles)");
  if (folder.in_memory())
    report.fact("WARNING", options.folder + " is in memory: syncs cost nothing there. Choose a --folder on a disk");
}

void Bench::progress(std::string_view what) const {
  if (::isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r\033[K%.*s", static_cast<int>(what.size()), what.data());
  std::fflush(stderr);
}

Pairing Bench::pairing(std::string_view what) const {
  return {.pairs = options.pairs,
          .slice = options.slice,
          .max_foreign = options.max_foreign,
          .progress = [this, name = std::string(what)](std::size_t pair, std::size_t dropped) {
            progress(name + ": pair " + std::to_string(pair + 1) + " of " + std::to_string(options.pairs) +
                     (dropped > 0 ? ", " + std::to_string(dropped) + " disturbed" : ""));
          }};
}

Backlog::Make Bench::approved() {
  return
      [this, first = numbers()](std::uint64_t number) { return principal.approver().approved(first + number).json(); };
}
Backlog::Make Bench::unapproved() {
  return [this, first = numbers()](std::uint64_t number) { return principal.approver().draft(first + number).json(); };
}
std::vector<std::string> Bench::approved(std::size_t count) {
  Backlog backlog(approved());
  backlog.fill(count);
  const auto made = backlog.take(count);
  return {made.begin(), made.end()};
}

namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

/// What was asked of the program.
struct Asked {
  Options options;
  std::vector<std::string> rows;
  bool list = false;
  bool json = false;
  bool toolchain = false;
  std::string plot;
  std::string key_file;
  Served served;
  std::size_t make_requests = 0;
  std::string requests_file;
  std::string idle_memory;
  std::string callgrind;
  std::size_t operations = 0;
};

void add_options(CLI::App& app, Asked& asked) {
  Options& options = asked.options;
  app.add_option("--row", asked.rows, "only these rows (see --list)");
  app.add_flag("--list", asked.list, "name the rows and end");
  app.add_option("--pairs", options.pairs, "slices of each, limit and subject in turn")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option_function<std::int64_t>(
         "--slice", [&options](std::int64_t ms) { options.slice = std::chrono::milliseconds(ms); }, "milliseconds")
      ->check(CLI::Range(1, 60'000))
      ->default_str("500");
  app.add_option_function<double>(
         "--ledger-size", [&options](double size) { options.ledger_size = static_cast<std::size_t>(size); },
         "sealed nonces of the large ledger; 1e7 for the whole story")
      ->check(CLI::Range(1e3, 1e9))
      ->default_str("1e6");
  app.add_option("--ledger", options.kept_ledger, "keep the large ledger in this file, and use it again");
  app.add_option("--folder", options.folder, "where ledgers are made; its disk is what is measured")
      ->capture_default_str();
  app.add_option("--max-foreign", options.max_foreign,
                 "share of the cores that others may use before a slice is dropped")
      ->capture_default_str();
  app.add_flag("--json", asked.json, "for machines");
  app.add_option("--plot", asked.plot, "write the curves of the rows submitters and ledger to this SVG file");
  app.add_flag("--toolchain", asked.toolchain, "print what this was built with and against as JSON, and end");

  app.add_option("--service", asked.served.url, "row service: the server's URL");
  app.add_option("--service-pid", asked.served.pid, "its process, whose CPU time is measured");
  app.add_option("--wrk-script", asked.served.wrk_script, "path of wrk.lua");
  app.add_option("--connections", asked.served.connections, "connections at once")->capture_default_str();
  app.add_option("--key", asked.key_file, "file of the approver's private key; otherwise a new one");
  app.add_option("--make-requests", asked.make_requests, "write so many approved requests to --requests, and end");
  app.add_option("--requests", asked.requests_file, "file for --make-requests, one request a line");

  app.add_option("--callgrind-workload", asked.callgrind,
                 "for instructions.py: execution, replay, refusal or verification");
  app.add_option("--operations", asked.operations, "for --callgrind-workload");
  app.add_option("--idle-memory", asked.idle_memory)->group("");
}

void print_rows() {
  std::size_t widest = 0;
  for (const Row& row : rows()) widest = std::max(widest, row.name.size());
  for (const Row& row : rows())
    std::cout << row.name << std::string(widest + 2 - row.name.size(), ' ') << row.what
              << (row.by_default ? "" : " (only where asked for)") << "\n";
}

void print_toolchain() {
  std::string out;
  for (const auto& [name, value] : toolchain()) out += (out.empty() ? "{\"" : ", \"") + name + "\": \"" + value + "\"";
  std::cout << out << "}\n";
}

std::vector<const Row*> chosen(const Asked& asked) {
  std::vector<const Row*> found;
  for (const std::string& name : asked.rows)
    if (std::none_of(rows().begin(), rows().end(), [&](const Row& row) { return row.name == name; }))
      throw std::runtime_error("no such row: " + name + " (see --list)");
  for (const Row& row : rows()) {
    const bool named = std::find(asked.rows.begin(), asked.rows.end(), row.name) != asked.rows.end();
    const bool plotted = !asked.plot.empty() && row.name == "submitters";
    if (named || (asked.rows.empty() && (row.by_default || plotted))) found.push_back(&row);
  }
  return found;
}

void make_requests(const Asked& asked) {
  Bench bench(asked.options);
  std::string lines;
  for (const std::string& request : bench.approved(asked.make_requests)) lines.append(request).append("\n");
  write_file(asked.requests_file, lines);
}

void run(Asked& asked) {
  if (!asked.key_file.empty()) asked.options.private_key_pem = read_file(asked.key_file);
  if (!asked.served.url.empty()) asked.options.served = asked.served;
  if (asked.list) return print_rows();
  if (asked.toolchain) return print_toolchain();
  if (!asked.idle_memory.empty()) {
    std::cout << idle_memory(asked.idle_memory) << "\n";
    return;
  }
  if (!asked.callgrind.empty()) return run_for_callgrind(asked.options, asked.callgrind, asked.operations);
  if (asked.make_requests > 0) return make_requests(asked);

  const auto wanted = chosen(asked);
  Bench bench(asked.options);
  for (const Row* row : wanted) row->run(bench);
  bench.progress("");
  std::cout << (asked.json ? bench.report.json() : bench.report.table()) << std::flush;
  if (!asked.plot.empty()) write_file(asked.plot, bench.plot.svg());
}

}  // namespace
}  // namespace openexec::bench

int main(int argc, char** argv) try {
  openexec::bench::Asked asked;
  CLI::App app("What OpenExec costs, beside the least that it could cost, measured in the same run.", "openexec-bench");
  openexec::bench::add_options(app, asked);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  openexec::bench::run(asked);
  return 0;
} catch (const std::exception& failed) {
  std::cerr << "openexec-bench: " << failed.what() << "\n";
  return 1;
}
