// SPDX-License-Identifier: Apache-2.0
#include "bench/measure.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cmath>
#include <exception>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace openexec::bench {
namespace {

using Clock = std::chrono::steady_clock;

double ticks_per_second() { return static_cast<double>(::sysconf(_SC_CLK_TCK)); }

/// All cores together since the machine started.
struct MachineTime {
  Seconds busy{};
  Seconds stolen{};
};

MachineTime machine_time() {
  std::ifstream stat("/proc/stat");
  std::string label;
  double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softirq = 0, stolen = 0;
  stat >> label >> user >> nice >> system >> idle >> waiting >> irq >> softirq >> stolen;
  if (!stat || label != "cpu") throw std::runtime_error("cannot read /proc/stat");
  return {Seconds((user + nice + system + irq + softirq) / ticks_per_second()), Seconds(stolen / ticks_per_second())};
}

Seconds of(const timeval& time) {
  return Seconds(static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6);
}

/// One thread's part of a slice.
struct Share {
  std::size_t operations = 0;
  Seconds time{};
  std::vector<double> latencies;
  std::exception_ptr failed;
};

void work(Workload& workload, std::size_t thread, Seconds length, Share& share) try {
  const Clock::time_point start = Clock::now();
  Clock::time_point before = start;
  for (;;) {
    const std::size_t done = workload.step(thread);
    const Clock::time_point after = Clock::now();
    share.time = after - start;
    if (done == 0) return;
    share.operations += done;
    share.latencies.push_back(Seconds(after - before).count());
    if (share.time >= length) return;
    before = after;
  }
} catch (...) {
  share.failed = std::current_exception();
}

}  // namespace

Seconds process_cpu() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return Seconds(static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9);
}

Seconds children_cpu() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return of(usage.ru_utime) + of(usage.ru_stime);
}

Seconds process_cpu(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == line.npos) throw std::runtime_error("no process " + std::to_string(pid));
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;  // state to cmajflt
  double user = 0, system = 0;
  fields >> user >> system;
  return Seconds((user + system) / ticks_per_second());
}

std::size_t cores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::size_t>(CPU_COUNT(&set));
}

double Slice::latency(double quantile) const {
  if (latencies.empty()) return 0;
  const double rank = std::ceil(quantile * static_cast<double>(latencies.size()));
  return latencies[std::min(latencies.size(), static_cast<std::size_t>(std::max(rank, 1.0))) - 1];
}

Slice run_slice(Workload& workload, Seconds length) {
  if (workload.prepare) workload.prepare(static_cast<std::size_t>(workload.expected_rate * length.count() * 1.4) + 256);

  std::vector<Share> shares(workload.threads);
  const double steps = workload.expected_rate * length.count() * 2 / static_cast<double>(workload.threads);
  for (Share& share : shares) share.latencies.reserve(static_cast<std::size_t>(std::min(steps, 1e6)) + 64);
  const auto work_cpu = [&] { return workload.cpu ? workload.cpu() : process_cpu(); };
  const auto own_cpu = [&] { return process_cpu() + children_cpu() + (workload.cpu ? workload.cpu() : Seconds{}); };

  std::barrier start(static_cast<std::ptrdiff_t>(workload.threads) + 1);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < workload.threads; ++i)
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      work(workload, i, length, shares[i]);
    });
  const MachineTime machine_before = machine_time();
  const Seconds own_before = own_cpu();
  const Seconds cpu_before = work_cpu();
  const Clock::time_point began = Clock::now();
  start.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
  const Seconds elapsed = Clock::now() - began;
  const Seconds cpu = work_cpu() - cpu_before;
  const Seconds own = own_cpu() - own_before;
  const MachineTime machine = machine_time();
  if (workload.finish) workload.finish();

  Slice slice;
  slice.cpu = cpu;
  for (Share& share : shares) {
    if (share.failed) std::rethrow_exception(share.failed);
    if (share.operations == 0) continue;
    slice.operations += static_cast<double>(share.operations);
    slice.rate += static_cast<double>(share.operations) / share.time.count();
    slice.latencies.insert(slice.latencies.end(), share.latencies.begin(), share.latencies.end());
  }
  if (slice.operations == 0) throw std::runtime_error("a slice without an operation");
  std::sort(slice.latencies.begin(), slice.latencies.end());
  const double capacity = elapsed.count() * static_cast<double>(std::thread::hardware_concurrency());
  slice.foreign = std::max(0.0, ((machine.busy - machine_before.busy) - own).count() / capacity);
  slice.stolen = (machine.stolen - machine_before.stolen).count() / capacity;
  workload.expected_rate = slice.rate;
  return slice;
}

namespace {

/// The worse of a pair's disturbances, each as a multiple of what is let pass.
double disturbance(const Pairing& pairing, const Pair& pair) {
  const auto of_slice = [&](const Slice& slice) {
    return std::max(slice.foreign / pairing.max_foreign, slice.stolen / pairing.max_stolen);
  };
  return std::max(of_slice(pair.limit), of_slice(pair.subject));
}

Pairs collect(const Pairing& pairing, const std::function<Pair(bool limit_first)>& measure) {
  Pairs result;
  std::vector<Pair> disturbed;
  for (std::size_t tried = 0; tried < 3 * pairing.pairs && result.kept.size() < pairing.pairs; ++tried) {
    if (pairing.progress) pairing.progress(result.kept.size(), disturbed.size());
    Pair pair = measure(tried % 2 == 0);
    (disturbance(pairing, pair) <= 1 ? result.kept : disturbed).push_back(std::move(pair));
  }
  result.dropped = disturbed.size();
  std::sort(disturbed.begin(), disturbed.end(),
            [&](const Pair& a, const Pair& b) { return disturbance(pairing, a) < disturbance(pairing, b); });
  for (Pair& pair : disturbed) {
    if (result.kept.size() >= pairing.pairs) break;
    result.kept.push_back(std::move(pair));
    result.disturbed = true;
    --result.dropped;
  }
  return result;
}

constexpr double warm_up = 0.25;  // of a slice

}  // namespace

Pairs alternate(const Pairing& pairing, Workload& limit, Workload& subject) {
  run_slice(limit, pairing.slice * warm_up);
  run_slice(subject, pairing.slice * warm_up);
  return collect(pairing, [&](bool limit_first) {
    Pair pair;
    if (limit_first) pair.limit = run_slice(limit, pairing.slice);
    pair.subject = run_slice(subject, pairing.slice);
    if (!limit_first) pair.limit = run_slice(limit, pairing.slice);
    return pair;
  });
}

Pairs repeat(const Pairing& pairing, Workload& subject) {
  run_slice(subject, pairing.slice * warm_up);
  return collect(pairing, [&](bool) { return Pair{{}, run_slice(subject, pairing.slice)}; });
}

Spread spread(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double quantile) {
    const double rank = quantile * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(rank);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (values[above] - values[below]) * (rank - static_cast<double>(below));
  };
  return {at(0.5), at(0.25), at(0.75)};
}

}  // namespace openexec::bench
