// SPDX-License-Identifier: Apache-2.0
// One run: its options, what its rows share, and the rows.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/measure.hpp"
#include "bench/plot.hpp"
#include "bench/report.hpp"
#include "bench/requests.hpp"
#include "bench/subjects.hpp"

namespace openexec::bench {

/// A server that is driven over HTTP, by wrk.
struct Served {
  std::string url;
  int pid = 0;  ///< 0: its CPU time is not known
  std::string wrk_script;
  std::vector<std::size_t> connections{1, 8, 32, 128};
};

struct Options {
  std::size_t pairs = 9;
  std::chrono::milliseconds slice{500};
  std::size_t ledger_size = 1'000'000;
  std::string kept_ledger;  ///< a file to fill, or filled before; empty: a fresh one
  std::string folder = ".";
  double max_foreign = 0.05;
  std::string private_key_pem;  ///< whose public key a served executor has; empty: a new key
  std::optional<Served> served;
};

class Bench {
 public:
  explicit Bench(Options options);

  const Options options;
  Folder folder;
  const Principal principal;
  Report report;
  Plot plot;

  /// Pairs as the options say, with the row's name on the terminal.
  [[nodiscard]] Pairing pairing(std::string_view what) const;
  void progress(std::string_view what) const;

  // Makers of requests for a Backlog; no two of a run make the same.
  [[nodiscard]] Backlog::Make approved();
  [[nodiscard]] Backlog::Make unapproved();
  /// So many approved requests.
  [[nodiscard]] std::vector<std::string> approved(std::size_t count);
  /// Numbers that nobody else gets.
  [[nodiscard]] std::uint64_t numbers() { return ++blocks_ << 32; }

 private:
  std::uint64_t blocks_ = 0;
};

struct Row {
  std::string_view name;
  std::string_view what;
  void (*run)(Bench&);
  bool by_default = true;
};
std::span<const Row> rows();

// The rows, by what they need.
void measure_executions(Bench&);
void measure_unverified(Bench&);
void measure_latency(Bench&);
void measure_tail(Bench&);
void measure_replays(Bench&);
void measure_refusals(Bench&);
void measure_canonical(Bench&);
void measure_syncs(Bench&);
void measure_submitters(Bench&);
void measure_ledger(Bench&);
void measure_log(Bench&);
void measure_tree(Bench&);
void measure_memory(Bench&);
void measure_allocations(Bench&);
void measure_service(Bench&);
#ifdef OPENEXEC_BENCH_C
void measure_c_blocking(Bench&);
void measure_c_wrapped(Bench&);
#endif

/// What an executor costs that does nothing, in bytes: measured in a process of its own, which calls idle_memory().
std::uint64_t idle_memory(const std::string& folder);

/// The work whose instructions callgrind counts; see instructions.py.
void run_for_callgrind(const Options& options, std::string_view workload, std::size_t operations);

}  // namespace openexec::bench
