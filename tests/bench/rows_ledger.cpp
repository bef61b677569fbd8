// SPDX-License-Identifier: Apache-2.0
// Rows about the ledger's size: what an execution costs, takes and leaves when millions went before it.
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "bench/bench.hpp"
#include "bench/counters.hpp"

namespace openexec::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t small_size = 10'000;
constexpr double mega = 1024.0 * 1024.0;

double heap_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

/// Of the file, when all of the log is in it.
double file_bytes(const std::string& path) {
  make_executor(path, std::make_shared<TrustingVerifier>());
  return static_cast<double>(fs::file_size(path));
}

double executions_in(const std::string& path) {
  Executor executor = make_executor(path, std::make_shared<TrustingVerifier>());
  return static_cast<double>(need(executor.log().size(), "the log"));
}

/// A ledger on its way to its size. Approvals are taken at their word: what is on the disk is the same.
class Growing {
 public:
  Growing(Bench& bench, std::string file)
      : bench_(bench),
        file_(std::move(file)),
        approver_(bench.principal.approver()),
        requests_([this](std::uint64_t n) {
          Draft draft = approver_.draft(first_ + n);
          draft.artifact = unsigned_artifact(first_ + n);
          return draft.json();
        }) {}

  void grow_to(std::size_t size) {
    Executor executor = make_executor(file_, std::make_shared<TrustingVerifier>());
    for (std::uint64_t there = need(executor.log().size(), "the log"); there < size;) {
      bench_.progress("filling the ledger: " + format(static_cast<double>(there)) + " of " +
                      format(static_cast<double>(size)));
      Workload filling = many(executor, requests_, cores(), 256);
      const std::size_t missing = size - static_cast<std::size_t>(there);
      filling.prepare = [&](std::size_t) { requests_.fill(std::min<std::size_t>(missing, 100'000)); };
      run_slice(filling, Seconds(3600));
      there = need(executor.log().size(), "the log");
    }
  }

 private:
  /// What is not checked need not be computed.
  [[nodiscard]] std::string unsigned_artifact(std::uint64_t number) const {
    const std::string hex(64, 'a');
    char id[37];
    std::snprintf(id, sizeof id, "ffffffff-0000-4000-8000-%012llx", static_cast<unsigned long long>(number));
    return R"({"action_hash":")" + hex + R"(","approval_id":")" + id +
           R"(","expires_at":"2026-03-02T12:00:00.000000Z","issued_at":"2026-03-01T12:00:00.000000Z","signature":")" +
           std::string(86, 'A') + R"(==","tenant_id":"acme"})";
  }

  Bench& bench_;
  const std::string file_;
  const Approver& approver_;
  const std::uint64_t first_ = bench_.numbers();
  Backlog requests_;
};

/// An execution's cost, whole: the time that one of a saturated machine takes.
double cost(const Slice& slice) { return 1 / slice.rate; }

/// The two kinds of execution whose cost is told for a ledger's size.
struct Kind {
  const char* name;
  bool verified;
  double goal;
};
constexpr Kind kinds[] = {{"approved", true, 1.15}, {"not verified", false, 1.5}};

std::shared_ptr<const Verifier> verifier_of(const Bench& bench, const Kind& kind) {
  if (kind.verified) return bench.principal.verifier();
  return std::make_shared<DemoVerifier>();
}
Backlog::Make requests_of(Bench& bench, const Kind& kind) {
  return kind.verified ? bench.approved() : bench.unapproved();
}

/// Bytes that a workload's slices write, for each operation.
class Written {
 public:
  /// Wraps the workload's hooks; outlives it.
  void watch(Workload& workload) {
    workload.prepare = [this, prepare = std::move(workload.prepare)](std::size_t operations) {
      if (prepare) prepare(operations);
      before_ = disk_counts().written_bytes;
    };
    workload.finish = [this] { bytes_ += static_cast<double>(disk_counts().written_bytes - before_); };
    workload.step = [this, step = std::move(workload.step)](std::size_t thread) {
      const std::size_t done = step(thread);
      operations_ += done;
      return done;
    };
  }
  [[nodiscard]] double each() const { return bytes_ / static_cast<double>(operations_.load()); }

 private:
  std::uint64_t before_ = 0;
  double bytes_ = 0;
  std::atomic<std::size_t> operations_{0};
};

/// A workload whose executor is opened anew before each slice.
class Reopening {
 public:
  Reopening(std::function<Executor()> open, Backlog& backlog) : open_(std::move(open)), backlog_(backlog) {}

  /// `before` runs before each slice, outside the measured time, so that its caches are warm.
  Workload workload(Seconds before) {
    Workload outer;
    outer.threads = cores();
    outer.prepare = [this, before](std::size_t operations) {
      inner_.reset();
      executor_.reset();
      executor_.emplace(open_());
      inner_.emplace(many(*executor_, backlog_, cores(), 64));
      inner_->expected_rate = static_cast<double>(operations);
      if (before > Seconds(0)) run_slice(*inner_, before);
      inner_->prepare(operations);
    };
    outer.step = [this](std::size_t thread) { return inner_->step(thread); };
    return outer;
  }

 private:
  std::function<Executor()> open_;
  Backlog& backlog_;
  std::optional<Executor> executor_;
  std::optional<Workload> inner_;
};

/// An opening forgets the filters of runs, and reads back a leaf of 338 keys with each new key. An execution brings two
/// or three, and so does each that went before: after one for 225 of them all is back.
std::size_t until_warm(std::size_t size) { return size / 100; }

void warm_up(Bench& bench, Executor& executor, Backlog& backlog, std::size_t executions) {
  bench.progress("reading filters back: " + format(static_cast<double>(executions)) + " executions");
  Workload warming = many(executor, backlog, cores(), 64);
  warming.prepare = [&](std::size_t) { backlog.fill(executions); };
  run_slice(warming, Seconds(3600));
}

void compare_costs(Bench& bench, const std::string& large_file, const std::string& small_file, std::size_t size) {
  for (const Kind& kind : kinds) {
    Backlog backlog(requests_of(bench, kind));
    const auto open = [&](const std::string& file) { return make_executor(file, verifier_of(bench, kind)); };
    Copies copies(bench.folder, small_file);
    Reopening small([&] { return open(copies.next()); }, backlog);

    const auto compare = [&](std::string_view when, Workload& subject) {
      const std::string what = "cost of an execution, " + std::string(kind.name) + ", at " +
                               format(static_cast<double>(size)) + " nonces" + std::string(when) + " against 10,000";
      Workload limit = small.workload(Seconds(0.02));
      Written by_large, by_small;
      by_large.watch(subject);
      by_small.watch(limit);
      const Pairs pairs = alternate(bench.pairing(what), limit, subject);
      bench.report.add(
          Line{.what = what,
               .unit = "µs",
               .figure = spread(pairs, [](const Pair& pair) { return cost(pair.subject) * 1e6; }),
               .limit = spread(pairs, [](const Pair& pair) { return cost(pair.limit) * 1e6; }),
               .ratio = spread(pairs, [](const Pair& pair) { return cost(pair.subject) / cost(pair.limit); }),
               .goal = at_most(kind.goal),
               .note = format(by_large.each()) + " bytes written for each, against " + format(by_small.each())}
              .from(pairs));
    };
    {
      Reopening large([&] { return open(large_file); }, backlog);
      Workload first_slices = large.workload(Seconds(0));
      compare(", just opened,", first_slices);
    }
    Executor large = open(large_file);
    warm_up(bench, large, backlog, until_warm(size));
    Workload later = many(large, backlog, cores(), 64);
    compare("", later);
  }
}

/// One point of each curve. A small ledger is copied, so that it keeps its size; a large one hardly grows.
void plot_costs(Bench& bench, const std::string& file, std::size_t size) {
  const bool small = size < 1'000'000;
  for (const Kind& kind : kinds) {
    const std::string point = small ? bench.folder.fresh("point.db") : file;
    if (small) copy_ledger(file, point);
    Executor executor = make_executor(point, verifier_of(bench, kind));
    Backlog backlog(requests_of(bench, kind));
    Workload subject = many(executor, backlog, cores(), 64);
    Pairing few = bench.pairing("cost of an execution at " + format(static_cast<double>(size)) + " nonces");
    few.pairs = (few.pairs + 2) / 3;
    const Pairs pairs = repeat(few, subject);
    Curve& curve = kind.verified ? bench.plot.cost_approved : bench.plot.cost_unverified;
    curve.push_back(
        {static_cast<double>(size), spread(pairs, [](const Pair& pair) { return cost(pair.subject) * 1e6; }).median});
  }
}

struct Opening {
  double reads = 0;
  double cpu = 0;
};

double read_calls() {
  std::ifstream io("/proc/self/io");
  std::string name;
  double value = 0;
  while (io >> name >> value)
    if (name == "syscr:") return value;
  throw std::runtime_error("cannot read /proc/self/io");
}

Opening open_once(const std::string& file) {
  const double probe = read_calls();
  const double reads = read_calls();
  const double own = reads - probe;  // what it takes to look
  const Seconds cpu = process_cpu();
  const Executor executor = make_executor(file, std::make_shared<DemoVerifier>());
  const Seconds spent = process_cpu() - cpu;
  return {read_calls() - reads - own, spent.count() * 1e3};
}

void measure_opening(Bench& bench, const std::string& large_file, const std::string& small_file, std::size_t size) {
  std::vector<double> reads, cpu, small_reads, ratio;
  for (const std::string& file : {small_file, large_file}) open_once(file);  // moves what is left in its log
  for (std::size_t i = 0; i < bench.options.pairs; ++i) {
    const Opening small = open_once(small_file);
    const Opening large = open_once(large_file);
    reads.push_back(large.reads);
    small_reads.push_back(small.reads);
    ratio.push_back(large.reads / small.reads);
    cpu.push_back(large.cpu);
  }
  const std::string what = "open a ledger of " + format(static_cast<double>(size));
  bench.report.add({.what = what + ", reads",
                    .unit = "",
                    .figure = spread(reads),
                    .limit = spread(small_reads),
                    .ratio = spread(ratio),
                    .goal = at_most(1.25),
                    .note = "limit: the reads of a ledger of 10,000; a B-tree may be a level deeper"});
  bench.report.add({.what = what + ", CPU", .unit = "ms", .figure = spread(cpu), .goal = at_most(50)});
}

/// Memory that stays for each nonce. What the newest keys take rises and falls as they are merged into runs, so it is
/// the most of one cycle of that against the most of the next.
void measure_growth(Bench& bench, const std::string& file) {
  constexpr std::size_t cycle = 1'100'000, chunk = 50'000;  // 2^17 new keys are merged at a time, 16 times; two each
  if (bench.options.ledger_size < 1'000'000) return;
  Executor executor = make_executor(file, std::make_shared<DemoVerifier>());
  Backlog backlog(bench.unapproved());
  Workload all = many(executor, backlog, cores(), 64);
  all.prepare = [&](std::size_t) { backlog.fill(chunk); };
  const auto most_of_a_cycle = [&](std::string_view which) {
    double most = 0;
    for (std::size_t done = 0; done < cycle; done += chunk) {
      bench.progress("memory for sealed nonces, " + std::string(which) +
                     " cycle: " + format(static_cast<double>(done)) + " of " + format(static_cast<double>(cycle)));
      run_slice(all, Seconds(3600));
      most = std::max(most, heap_bytes());
    }
    return most;
  };
  backlog.fill(chunk);  // counted before, as what is left of it will be
  const double empty = heap_bytes();
  const double first = most_of_a_cycle("first");
  const double second = most_of_a_cycle("second");
  bench.report.add({.what = "memory for sealed nonces, growth for each million",
                    .unit = "MiB",
                    .figure = exactly(std::max(0.0, second - first) / mega / cycle * 1e6),
                    .goal = at_most(1),
                    .note = "heap, the most of " + format(cycle) + " executions against the most of as many before, " +
                            format((first - empty) / mega) + " MiB"});
}

/// What one execution leaves: its entry and its result.
double kept_bytes(const std::string& file) {
  Executor executor = make_executor(file, std::make_shared<DemoVerifier>());
  const std::uint64_t size = need(executor.log().size(), "the log");
  double entries = 0, results = 0;
  constexpr std::size_t sample = 64;
  for (const LogLine& line : need(executor.log().read(size / 2, sample), "the log")) {
    entries += static_cast<double>(line.json.size());
    const std::size_t at = line.json.find(R"("nonce":")") + 9;
    const std::string nonce = line.json.substr(at, line.json.find('"', at) - at);
    auto ledger = dynamic_cast<Ledger*>(&executor.log());
    const auto record = need(ledger->find(tenant, nonce), "a nonce");
    if (!record) throw std::runtime_error("an entry without its nonce");
    results += static_cast<double>(record->result.size());
  }
  return (entries + results) / sample;
}

}  // namespace

void measure_ledger(Bench& bench) {
  const std::size_t size = std::max(bench.options.ledger_size, small_size / 10);
  const std::size_t first = std::min(size, small_size);
  const std::string& kept = bench.options.kept_ledger;
  const std::string large = kept.empty() ? bench.folder.fresh("large.db") : kept;
  const std::string small = bench.folder.fresh("ten-thousand.db");

  Growing(bench, small).grow_to(first);
  const double empty = [&] {
    const std::string file = bench.folder.fresh("empty.db");
    make_executor(file, std::make_shared<TrustingVerifier>());
    return file_bytes(file);
  }();

  const bool filled = fs::exists(large);
  if (!filled) copy_ledger(small, large);
  Growing growing(bench, large);
  // Before anything is measured in it: those executions are of another kind.
  double on_disk = 0;
  const auto grow_to = [&](std::size_t point) {
    growing.grow_to(point);
    on_disk = (file_bytes(large) - empty) / executions_in(large);
  };
  if (filled) grow_to(size);
  for (std::size_t point = first; !filled && point <= size; point *= 10) {
    grow_to(point);
    plot_costs(bench, large, point);
    if (point < size && point * 10 > size) grow_to(size);
  }

  const double kept_each = kept_bytes(large);
  bench.report.add({.what = "bytes on disk for an execution",
                    .unit = "B",
                    .figure = exactly(on_disk),
                    .limit = exactly(kept_each),
                    .ratio = exactly(on_disk / kept_each),
                    .goal = at_most(2),
                    .note = "limit: the bytes of its entry and its result"});

  measure_opening(bench, large, small, size);

  compare_costs(bench, large, small, size);
  measure_growth(bench, large);
}

}  // namespace openexec::bench
