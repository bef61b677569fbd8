// SPDX-License-Identifier: Apache-2.0
// Attempts that are submitted, and threads that drive them.
#include <openexec/openexec.hpp>

#include <dirent.h>
#include <pthread.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/gate.hpp"
#include "support/in_flight.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
using namespace std::chrono_literals;

namespace {

struct House {
  explicit House(HandlerTable table = {}, Config config = {}, std::shared_ptr<NonceStore> store = memory_ledger()) {
    REQUIRE(table
                .add("echo",
                     [this](const Invocation& call) {
                       ++ran;
                       return HandlerResult::result(std::string(call.payload));
                     })
                .ok());
    executor.emplace(assemble({.store = std::move(store), .log = nullptr, .verifier = verifier}, std::move(table),
                              std::move(config)));
  }
  ~House() { stop(); }
  void drive(int threads) { drivers.start(*executor, threads); }
  void stop() { drivers.clear(); }
  Status submit(const std::string& action, const std::string& nonce, Completion done,
                const std::string& payload = "{}") {
    return test::submit(*executor, action, nonce, std::move(done), payload);
  }

  std::shared_ptr<ScriptedVerifier> verifier = std::make_shared<ScriptedVerifier>();
  std::atomic<int> ran{0};
  std::optional<Executor> executor;
  Drivers drivers;
};

/// `slow`, which stays in its handler until the gate lets it go.
HandlerTable slow_table(Gate& gate) {
  HandlerTable table;
  REQUIRE(table
              .add("slow",
                   [&gate](const Invocation&) {
                     gate.pass();
                     return HandlerResult::result("1");
                   })
              .ok());
  return table;
}

std::size_t threads_of_process() {
  std::size_t count = 0;
  DIR* const folder = opendir("/proc/self/task");
  REQUIRE(folder != nullptr);
  while (const dirent* entry = readdir(folder))
    if (entry->d_name[0] != '.') ++count;
  closedir(folder);
  return count;
}

}  // namespace

TEST_CASE("Without a driver nothing is submitted, and the completion is not called") {
  House house;
  Answers answers;
  const Status status = house.submit("echo", "n", answers.expect(1));
  CHECK(status.code() == Code::invalid_argument);
  CHECK(status.detail().find("drive()") != std::string::npos);
  house.drive(1);
  CHECK(house.submit("echo", "n", nullptr).code() == Code::invalid_argument);
  house.stop();
  CHECK(house.submit("echo", "n", answers.expect(1)).code() == Code::invalid_argument);
  CHECK(answers.size() == 0);
  CHECK(house.ran == 0);
}

TEST_CASE("Each submitted attempt is answered once, as a blocking call would answer it") {
  House house;
  house.drive(GENERATE(1, 2, 5));
  Answers answers;
  constexpr int count = 300;
  for (int i = 0; i < count; ++i) {
    std::string nonce = "n-" + std::to_string(i);  // gone before the attempt runs
    REQUIRE(house.submit("echo", nonce, answers.expect(i), R"({"i":)" + std::to_string(i) + "}").ok());
    nonce.assign(nonce.size(), 'x');
  }
  const auto& all = answers.wait(count);
  house.stop();
  REQUIRE(all.size() == count);
  for (const auto& [i, outcomes] : all) {
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].ok());
    CHECK(outcomes[0].verdict == Verdict::executed);
    CHECK(outcomes[0].result == R"({"i": )" + std::to_string(i) + "}");
    CHECK(outcomes[0].entry_index.has_value());
  }
  CHECK(house.ran == count);
  const Outcome again = house.executor->execute(
      {.action = "echo", .payload = R"({"i":7})", .nonce = "n-7", .approval_artifact = R"({"id":"n-7"})"});
  CHECK(again.replayed);
}

TEST_CASE("Equal attempts in flight run once, and all are told the outcome without a thread that waits") {
  Gate gate;
  HandlerTable table = slow_table(gate);
  House house(std::move(table));
  house.drive(2);
  Answers answers;
  for (int i = 0; i < 50; ++i) REQUIRE(house.submit("slow", "same", answers.expect(i)).ok());
  gate.wait_until_entered();
  for (int i = 50; i < 100; ++i) REQUIRE(house.submit("slow", "same", answers.expect(i)).ok());
  // One driver is inside the handler, 99 attempts wait, and the other driver is free all the same.
  Answers others;
  REQUIRE(house.submit("echo", "other", others.expect(0)).ok());
  CHECK(others.wait(1)[0][0].ok());
  gate.release();
  int executed = 0;
  for (const auto& [i, outcomes] : answers.wait(100)) {
    CHECK(outcomes[0].ok());
    executed += outcomes[0].replayed ? 0 : 1;
  }
  CHECK(executed == 1);
}

TEST_CASE("An attempt that waits for an equal one is answered when its own patience ends") {
  Gate gate;
  HandlerTable table = slow_table(gate);
  House house(std::move(table));
  house.drive(2);
  Answers answers;
  REQUIRE(house.submit("slow", "same", answers.expect(0)).ok());
  gate.wait_until_entered();
  CallOptions soon;
  soon.max_wait = 1ms;
  REQUIRE(house.executor
              ->submit(
                  {Request{.action = "slow", .payload = "{}", .nonce = "same", .approval_artifact = R"({"id":"same"})"},
                   soon},
                  answers.expect(1))
              .ok());
  CHECK(answers.wait(1).at(1)[0].code == Code::in_progress);
  gate.release();
  CHECK(answers.wait(2).at(0)[0].ok());
}

TEST_CASE("More than may be in flight is overloaded at once, and its completion is not called") {
  Gate gate;
  HandlerTable table = slow_table(gate);
  Config config;
  config.limits.max_in_flight = 2;
  House house(std::move(table), config);
  house.drive(1);
  Answers answers;
  REQUIRE(house.submit("slow", "a", answers.expect(0)).ok());
  gate.wait_until_entered();
  REQUIRE(house.submit("echo", "b", answers.expect(1)).ok());
  CHECK(house.submit("echo", "c", answers.expect(2)).code() == Code::overloaded);
  gate.release();
  CHECK(answers.wait(2).size() == 2);
  house.stop();
  CHECK(answers.size() == 2);
  CHECK(house.ran == 1);
}

TEST_CASE("A completion that submits again is no recursion, and has its place in flight") {
  Config config;
  config.limits.max_in_flight = 1;
  House house({}, config);
  house.drive(1);
  std::atomic<int> left{2'000};
  std::atomic<bool> refused{false};
  Answers last;
  std::function<void(Outcome)> next = [&](Outcome outcome) {
    if (!outcome.ok()) refused = true;
    const int i = --left;
    if (i == 0) return last.expect(0)(std::move(outcome));
    if (!house.submit("echo", "n-" + std::to_string(i), next).ok()) {
      refused = true;
      last.expect(0)({});
    }
  };
  REQUIRE(house.submit("echo", "n", next).ok());
  last.wait(1);
  CHECK_FALSE(refused);
  CHECK(house.ran == 2'000);
}

TEST_CASE("What a completion throws, and what a handler throws, stays with it") {
  HandlerTable table;
  REQUIRE(table.add("throws", [](const Invocation&) -> HandlerResult { throw std::runtime_error("no"); }).ok());
  House house(std::move(table));
  house.drive(1);
  Answers answers;
  REQUIRE(house
              .submit("echo", "a",
                      [&](Outcome outcome) {
                        answers.expect(0)(std::move(outcome));
                        throw 7;
                      })
              .ok());
  REQUIRE(house.submit("throws", "b", answers.expect(1)).ok());
  REQUIRE(house.submit("echo", "c", answers.expect(2)).ok());
  auto& all = answers.wait(3);
  CHECK(all[0][0].ok());
  CHECK(all[1][0].verdict == Verdict::in_doubt);
  CHECK(all[2][0].ok());
}

TEST_CASE("A handler must not submit to the executor that runs it; a completion may") {
  std::optional<Status> inner;
  House* self = nullptr;
  Answers answers;
  HandlerTable table;
  REQUIRE(table
              .add("asks",
                   [&](const Invocation&) {
                     inner = self->submit("echo", "inner", answers.expect(1));
                     return HandlerResult::result("1");
                   })
              .ok());
  House house(std::move(table));
  self = &house;
  house.drive(1);
  REQUIRE(house.submit("asks", "a", answers.expect(0)).ok());
  answers.wait(1);
  REQUIRE(inner);
  CHECK(inner->code() == Code::invalid_argument);
  CHECK(house.ran == 0);
}

#ifndef __SANITIZE_ADDRESS__  // which ends the process where a thread is unwound by force
TEST_CASE(
    "A driver whose thread ends in a handler leaves that execution in doubt, and the rest of its hand to others") {
  HandlerTable table;
  REQUIRE(table.add("ends", [](const Invocation&) -> HandlerResult { pthread_exit(nullptr); }).ok());
  House house(std::move(table));
  house.drive(1);
  Answers answers;
  REQUIRE(house.submit("ends", "a", answers.expect(0)).ok());
  std::size_t taken = 1;
  for (int i = 1; i < 20; ++i)  // until the driver is gone
    taken += house.submit("echo", std::to_string(i), answers.expect(i)).ok() ? 1u : 0u;
  house.drivers[0].join();
  house.drivers.clear();
  house.drive(1);
  REQUIRE(house.submit("echo", "last", answers.expect(20)).ok());
  const auto& all = answers.wait(taken + 1);
  for (const auto& [i, outcomes] : all) {
    REQUIRE(outcomes.size() == 1);
    CHECK((outcomes[0].verdict == Verdict::in_doubt) == (i == 0));
    CHECK((outcomes[0].ok() || i == 0));
  }
}
#endif

TEST_CASE("A handler must not drive the executor that runs it: what others submitted is not refused for it") {
  std::optional<Status> inner;
  House* self = nullptr;
  HandlerTable table;
  REQUIRE(table
              .add("drives",
                   [&](const Invocation&) {
                     std::stop_source stop;
                     stop.request_stop();
                     inner = self->executor->drive(stop.get_token());
                     return HandlerResult::result("1");
                   })
              .ok());
  House house(std::move(table));
  self = &house;
  house.drive(1);
  Answers answers;
  REQUIRE(house.submit("drives", "a", answers.expect(0)).ok());
  CHECK(answers.wait(1)[0][0].ok());
  REQUIRE(inner);
  CHECK(inner->code() == Code::invalid_argument);
}

TEST_CASE("The library starts no thread of its own") {
  const std::size_t before = threads_of_process();
  House house;
  CHECK(threads_of_process() == before);
  house.drive(3);
  Answers answers;
  for (int i = 0; i < 100; ++i) REQUIRE(house.submit("echo", std::to_string(i), answers.expect(i)).ok());
  answers.wait(100);
  CHECK(threads_of_process() == before + 3);
}

TEST_CASE("A driver that is told to stop stops, and what was submitted goes on with the next one") {
  Gate gate;
  HandlerTable table = slow_table(gate);
  House house(std::move(table));
  house.drive(1);
  Answers answers;
  REQUIRE(house.submit("slow", "a", answers.expect(0)).ok());
  gate.wait_until_entered();
  for (int i = 1; i < 20; ++i) REQUIRE(house.submit("echo", std::to_string(i), answers.expect(i)).ok());
  house.drivers[0].request_stop();
  gate.release();
  house.stop();
  CHECK(answers.size() == 1);  // the hand that it had is finished, and nothing else is begun
  CHECK(house.ran == 0);
  house.drive(2);
  CHECK(answers.wait(20).size() == 20);
  CHECK(house.ran == 19);
}

TEST_CASE("What was submitted and never driven is answered when the executor goes, and has not run") {
  Gate gate;
  HandlerTable table = slow_table(gate);
  Answers answers;
  std::atomic<int> ran{0};
  {
    House house(std::move(table));
    house.drive(1);
    REQUIRE(house.submit("slow", "a", answers.expect(0)).ok());
    gate.wait_until_entered();
    for (int i = 1; i < 200; ++i) REQUIRE(house.submit("echo", std::to_string(i), answers.expect(i)).ok());
    house.drivers[0].request_stop();
    gate.release();
    house.stop();
    house.executor.reset();
    ran = house.ran.load();
  }
  const auto& all = answers.wait(200);
  for (const auto& [i, outcomes] : all) {
    REQUIRE(outcomes.size() == 1);
    CHECK((i == 0 ? outcomes[0].ok() : outcomes[0].code == Code::overloaded));
    CHECK((i == 0 || outcomes[0].effect == Effect::none));
  }
  CHECK(ran == 0);
}

TEST_CASE("A kill switch that goes on while attempts wait for their handlers leaves them failed, without an effect") {
  Gate gate;
  HandlerTable table;
  std::atomic<int> entered{0};
  REQUIRE(table
              .add("slow",
                   [&](const Invocation&) {
                     if (entered++ == 0) gate.pass();
                     return HandlerResult::result("1");
                   })
              .ok());
  House house(std::move(table));
  house.drive(1);
  Answers answers;
  // All are claimed in one hand or wait behind it; the first holds the driver inside its handler.
  for (int i = 0; i < 40; ++i) REQUIRE(house.submit("slow", std::to_string(i), answers.expect(i)).ok());
  gate.wait_until_entered();
  CHECK(house.executor->halt({.who = "operator", .why = "test", .tenant = {}}).ok());
  gate.release();
  int ok = 0;
  for (const auto& [i, outcomes] : answers.wait(40)) {
    const Outcome& outcome = outcomes[0];
    ok += outcome.ok() ? 1 : 0;
    if (!outcome.ok()) CHECK(outcome.effect == Effect::none);
    if (!outcome.ok()) CHECK((outcome.code == Code::halted || outcome.code == Code::handler_failed));
  }
  CHECK(ok == 1);
  CHECK(entered == 1);
}
