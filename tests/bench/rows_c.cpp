// SPDX-License-Identifier: Apache-2.0
// Rows about the C ABI. Its library is the shared one; nothing of it is seen here but openexec.h.
#include <openexec.h>

#include <memory>

#include "bench/bench.hpp"

namespace openexec::bench {
namespace {

openexec_str text(std::string_view view) { return {view.data(), view.size()}; }

void need_c(openexec_code code, std::string_view what) {
  if (code != OPENEXEC_OK) throw std::runtime_error(std::string(what) + ": code " + std::to_string(code));
}

openexec_answer echo_c(void*, const openexec_invocation* call, openexec_sink* result, openexec_sink*) {
  openexec_sink_write(result, text("{\"echo\":"));
  openexec_sink_write(result, call->payload);
  openexec_sink_write(result, text("}"));
  return OPENEXEC_ANSWER_RESULT;
}

using CExecutor = std::shared_ptr<openexec_executor>;

/// `ledger`: a URL.
CExecutor make_c_executor(const Bench& bench, const std::string& ledger) {
  openexec_config* config = nullptr;
  openexec_executor* executor = nullptr;
  openexec_handler_table handler{};
  handler.size = sizeof handler;
  handler.run = echo_c;
  const std::string key = bench.principal.approver().public_key_pem();
  need_c(openexec_config_create(&config, nullptr), "config");
  need_c(openexec_config_set_tenant(config, text(tenant), nullptr), "tenant");
  need_c(openexec_config_set_ledger_url(config, text(ledger), nullptr), "ledger");
  need_c(openexec_config_set_clawshield_verifier(config, text(key), text(tenant), nullptr), "verifier");
  need_c(openexec_config_add_handler(config, text("echo"), &handler, nullptr), "handler");
  need_c(openexec_executor_create(config, &executor, nullptr), "executor");
  openexec_config_destroy(&config);
  return {executor, [](openexec_executor* done) { openexec_executor_destroy(&done); }};
}

Workload blocking_c(CExecutor executor, Backlog& backlog, std::size_t threads) {
  return {.threads = threads,
          .step = [executor, &backlog](std::size_t) -> std::size_t {
            const auto request = backlog.take(1);
            if (request.empty()) return 0;
            openexec_outcome* outcome = nullptr;
            const openexec_code code =
                openexec_executor_execute_json(executor.get(), text(request.front()), nullptr, &outcome, nullptr);
            openexec_outcome_destroy(&outcome);
            need_c(code, "an execution through C");
            return 1;
          },
          .prepare = [&backlog](std::size_t operations) { backlog.fill(operations); }};
}

}  // namespace

void measure_c_blocking(Bench& bench) {
  const std::string what = "executions/s, approved, 64 blocking threads through C";
  Backlog backlog(bench.approved());
  Workload limit = verifications(cores());
  Workload subject = blocking_c(make_c_executor(bench, "sqlite:///" + bench.folder.fresh("c.db")), backlog, 64);
  const Pairs pairs = alternate(bench.pairing(what), limit, subject);
  bench.report.add(Line{.what = what,
                        .unit = "/s",
                        .figure = spread(pairs, [](const Pair& pair) { return pair.subject.rate; }),
                        .limit = spread(pairs, [](const Pair& pair) { return pair.limit.rate; }),
                        .ratio = spread(pairs, [](const Pair& pair) { return pair.subject.rate / pair.limit.rate; }),
                        .goal = at_least(0.75)}
                       .from(pairs));
}

void measure_c_wrapped(Bench& bench) {
  const std::string what = "an execution wrapped by C against C++, in memory";
  Backlog backlog(bench.approved());
  // A ledger in memory grows: each slice gets a new one.
  std::optional<Executor> executor;
  std::optional<Workload> plain, wrapped;
  Workload limit{.step = [&](std::size_t thread) { return plain->step(thread); }};
  limit.prepare = [&](std::size_t operations) {
    executor.emplace(make_executor({.store = memory_ledger(), .verifier = bench.principal.verifier()}));
    plain.emplace(blocking(*executor, backlog, 1));
    plain->prepare(operations);
  };
  Workload subject{.step = [&](std::size_t thread) { return wrapped->step(thread); }};
  subject.prepare = [&](std::size_t operations) {
    wrapped.emplace(blocking_c(make_c_executor(bench, "sqlite://"), backlog, 1));
    wrapped->prepare(operations);
  };
  const Pairs pairs = alternate(bench.pairing(what), limit, subject);
  bench.report.add(
      Line{.what = what,
           .unit = "µs",
           .figure = spread(pairs, [](const Pair& pair) { return pair.subject.cpu_each() * 1e6; }),
           .limit = spread(pairs, [](const Pair& pair) { return pair.limit.cpu_each() * 1e6; }),
           .ratio = spread(pairs, [](const Pair& pair) { return pair.subject.cpu_each() / pair.limit.cpu_each(); }),
           .goal = at_most(1.02),
           .note = "CPU time, one thread"}
          .from(pairs));
}

}  // namespace openexec::bench
