// SPDX-License-Identifier: Apache-2.0
// Many at once: threads on one nonce, processes on one ledger.
#include <openexec/openexec.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <barrier>
#include <set>
#include <thread>

#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

constexpr int threads = 64;

int rounds() {
  const char* set = std::getenv("OPENEXEC_CONTENTION_ROUNDS");
  return set != nullptr ? std::atoi(set) : campaign(200, 1000);
}

/// 64 threads, each round one nonce. Returns how many rounds broke the promise.
int broken_rounds(const std::shared_ptr<Ledger>& ledger, const std::string& run) {
  auto calls = std::make_shared<std::atomic<int>>(0);
  Config config;
  config.limits.max_replays_per_second = threads;  // each replay has an entry, so that the log counts all answers
  Executor executor = assemble({.store = ledger,
                                .log = nullptr,
                                .verifier = std::make_shared<ScriptedVerifier>(),
                                .hasher = nullptr,
                                .clock = nullptr},
                               echo_table(calls), config);
  std::vector<Outcome> outcomes(threads);
  int broken = 0;
  int round = 0;
  std::barrier start(threads + 1), end(threads + 1);
  std::vector<std::thread> callers;
  for (int t = 0; t < threads; ++t)
    callers.emplace_back([&, t] {
      for (int r = 0; r < rounds(); ++r) {
        start.arrive_and_wait();
        const std::string nonce = run + std::to_string(r);
        const std::string artifact = "{\"id\":\"" + nonce + "\"}";
        outcomes[static_cast<std::size_t>(t)] =
            executor.execute({.action = "echo", .payload = "{}", .nonce = nonce, .approval_artifact = artifact});
        end.arrive_and_wait();
      }
    });
  for (; round < rounds(); ++round) {
    const int before = *calls;
    start.arrive_and_wait();
    end.arrive_and_wait();
    std::set<std::string> receipts;
    int firsts = 0;
    for (const Outcome& outcome : outcomes) {
      if (outcome.ok())
        receipts.insert(outcome.receipt);
      else
        receipts.insert("refused");
      firsts += outcome.replayed ? 0 : 1;
    }
    if (*calls != before + 1 || receipts.size() != 1 || firsts != 1) ++broken;
  }
  for (auto& caller : callers) caller.join();
  return broken;
}

}  // namespace

TEST_CASE("64 threads with one nonce: one handler call and 64 equal receipts, in memory") {
  auto ledger = memory_ledger();
  CHECK(broken_rounds(ledger, "m") == 0);
  CHECK(ledger->size().value() == static_cast<std::uint64_t>(threads) * static_cast<std::uint64_t>(rounds()));
}

TEST_CASE("64 threads with one nonce: one handler call and 64 equal receipts, in SQLite") {
  TemporaryFolder folder;
  auto ledger = sqlite_ledger(folder.file("ledger.db"));
  REQUIRE(ledger.ok());
  CHECK(broken_rounds(*ledger, "s") == 0);
  CHECK((*ledger)->size().value() == static_cast<std::uint64_t>(threads) * static_cast<std::uint64_t>(rounds()));
}

TEST_CASE("64 threads, each with its own approval for its own nonce, all execute, and none twice") {
  TemporaryFolder folder;
  auto ledger = sqlite_ledger(folder.file("ledger.db"));
  REQUIRE(ledger.ok());
  auto calls = std::make_shared<std::atomic<int>>(0);
  Executor executor = assemble({.store = *ledger,
                                .log = nullptr,
                                .verifier = std::make_shared<ScriptedVerifier>(),
                                .hasher = nullptr,
                                .clock = nullptr},
                               echo_table(calls));
  std::atomic<int> ok{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < threads; ++t)
    callers.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string nonce = std::to_string(t) + "-" + std::to_string(i);
        const std::string artifact = "{\"id\":\"" + nonce + "\"}";
        if (executor.execute({.action = "echo", .payload = "{}", .nonce = nonce, .approval_artifact = artifact}).ok())
          ++ok;
      }
    });
  for (auto& caller : callers) caller.join();
  CHECK(ok == threads * 20);
  CHECK(*calls == threads * 20);
}

TEST_CASE("of many processes on one ledger one opens it, and the others are told who holds it") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  auto held = sqlite_ledger(path);
  REQUIRE(held.ok());
  const std::string expected = "in use by process " + std::to_string(::getpid());
  for (int i = 0; i < 8; ++i) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto other = sqlite_ledger(path);
      const bool told = !other.ok() && other.code() == Code::store_failed &&
                        other.status().detail().find(expected) != std::string::npos;
      ::_exit(told ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  held = Status(Code::store_failed, "closed");
  CHECK(sqlite_ledger(path).ok());
}
