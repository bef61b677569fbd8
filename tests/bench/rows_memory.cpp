// SPDX-License-Identifier: Apache-2.0
// Rows about memory: bytes held, allocations made.
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "bench/bench.hpp"
#include "bench/counters.hpp"

namespace openexec::bench {
namespace {

constexpr double kibi = 1024.0;

double heap_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

/// Pages that are this process's own and would have to be kept.
std::uint64_t private_bytes() {
  std::ifstream maps("/proc/self/smaps_rollup");
  std::string line;
  while (std::getline(maps, line)) {
    unsigned long long value = 0;
    if (std::sscanf(line.c_str(), "Private_Dirty: %llu kB", &value) == 1) return value * 1024;
  }
  throw std::runtime_error("cannot read /proc/self/smaps_rollup");
}

/// Asks a fresh process: in this one, others have been warm before.
std::uint64_t idle_memory_elsewhere(const std::string& folder) {
  const std::string command = "'/proc/" + std::to_string(::getpid()) + "/exe' --idle-memory '" + folder + "'";
  FILE* const child = ::popen(command.c_str(), "r");
  unsigned long long bytes = 0;
  const bool answered = child != nullptr && std::fscanf(child, "%llu", &bytes) == 1;
  if (child == nullptr || ::pclose(child) != 0 || !answered)
    throw std::runtime_error("cannot measure in a process apart");
  return bytes;
}

}  // namespace

std::uint64_t idle_memory(const std::string& folder) {
  const std::string ledger = folder + "/idle.db";
  const auto verifier = Principal(1).verifier();
  const std::uint64_t before = private_bytes();
  const Executor executor = make_executor(ledger, verifier);
  return private_bytes() - before;
}

void measure_memory(Bench& bench) {
  bench.progress("memory");
  const auto idle = static_cast<double>(idle_memory_elsewhere(bench.folder.path()));
  bench.report.add({.what = "memory of an idle executor",
                    .unit = "MiB",
                    .figure = exactly(idle / kibi / kibi),
                    .goal = at_most(4),
                    .note = "private pages that its assembly adds, in a process of its own"});

  // All of a batch are in flight when the first of its handlers runs.
  constexpr std::size_t in_flight = 1000;
  double heap_inside = 0;
  Config config;
  config.tenant = tenant;
  HandlerTable table;
  need(table.add("echo",
                 [&heap_inside](const Invocation& call) {
                   if (heap_inside == 0) heap_inside = heap_bytes();
                   return echo(call);
                 }),
       "the handler");
  Executor executor =
      need(Executor::assemble(std::move(config),
                              {.store = need(sqlite_ledger(bench.folder.fresh("flight.db")), "the ledger"),
                               .verifier = bench.principal.verifier()},
                              std::move(table)),
           "the executor");
  const auto execute = [&](const std::vector<std::string>& requests) {
    std::vector<Call> calls(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) calls[i].request = std::string_view(requests[i]);
    heap_inside = 0;
    const double before = heap_bytes();
    for (const Outcome& outcome : executor.execute_many(calls)) check(outcome, {});
    return heap_inside - before;
  };
  execute(bench.approved(in_flight));  // caches are warm
  const std::vector<std::string> requests = bench.approved(in_flight);
  const double each = execute(requests) / in_flight;
  const auto payload = static_cast<double>(bench.principal.approver().draft(0).payload.size());
  bench.report.add({.what = "memory of a request in flight, beyond its payload",
                    .unit = "KiB",
                    .figure = exactly((each - payload) / kibi),
                    .goal = at_most(16),
                    .note = "heap, one of " + std::to_string(in_flight) + " in an execute_many; requests of " +
                            std::to_string(requests.front().size()) + " bytes"});
}

void measure_allocations(Bench& bench) {
  bench.progress("allocations");
  if (!CountAllocations::possible()) {
    bench.report.add(
        {.what = "allocations", .unit = "", .figure = {}, .note = "not counted: a build with a sanitizer"});
    return;
  }
  constexpr std::size_t count = 1024;
  Executor executor = make_executor(bench.folder.fresh("allocations.db"), bench.principal.verifier());
  std::vector<std::string> requests = bench.approved(count);
  const auto run = [&](const std::string& what, std::size_t each, Expected expected, Goal goal) {
    Workload workload = again(executor, requests, 1, each, expected);
    const CountAllocations counted;
    for (std::size_t done = 0; done < count;) done += workload.step(0);
    const double all = static_cast<double>(counted.all()) / count;
    const double by_new = static_cast<double>(counted.by_new()) / count;
    bench.report.add({.what = "allocations of " + what,
                      .unit = "",
                      .figure = exactly(all),
                      .goal = goal,
                      .note = format(by_new) + " by C++ code, the others by SQLite and OpenSSL"});
  };
  for (const std::size_t each : {std::size_t{1}, std::size_t{64}}) {
    const std::string at_once = each == 1 ? ", one at a time" : ", 64 at once";
    requests = bench.approved(count);
    Workload warm_up = again(executor, requests, 1, 64, {});
    for (std::size_t i = 0; i < count / 64; ++i) warm_up.step(0);
    requests = bench.approved(count);
    run("an approved execution" + at_once, each, {}, at_most(40));
    run("a replay" + at_once, each, {.replayed = true}, at_most(15));
  }
}

}  // namespace openexec::bench
