// SPDX-License-Identifier: Apache-2.0
// Rows about a server over HTTP, driven by wrk, beside the same work in this process.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <thread>

#include "bench/bench.hpp"
#include "canon/json.hpp"

namespace openexec::bench {
namespace {

/// What wrk.lua says of a run.
struct Driven {
  double requests = 0;  ///< that the server was asked, answered or not
  double answered = 0;
  double failed = 0;  ///< answered otherwise than 200, or not at all
  double seconds = 0;
  double p50 = 0;  ///< seconds
  double p99 = 0;
  bool exhausted = false;
};

Driven parse_driven(const std::string& line) {
  const canon::Document document = need(canon::parse(line), "what wrk said");
  const auto number = [&](std::string_view name) {
    const auto member = document.root().find(name);
    if (!member) throw std::runtime_error("wrk did not say " + std::string(name));
    return (*member).number();
  };
  return {number("requests"),      number("answered"),      number("failed"),        number("us") * 1e-6,
          number("p50_us") * 1e-6, number("p99_us") * 1e-6, number("exhausted") != 0};
}

Driven drive(const Served& served, std::size_t connections, std::size_t seconds, const std::string& requests) {
  const std::string command = "wrk --threads 1 --connections " + std::to_string(connections) + " --duration " +
                              std::to_string(seconds) + "s --timeout 30s --script '" + served.wrk_script + "' '" +
                              served.url + "' -- '" + requests + "' 2>&1";
  FILE* const wrk = ::popen(command.c_str(), "r");
  if (wrk == nullptr) throw std::runtime_error("cannot start wrk");
  std::string said, result;
  for (int c = 0; (c = std::fgetc(wrk)) != EOF;) {
    said += static_cast<char>(c);
    if (c != '\n') continue;
    if (said.starts_with('{')) result = said;
    if (result.empty()) std::fputs(said.starts_with("unable") ? said.c_str() : "", stderr);
    said.clear();
  }
  if (::pclose(wrk) != 0 || result.empty())
    throw std::runtime_error("wrk failed: is it installed, and does " + served.url + " answer?");
  return parse_driven(result);
}

/// wrk's runs as a workload of one step.
class Driver {
 public:
  Driver(Bench& bench, std::size_t connections)
      : bench_(bench), served_(*bench.options.served), connections_(connections), requests_(bench.approved()) {
    seconds_ = static_cast<std::size_t>(std::max<std::int64_t>(1, bench.options.slice.count() / 1000));
  }

  Workload workload() {
    Workload workload;
    workload.prepare = [this](std::size_t operations) { write_requests(operations); };
    workload.step = [this](std::size_t) { return run(); };
    if (served_.pid != 0) workload.cpu = [this] { return process_cpu(served_.pid); };
    return workload;
  }

  [[nodiscard]] const Driven& last() const { return last_; }

 private:
  void write_requests(std::size_t operations) {
    // Slices are whole seconds, whatever was asked for.
    const auto count =
        std::max(operations, static_cast<std::size_t>(rate_ * static_cast<double>(seconds_) * 1.5)) + 1024;
    requests_.fill(count);
    std::ofstream out(file_, std::ios::trunc);
    for (const std::string& request : requests_.take(count)) out << request << '\n';
    if (!out.flush()) throw std::runtime_error("cannot write requests");
  }

  std::size_t run() {
    last_ = drive(served_, connections_, seconds_, file_);
    if (last_.exhausted || last_.failed > 0) {
      if (!last_.exhausted) throw std::runtime_error(format(last_.failed) + " requests failed");
      rate_ *= 4;  // the next slice has enough
    }
    rate_ = std::max(rate_, last_.answered / last_.seconds);
    // Those that were on their way when wrk ended are still worked on.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return static_cast<std::size_t>(last_.requests);
  }

  Bench& bench_;
  const Served& served_;
  const std::size_t connections_;
  Backlog requests_;
  std::size_t seconds_ = 1;
  double rate_ = 10'000;
  const std::string file_ = bench_.folder.fresh("requests");
  Driven last_;
};

}  // namespace

void measure_service(Bench& bench) {
  if (!bench.options.served) throw std::runtime_error("the row service needs --service; bench_service.sh gives it");
  for (const std::size_t connections : bench.options.served->connections) {
    const std::string what = std::to_string(connections) + (connections == 1 ? " connection" : " connections");
    Driver driver(bench, connections);
    Workload subject = driver.workload();
    std::vector<double> rates, p50s, p99s;
    subject.finish = [&] {
      rates.push_back(driver.last().answered / driver.last().seconds);
      p50s.push_back(driver.last().p50 * 1e3);
      p99s.push_back(driver.last().p99 * 1e3);
    };

    Executor executor = make_executor(bench.folder.fresh("beside.db"), bench.principal.verifier());
    Backlog backlog(bench.approved());
    Workload limit = connections == 1
                         ? blocking(executor, backlog, 1)
                         : many(executor, backlog, cores(), std::max<std::size_t>(1, connections / cores()));
    const Pairs pairs = alternate(bench.pairing("service, " + what), limit, subject);

    bench.report.add(Line{
        .what = "requests/s, approved, " + what,
        .unit = "/s",
        .figure = spread(rates),
        .limit = spread(pairs, [](const Pair& pair) { return pair.limit.rate; }),
        .ratio = exactly(spread(rates).median / spread(pairs, [](const Pair& pair) { return pair.limit.rate; }).median),
        .note = "wrk shares the cores; p50 " + format(spread(p50s).median) + " ms, p99 " + format(spread(p99s).median) +
                " ms"}
                         .from(pairs));
    if (bench.options.served->pid == 0) continue;
    bench.report.add(
        Line{.what = "CPU of a request, approved, " + what,
             .unit = "µs",
             .figure = spread(pairs, [](const Pair& pair) { return pair.subject.cpu_each() * 1e6; }),
             .limit = spread(pairs, [](const Pair& pair) { return pair.limit.cpu_each() * 1e6; }),
             .ratio = spread(pairs, [](const Pair& pair) { return pair.subject.cpu_each() / pair.limit.cpu_each(); }),
             .goal = at_most(1.4),
             .note = "limit: as many in flight in this process"}
            .from(pairs));
  }
}

}  // namespace openexec::bench
