// SPDX-License-Identifier: Apache-2.0
// Work whose instructions are counted: the same requests, keys and times in every run, so that counts repeat.
#include "bench/bench.hpp"

namespace openexec::bench {
namespace {

constexpr Timestamp now{1'772'366'400'000'000};  // 2026-03-01T12:00:00Z

class StandingClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const noexcept override { return bench::now; }
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const noexcept override { return {}; }
};

constexpr std::size_t at_once = 64;

}  // namespace

// Nothing outside this function is counted (--toggle-collect).
extern "C" [[gnu::noinline]] void openexec_bench_measured(Workload& workload, std::size_t operations) {
  for (std::size_t done = 0; done < operations;) done += workload.step(0);
}

void run_for_callgrind(const Options& options, std::string_view what, std::size_t operations) {
  Folder folder(options.folder);
  const Principal principal(need(crypto::PrivateKey::from_seed(std::string(32, 'k')), "a key"), 1, now);
  const Approver& approver = principal.approver();
  Executor executor = make_executor({.store = need(sqlite_ledger(folder.fresh("ledger.db")), "the ledger"),
                                     .verifier = principal.verifier(),
                                     .clock = std::make_shared<StandingClock>()});
  const std::size_t count = std::max(at_once, operations);
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < count; ++i) {
    const Draft draft = approver.draft(i);
    requests.push_back((what == "refusal" ? approver.approve(draft, i, tenant, {now.micros - 1'000'000'000}, 500)
                                          : approver.approve(draft, i))
                           .json());
  }
  Workload executions = again(executor, requests, 1, at_once, {});
  Workload workload;
  if (what == "execution") {
    workload = executions;
  } else if (what == "replay") {
    for (std::size_t done = 0; done < count; done += at_once) executions.step(0);
    workload = again(executor, requests, 1, at_once, {.replayed = true});
  } else if (what == "refusal") {
    workload = again(executor, requests, 1, at_once, {Code::approval_expired});
  } else if (what == "verification") {
    workload = verifications(1);
  } else {
    throw std::runtime_error("no such workload: " + std::string(what));
  }
  openexec_bench_measured(workload, operations);
}

}  // namespace openexec::bench
