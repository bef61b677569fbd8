// SPDX-License-Identifier: Apache-2.0
#include "api/metrics.hpp"

#include <algorithm>
#include <utility>

#include <openexec/version.hpp>

#include "api/exposition.hpp"

namespace openexec::service {
namespace {

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void write_store(Exposition& out, const StoreMeasures& store) {
  if (store.claims)
    out.gauge("openexec_ledger_claims", "Attempts that the ledger remembers as claimed.", *store.claims);
  if (store.file_bytes) out.gauge("openexec_ledger_file_bytes", "Size of the ledger's file.", *store.file_bytes);
  if (store.wal_bytes)
    out.gauge("openexec_ledger_wal_bytes", "Size of the write-ahead log beside the ledger's file.", *store.wal_bytes);
  if (store.batch_operations)
    out.histogram("openexec_ledger_batch_operations",
                  "Claims, seals and log entries that one transaction of the ledger made durable.",
                  *store.batch_operations);
  if (store.commit_seconds)
    out.histogram("openexec_ledger_commit_duration_seconds",
                  "How long one transaction of the ledger took, its sync included.", *store.commit_seconds);
}

void write_measures(Exposition& out, const Measures& measures) {
  out.counter("openexec_suppressed_replays_total", "Replays that were answered without a log entry of their own.",
              measures.suppressed_replays);
  out.counter("openexec_suppressed_refusals_total", "Refusals that were answered without a log entry of their own.",
              measures.suppressed_refusals);
  out.histogram("openexec_verification_duration_seconds", "How long it took to verify an approval.",
                measures.verification_seconds);
  out.histogram("openexec_claim_to_seal_duration_seconds",
                "From handing a claim to the ledger until its seal was durable, the handler included.",
                measures.claim_to_seal_seconds);
  write_store(out, measures.store);
  if (measures.checkpoint_age)
    out.gauge("openexec_checkpoint_age_seconds", "Time since the newest checkpoint of the log was signed.",
              *measures.checkpoint_age);
  if (measures.cosignature_age)
    out.gauge("openexec_cosignature_age_seconds", "Time since the newest cosignature, as the witness dated it.",
              *measures.cosignature_age);
}

void write_executor(Exposition& out, const Executor& executor) {
  out.gauge("openexec_ready", "1 if an execution would be possible now.", executor.ready().ok() ? 1 : 0);
  out.gauge("openexec_halted", "1 while the kill switch is on.", executor.halted() ? 1 : 0);
  out.gauge("openexec_recovered_in_doubt", "Executions that had no end when the service started.",
            executor.recovered().in_doubt);
  if (const auto doubts = executor.doubt_count(); doubts.ok())
    out.gauge("openexec_in_doubt", "Executions that are in doubt now and wait for a settlement.", *doubts);
  if (const auto size = executor.log().size(); size.ok())
    out.gauge("openexec_log_entries", "Entries of the log.", *size);
  if (const auto measures = executor.measures(); measures.ok()) write_measures(out, *measures);
}

}  // namespace

Metrics::Metrics(std::vector<std::string> actions)
    : actions_(sorted(std::move(actions))), rows_(actions_.size() + 1), refusals_(all_codes().size()) {}

void Metrics::count(const Outcome& outcome, std::chrono::steady_clock::time_point began,
                    std::chrono::steady_clock::time_point ended) noexcept {
  durations_.add(began, ended);
  if (outcome.replayed) {
    replays_.fetch_add(1, std::memory_order_relaxed);
  } else if (outcome.verdict == Verdict::refused) {
    const auto codes = all_codes();
    const auto code =
        std::find_if(codes.begin(), codes.end(), [&](const CodeInfo& info) { return info.code == outcome.code; });
    if (code != codes.end())
      refusals_[static_cast<std::size_t>(code - codes.begin())].fetch_add(1, std::memory_order_relaxed);
  } else {
    const auto found = std::lower_bound(actions_.begin(), actions_.end(), outcome.action);
    const bool known = found != actions_.end() && *found == outcome.action;
    Row& row = rows_[known ? static_cast<std::size_t>(found - actions_.begin()) : actions_.size()];
    Counter& counter = outcome.verdict == Verdict::executed ? row.executed
                       : outcome.verdict == Verdict::failed ? row.failed
                                                            : row.in_doubt;
    counter.fetch_add(1, std::memory_order_relaxed);
  }
}

void Metrics::write_executions(Exposition& out) const {
  constexpr std::string_view name = "openexec_executions_total";
  out.begin(name, "counter",
            "Executions that were claimed, by registered action and verdict. Replays are not among them.");
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    // No action has an empty name, so the empty name stands for the actions that are not registered.
    const std::string action = "action=\"" + (i < actions_.size() ? actions_[i] : std::string()) + "\",verdict=\"";
    const std::pair<std::string_view, const Counter*> verdicts[] = {
        {"executed", &rows_[i].executed}, {"failed", &rows_[i].failed}, {"in_doubt", &rows_[i].in_doubt}};
    for (const auto& [verdict, counter] : verdicts)
      if (i < actions_.size() || *counter != 0) out.sample(name, action + std::string(verdict) + "\"", *counter);
  }
}

// Names of actions and codes need no escapes in a label.
void Metrics::write_requests(Exposition& out) const {
  write_executions(out);
  constexpr std::string_view refusals = "openexec_refusals_total";
  out.begin(refusals, "counter", "Requests that were refused or reached no decision, by code.");
  for (std::size_t i = 0; i < refusals_.size(); ++i)
    if (all_codes()[i].code != Code::ok)
      out.sample(refusals, "code=\"" + std::string(all_codes()[i].name) + "\"", refusals_[i]);
  out.counter("openexec_replays_total", "Requests that were answered with the outcome of an earlier one.", replays_);
  out.gauge("openexec_in_flight", "Executions that are under way.",
            static_cast<std::uint64_t>(std::max(in_flight_.load(), std::int64_t{0})));
  out.gauge("openexec_queue_depth", "Executions that wait for a worker.", waiting_ ? waiting_() : 0);
  out.histogram("openexec_execute_duration_seconds",
                "From the moment a worker took a request until its answer, with verification, commits and handler.",
                durations_.read());
}

std::string Metrics::text(const Executor* executor) const {
  Exposition out;
  out.begin("openexec_build_info", "gauge", "Always 1. The version is a label.");
  out.sample("openexec_build_info", "version=\"" + std::string(version()) + "\"", 1);
  write_requests(out);
  if (executor != nullptr) write_executor(out, *executor);
  return std::move(out).take();
}

}  // namespace openexec::service
