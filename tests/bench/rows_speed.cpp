// SPDX-License-Identifier: Apache-2.0
// Rows about speed: executions, one submitter, many, syncs.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "bench/bench.hpp"
#include "bench/counters.hpp"

namespace openexec::bench {
namespace {

double rate_of_subject(const Pair& pair) { return pair.subject.rate; }
double rate_of_limit(const Pair& pair) { return pair.limit.rate; }
double ratio_of_rates(const Pair& pair) { return pair.subject.rate / pair.limit.rate; }

Line rates(std::string what, const Pairs& pairs, Goal goal) {
  return Line{.what = std::move(what),
              .unit = "/s",
              .figure = spread(pairs, rate_of_subject),
              .limit = spread(pairs, rate_of_limit),
              .ratio = spread(pairs, ratio_of_rates),
              .goal = goal}
      .from(pairs);
}

constexpr double micro = 1e-6;

/// A faster library leaves less to hide behind.
constexpr bool sodium = std::string_view(OPENEXEC_BENCH_ED25519) == "sodium";
constexpr double goal_many_64 = sodium ? 0.72 : 0.85;
constexpr double goal_many_256 = sodium ? 0.72 : 0.88;

}  // namespace

void measure_executions(Bench& bench) {
  for (const auto& [each, goal] : {std::pair{64, goal_many_64}, std::pair{256, goal_many_256}}) {
    const std::string what = "executions/s, approved, execute_many of " + std::to_string(each) + " on each core";
    Executor executor = make_executor(bench.folder.fresh("many.db"), bench.principal.verifier());
    Backlog backlog(bench.approved());
    Workload limit = verifications(cores());
    Workload subject = many(executor, backlog, cores(), static_cast<std::size_t>(each));
    const Pairs pairs = alternate(bench.pairing(what), limit, subject);
    bench.report.add(rates(what, pairs, at_least(goal)));
    if (each != 64) continue;
    const auto beyond = [](const Pair& pair) { return pair.subject.cpu_each() - pair.limit.cpu_each(); };
    bench.report.add(
        Line{.what = "CPU of such an execution that is not verification",
             .unit = "µs",
             .figure = spread(pairs, [&](const Pair& pair) { return beyond(pair) / micro; }),
             .limit = spread(pairs, [](const Pair& pair) { return pair.limit.cpu_each() / micro; }),
             .ratio = spread(pairs, [&](const Pair& pair) { return beyond(pair) / pair.limit.cpu_each(); }),
             .goal = at_most(0.2)}
            .from(pairs));
  }
}

void measure_unverified(Bench& bench) {
  const std::string what = "executions/s, not verified, 64 in flight";
  Executor executor = make_executor(bench.folder.fresh("unverified.db"), std::make_shared<DemoVerifier>());
  Backlog backlog(bench.unapproved());
  backlog.fill(1);
  const Outcome sample = executor.execute_json(backlog.take(1).front());
  check(sample, {});
  const std::size_t row = sample.entry.size() + sample.result.size();
  Workload limit = raw_inserts(bench.folder.fresh("raw.db"), row);
  Workload subject = many(executor, backlog, cores(), 64 / cores());
  Line line = rates(what, alternate(bench.pairing(what), limit, subject), at_least(0.35));
  line.note = "limit: inserts of " + std::to_string(row) + " bytes, an entry and a result, 64 a transaction";
  bench.report.add(line);
}

namespace {

/// Writes and syncs of a file that needs no more room: the least that a durable step costs.
class Syncs {
 public:
  explicit Syncs(const std::string& file) : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    const std::string block(1 << 20, '\0');
    for (std::size_t at = 0; at < size; at += block.size()) write(block, at);
    sync();
  }
  Syncs(const Syncs&) = delete;
  Syncs& operator=(const Syncs&) = delete;
  ~Syncs() { ::close(fd_); }

  void one(const std::string& bytes) {
    if (at_ + bytes.size() > size) at_ = 0;
    write(bytes, at_);
    at_ += bytes.size();
    sync();
  }

 private:
  static constexpr std::size_t size = std::size_t{8} << 20;
  void write(const std::string& bytes, std::size_t at) const {
    if (::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at)) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("cannot write a file to sync");
  }
  void sync() const {
    if (::fdatasync(fd_) != 0) throw std::runtime_error("cannot sync");
  }
  int fd_;
  std::size_t at_ = 0;
};

/// Bytes that one sync of an execution carries, over a few of them.
std::size_t bytes_per_sync(Workload& submitter) {
  const DiskCounts before = disk_counts();
  run_slice(submitter, Seconds(0.05));
  const DiskCounts after = disk_counts();
  return static_cast<std::size_t>((after.written_bytes - before.written_bytes) /
                                  std::max<std::uint64_t>(1, after.syncs - before.syncs));
}

}  // namespace

void measure_latency(Bench& bench) {
  const std::string what = "one submitter, approved";
  Executor executor = make_executor(bench.folder.fresh("one.db"), bench.principal.verifier());
  Backlog backlog(bench.approved());
  Workload subject = blocking(executor, backlog, 1);
  const std::size_t bytes = bytes_per_sync(subject);
  Syncs syncs(bench.folder.fresh("syncs"));
  Workload limit{.step = [&syncs, block = std::string(bytes, 'x')](std::size_t) -> std::size_t {
    syncs.one(block);
    return 1;
  }};
  Workload verification = verifications(1);
  const Pairs verified = repeat(bench.pairing(what), verification);
  const Pairs pairs = alternate(bench.pairing(what), limit, subject);
  struct Rank {
    double quantile;
    const char* name;
    double goal;
  };
  for (const Rank& rank : {Rank{0.5, "p50", 1.2}, Rank{0.99, "p99", 1.3}}) {
    const double quantile = rank.quantile;
    const double verify = spread(verified, [&](const Pair& pair) { return pair.subject.latency(quantile); }).median;
    const auto least = [&](const Pair& pair) { return 2 * pair.limit.latency(quantile) + verify; };
    Line line{.what = what + ", " + rank.name,
              .unit = "µs",
              .figure = spread(pairs, [&](const Pair& pair) { return pair.subject.latency(quantile) / micro; }),
              .limit = spread(pairs, [&](const Pair& pair) { return least(pair) / micro; }),
              .ratio = spread(pairs, [&](const Pair& pair) { return pair.subject.latency(quantile) / least(pair); }),
              .goal = at_most(rank.goal)};
    line.note = "limit: two fdatasync after " + std::to_string(bytes) + " bytes each, and a verification";
    bench.report.add(line.from(pairs));
  }
}

void measure_tail(Bench& bench) {
  const std::string what = "64 submitters, approved";
  Executor executor = make_executor(bench.folder.fresh("tail.db"), bench.principal.verifier());
  Backlog backlog(bench.approved());
  Workload subject = blocking(executor, backlog, 64);
  const Pairs pairs = repeat(bench.pairing(what), subject);
  const auto latency = [](double quantile) {
    return [quantile](const Pair& pair) { return pair.subject.latency(quantile) / (1'000 * micro); };
  };
  const auto ratio = [](const Pair& pair) { return pair.subject.latency(0.99) / pair.subject.latency(0.5); };
  bench.report.add(Line{.what = what + ", p99 against p50",
                        .unit = "ms",
                        .figure = spread(pairs, latency(0.99)),
                        .limit = spread(pairs, latency(0.5)),
                        .ratio = spread(pairs, ratio),
                        .goal = at_most(3)}
                       .from(pairs));
}

void measure_syncs(Bench& bench) {
  for (const auto& [submitters, goal] : {std::pair{1, 2.05}, std::pair{8, 0.6}, std::pair{64, 0.1}}) {
    const std::string what =
        "syncs an execution, " + std::to_string(submitters) + (submitters == 1 ? " submitter" : " submitters");
    Executor executor = make_executor(bench.folder.fresh("syncs.db"), bench.principal.verifier());
    Backlog backlog(bench.approved());
    Workload subject = blocking(executor, backlog, static_cast<std::size_t>(submitters));
    bench.progress(what);
    run_slice(subject, Seconds(0.1));
    const std::uint64_t before = disk_counts().syncs;
    const Slice slice = run_slice(subject, bench.options.slice * 2);
    const auto syncs = static_cast<double>(disk_counts().syncs - before);
    if (syncs == 0) throw std::runtime_error("the syncs of this build cannot be counted");
    bench.report.add({.what = what, .unit = "", .figure = exactly(syncs / slice.operations), .goal = at_most(goal)});
  }
}

void measure_submitters(Bench& bench) {
  constexpr std::size_t counts[] = {1, 2, 4, 8, 16, 32, 64, 128};
  for (const std::size_t submitters : counts) {
    const std::string what = "executions/s, approved, " + std::to_string(submitters) + " blocking " +
                             (submitters == 1 ? "thread" : "threads");
    Executor executor = make_executor(bench.folder.fresh("submitters.db"), bench.principal.verifier());
    Backlog backlog(bench.approved());
    Workload limit = verifications(cores());
    Workload subject = blocking(executor, backlog, submitters);
    Pairing few = bench.pairing(what);
    few.pairs = (few.pairs + 2) / 3;  // points of a curve, not verdicts
    const Pairs pairs = alternate(few, limit, subject);
    Line line = rates(what, pairs, {});
    const auto add = [&](Curve& curve, auto of) {
      const double value = spread(pairs, of).median;
      curve.push_back({static_cast<double>(submitters), value});
      return value;
    };
    add(bench.plot.throughput, rate_of_subject);
    add(bench.plot.verifications, rate_of_limit);
    const double p50 = add(bench.plot.latency_p50, [](const Pair& pair) { return pair.subject.latency(0.5) * 1e3; });
    const double p99 = add(bench.plot.latency_p99, [](const Pair& pair) { return pair.subject.latency(0.99) * 1e3; });
    line.note = "p50 " + format(p50) + " ms, p99 " + format(p99) + " ms";
    bench.report.add(line);
  }
}

}  // namespace openexec::bench
