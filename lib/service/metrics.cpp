#include "service/metrics.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <openexec/version.hpp>

namespace openexec::service {
namespace {

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name).append(" ").append(type);
  out += '\n';
}

/// Names of actions, codes and verdicts need no escapes in a label.
void sample(std::string& out, std::string_view name, std::string_view labels, std::uint64_t value) {
  out.append(name);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(std::to_string(value)).append("\n");
}

void single(std::string& out, std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
  head(out, name, type, help);
  sample(out, name, {}, value);
}

std::string decimal(double value) {
  char text[32];
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.6g", value))};
}

}  // namespace

Metrics::Metrics(std::vector<std::string> actions)
    : actions_(sorted(std::move(actions))), rows_(actions_.size() + 1), refusals_(all_codes().size()) {}

void Metrics::count(const Outcome& outcome, std::chrono::nanoseconds took) noexcept {
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bound = std::lower_bound(bounds.begin(), bounds.end(), seconds);
  durations_[static_cast<std::size_t>(bound - bounds.begin())].fetch_add(1, std::memory_order_relaxed);
  micros_.fetch_add(static_cast<std::uint64_t>(std::max(took.count(), std::int64_t{0}) / 1000), std::memory_order_relaxed);
  if (outcome.replayed) {
    replays_.fetch_add(1, std::memory_order_relaxed);
  } else if (outcome.verdict == Verdict::refused) {
    const auto codes = all_codes();
    const auto code = std::find_if(codes.begin(), codes.end(), [&](const CodeInfo& info) { return info.code == outcome.code; });
    if (code != codes.end()) refusals_[static_cast<std::size_t>(code - codes.begin())].fetch_add(1, std::memory_order_relaxed);
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

void Metrics::write_executions(std::string& out) const {
  constexpr std::string_view name = "openexec_executions_total";
  head(out, name, "counter", "Executions that were claimed, by registered action and verdict. Replays are counted apart.");
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    // No action is called so: the braces' content is empty for it.
    const std::string action = "action=\"" + (i < actions_.size() ? actions_[i] : std::string()) + "\",verdict=\"";
    const std::pair<std::string_view, const Counter*> verdicts[] = {
        {"executed", &rows_[i].executed}, {"failed", &rows_[i].failed}, {"in_doubt", &rows_[i].in_doubt}};
    for (const auto& [verdict, counter] : verdicts)
      if (i < actions_.size() || *counter != 0) sample(out, name, action + std::string(verdict) + "\"", *counter);
  }
}

void Metrics::write_durations(std::string& out) const {
  constexpr std::string_view name = "openexec_execute_duration_seconds";
  head(out, name, "histogram", "From a worker's taking a request to its answer, verification, commits and handler included.");
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < durations_.size(); ++i) {
    sum += durations_[i];
    const std::string bound = i < bounds.size() ? decimal(bounds[i]) : std::string("+Inf");
    sample(out, std::string(name) + "_bucket", "le=\"" + bound + "\"", sum);
  }
  out.append(name).append("_sum ").append(decimal(static_cast<double>(micros_) / 1e6)).append("\n");
  sample(out, std::string(name) + "_count", {}, sum);
}

std::string Metrics::text(const Executor* executor) const {
  std::string out;
  head(out, "openexec_build_info", "gauge", "Always 1; the version is a label.");
  sample(out, "openexec_build_info", "version=\"" + std::string(version()) + "\"", 1);
  write_executions(out);
  head(out, "openexec_refusals_total", "counter", "Requests that were refused or reached no decision, by code.");
  for (std::size_t i = 0; i < refusals_.size(); ++i)
    if (all_codes()[i].code != Code::ok)
      sample(out, "openexec_refusals_total", "code=\"" + std::string(all_codes()[i].name) + "\"", refusals_[i]);
  single(out, "openexec_replays_total", "counter", "Outcomes that were told again.", replays_);
  single(out, "openexec_in_flight", "gauge", "Executions that are under way.",
         static_cast<std::uint64_t>(std::max(in_flight_.load(), std::int64_t{0})));
  single(out, "openexec_queue_depth", "gauge", "Executions that wait for a worker.", waiting_ ? waiting_() : 0);
  write_durations(out);
  if (executor == nullptr) return out;
  single(out, "openexec_ready", "gauge", "1 where an execution would be possible now.", executor->ready().ok() ? 1 : 0);
  single(out, "openexec_halted", "gauge", "1 while the kill switch is on.", executor->halted() ? 1 : 0);
  single(out, "openexec_recovered_in_doubt", "gauge", "Executions that the start found without an end.",
         executor->recovered().in_doubt);
  if (const auto size = executor->log().size(); size.ok())
    single(out, "openexec_log_entries", "gauge", "Entries of the log.", *size);
  return out;
}

}  // namespace openexec::service
