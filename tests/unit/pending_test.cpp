// SPDX-License-Identifier: Apache-2.0
// Handlers that finish later.
#include <openexec/openexec.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/in_flight.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
using namespace std::chrono_literals;

namespace {

/// What an asynchronous handler was given, for a test that completes it.
class Desk {
 public:
  void put(std::string exec_id, Pending pending) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(exec_id), std::move(pending));
    changed_.notify_all();
  }
  Pending take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waiting_.empty(); });
    Pending pending = std::move(waiting_.front().second);
    waiting_.pop_front();
    return pending;
  }
  void wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.size() >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<std::string, Pending>> waiting_;
};

struct House {
  explicit House(std::chrono::milliseconds deadline = 10min, std::uint32_t retry_none = 0, Config config = {}) {
    HandlerTable table;
    REQUIRE(table
                .add("later", {.run = nullptr,
                               .reconcile = nullptr,
                               .deadline = deadline,
                               .retry_none = retry_none,
                               .start =
                                   [this](const Invocation& call, Pending pending) {
                                     ++entered;
                                     desk.put(std::string(call.exec_id), std::move(pending));
                                   }})
                .ok());
    REQUIRE(table
                .add("at-once", AsyncHandler([](const Invocation&, Pending pending) {
                       (void)pending.complete(HandlerResult::result("1"));
                     }))
                .ok());
    REQUIRE(table.add("drops", AsyncHandler([](const Invocation&, Pending) {})).ok());
    REQUIRE(table
                .add("throws", AsyncHandler([this](const Invocation& call, Pending pending) {
                       desk.put(std::string(call.exec_id), std::move(pending));
                       throw 7;
                     }))
                .ok());
    executor.emplace(
        assemble({.store = store, .log = nullptr, .verifier = verifier}, std::move(table), std::move(config)));
  }
  ~House() { drivers.clear(); }

  void drive(int threads) { drivers.start(*executor, threads); }
  Status submit(const std::string& action, const std::string& nonce, Completion done) {
    return test::submit(*executor, action, nonce, std::move(done));
  }
  Outcome execute(const std::string& action, const std::string& nonce) {
    const std::string approval = R"({"id":")" + nonce + "\"}";
    return executor->execute({.action = action, .payload = "{}", .nonce = nonce, .approval_artifact = approval});
  }
  /// Waits for the settlement that follows a late completion.
  Outcome told_until(const std::string& action, const std::string& nonce, Verdict verdict) {
    for (;;) {
      Outcome outcome = execute(action, nonce);
      if (outcome.verdict == verdict) return outcome;
      std::this_thread::yield();
    }
  }
  std::size_t count(std::string_view what) {
    std::size_t found = 0;
    for (std::uint64_t i = 0; i < executor->log().size().value(); ++i)
      if (executor->log().read(i, 1).value().at(0).json.find(what) != std::string::npos) ++found;
    return found;
  }

  std::shared_ptr<Ledger> store = memory_ledger();
  std::shared_ptr<ScriptedVerifier> verifier = std::make_shared<ScriptedVerifier>();
  Desk desk;
  std::atomic<int> entered{0};
  std::optional<Executor> executor;
  Drivers drivers;
};

}  // namespace

TEST_CASE("A row has a handler of one kind") {
  HandlerTable table;
  CHECK(table.add("a", HandlerTable::Row{}).code() == Code::invalid_argument);
  CHECK(table.add("a", AsyncHandler()).code() == Code::invalid_argument);
  CHECK(table
            .add("a", {.run = [](const Invocation&) { return HandlerResult::result("1"); },
                       .reconcile = nullptr,
                       .start = [](const Invocation&, Pending) {}})
            .code() == Code::invalid_argument);
}

TEST_CASE("A thousand executions wait for their handlers on one driver, and each is answered by its own completion") {
  House house;
  house.drive(1);
  Answers answers;
  constexpr int count = 1'000;
  for (int i = 0; i < count; ++i) REQUIRE(house.submit("later", std::to_string(i), answers.expect(i)).ok());
  house.desk.wait(count);
  CHECK(house.execute("at-once", "free").ok());
  for (int i = 0; i < count; ++i)
    CHECK(house.desk.take().complete(HandlerResult::result(std::to_string(i))) == Delivery::accepted);
  for (const auto& [i, outcomes] : answers.wait(count)) {
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].ok());
    CHECK(outcomes[0].verdict == Verdict::executed);
  }
  CHECK(house.entered == count);
}

TEST_CASE("A blocking call of an asynchronous handler waits for its completion") {
  House house;
  std::thread other([&] {
    Pending pending = house.desk.take();
    CHECK(pending.complete(HandlerResult::failed("no luck", Effect::none)) == Delivery::accepted);
    CHECK(pending.complete(HandlerResult::result("1")) == Delivery::refused);
  });
  const Outcome outcome = house.execute("later", "n");
  other.join();
  CHECK(outcome.code == Code::handler_failed);
  CHECK(outcome.effect == Effect::none);
  CHECK(outcome.detail == "no luck");
}

TEST_CASE("A batch of asynchronous and other calls waits for all of them, also for equal ones in the same batch") {
  House house;
  const auto call = [](std::string_view action, std::string_view nonce) {
    return Call{Request{.action = action, .payload = "{}", .nonce = nonce, .approval_artifact = R"({"id":"x"})"}, {}};
  };
  std::thread other([&] {
    house.desk.wait(1);
    (void)house.desk.take().complete(HandlerResult::result("2"));
  });
  Call second = call("at-once", "b");
  std::get<Request>(second.request).approval_artifact = R"({"id":"y"})";
  const std::vector<Outcome> outcomes =
      house.executor->execute_many(std::vector<Call>{call("later", "a"), second, call("later", "a")});
  other.join();
  CHECK(outcomes[0].ok());
  CHECK(outcomes[1].ok());
  CHECK(outcomes[2].ok());
  CHECK((outcomes[0].replayed != outcomes[2].replayed));
  CHECK(house.entered == 1);
}

TEST_CASE("A completion inside the handler, and a token that is dropped, each have one answer") {
  House house;
  if (GENERATE(false, true)) house.drive(1);
  CHECK(house.execute("at-once", "a").result == "1");
  const Outcome dropped = house.execute("drops", "b");
  CHECK(dropped.verdict == Verdict::in_doubt);
  CHECK(dropped.detail == "the handler ended without saying what became of the action");
  const Outcome thrown = house.execute("throws", "c");
  CHECK(thrown.verdict == Verdict::in_doubt);
  CHECK(thrown.detail == "the handler threw");
  CHECK(house.desk.take().complete(HandlerResult::result("1")) == Delivery::late);
  CHECK(house.told_until("throws", "c", Verdict::replayed).result == "1");
}

TEST_CASE("Past its deadline an execution is in doubt, and a late completion is a settlement that replays tell") {
  House house(1ms);
  const bool driven = GENERATE(false, true);
  if (driven) house.drive(2);
  Answers answers;
  Outcome outcome;
  if (driven) {
    REQUIRE(house.submit("later", "n", answers.expect(0)).ok());
    outcome = answers.wait(1)[0][0];
  } else {
    outcome = house.execute("later", "n");
  }
  CHECK(outcome.verdict == Verdict::in_doubt);
  CHECK(outcome.effect == Effect::unknown);
  CHECK(outcome.detail == "the handler did not end within its deadline");
  CHECK(house.execute("later", "n").verdict == Verdict::in_doubt);

  CHECK(house.desk.take().complete(HandlerResult::result(R"({"late":true})")) == Delivery::late);
  const Outcome told = house.told_until("later", "n", Verdict::replayed);
  CHECK(told.result == R"({"late": true})");
  CHECK(house.entered == 1);
  CHECK(house.count("it completed after its deadline") == 1);
}

TEST_CASE("A late completion that contradicts a person's settlement changes nothing, and is appended") {
  House house(1ms);
  const Outcome outcome = house.execute("later", "n");
  REQUIRE(outcome.verdict == Verdict::in_doubt);
  Digest exec_id{};
  REQUIRE(from_hex(outcome.exec_id, exec_id));
  const SettlementAnswer person = house.executor->settle(exec_id, HandlerResult::failed("", Effect::none),
                                                         {.who = "ann", .why = "not sent", .tenant = {}});
  REQUIRE(person.decides);
  CHECK(house.desk.take().complete(HandlerResult::result("1")) == Delivery::late);
  const Outcome told = house.execute("later", "n");
  CHECK(told.code == Code::handler_failed);
  CHECK(told.effect == Effect::none);
  CHECK(house.count("it completed after its deadline") == 1);
}

TEST_CASE("Completions and deadlines that meet end each execution once") {
  House house(1ms);
  house.drive(2);
  Answers answers;
  std::atomic<int> accepted{0};
  std::atomic<int> late{0};
  constexpr int count = 400;
  std::jthread other([&](const std::stop_token& token) {
    for (int i = 0; i < count && !token.stop_requested(); ++i) {
      const Delivery delivery = house.desk.take().complete(HandlerResult::result("1"));
      (delivery == Delivery::accepted ? accepted : late) += delivery == Delivery::refused ? 1'000'000 : 1;
    }
  });
  for (int i = 0; i < count; ++i) REQUIRE(house.submit("later", std::to_string(i), answers.expect(i)).ok());
  int executed = 0;
  int doubtful = 0;
  for (const auto& [i, outcomes] : answers.wait(count)) {
    REQUIRE(outcomes.size() == 1);
    executed += outcomes[0].ok() ? 1 : 0;
    doubtful += outcomes[0].verdict == Verdict::in_doubt ? 1 : 0;
  }
  other.join();
  CHECK(executed == accepted);
  CHECK(doubtful == late);
  CHECK(executed + doubtful == count);
  for (int i = 0; i < count; ++i) CHECK(house.told_until("later", std::to_string(i), Verdict::replayed).result == "1");
  CHECK(house.entered == count);
}

TEST_CASE("Nothing happened, said later, lets the execution be tried again where its handler permits it") {
  House house(10min, 1);
  house.drive(1);
  Answers answers;
  REQUIRE(house.submit("later", "n", answers.expect(0)).ok());
  (void)house.desk.take().complete(HandlerResult::failed("busy", Effect::none));
  CHECK(answers.wait(1)[0][0].may_retry);
  REQUIRE(house.submit("later", "n", answers.expect(1)).ok());
  (void)house.desk.take().complete(HandlerResult::result("1"));
  const Outcome& second = answers.wait(2)[1][0];
  CHECK(second.ok());
  CHECK(second.attempt == 2);
}

TEST_CASE("When the executor goes, what waits for its handler is in doubt, and a later completion reaches nobody") {
  House house;
  Answers answers;
  house.drive(1);
  for (int i = 0; i < 150; ++i) REQUIRE(house.submit("later", std::to_string(i), answers.expect(i)).ok());
  house.desk.wait(150);
  house.drivers.clear();
  house.executor.reset();
  for (const auto& [i, outcomes] : answers.wait(150)) {
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].verdict == Verdict::in_doubt);
    CHECK(outcomes[0].entry_index.has_value());
    CHECK(outcomes[0].detail == "the executor was closed before the handler ended");
  }
  for (int i = 0; i < 150; ++i) CHECK(house.desk.take().complete(HandlerResult::result("1")) == Delivery::refused);
}

TEST_CASE("What completes while no thread drives goes on with the next driver") {
  House house;
  Answers answers;
  house.drive(1);
  REQUIRE(house.submit("later", "n", answers.expect(0)).ok());
  Pending pending = house.desk.take();
  house.drivers.clear();
  CHECK(pending.complete(HandlerResult::result("5")) == Delivery::accepted);
  house.drive(1);
  CHECK(answers.wait(1)[0][0].result == "5");
}

TEST_CASE("A token that is moved keeps the one completion; one that is overwritten leaves its execution in doubt") {
  House house;
  Answers answers;
  house.drive(1);
  REQUIRE(house.submit("later", "a", answers.expect(0)).ok());
  Pending first = house.desk.take();
  Pending moved = std::move(first);
  CHECK_FALSE(first);  // NOLINT: a token that was moved from owes nothing
  CHECK(first.complete(HandlerResult::result("0")) == Delivery::refused);
  REQUIRE(moved);
  REQUIRE(house.submit("later", "b", answers.expect(1)).ok());
  moved = house.desk.take();
  CHECK(answers.wait(1)[0][0].verdict == Verdict::in_doubt);
  CHECK(moved.complete(HandlerResult::result("1")) == Delivery::accepted);
  CHECK(answers.wait(2)[1][0].ok());
}

TEST_CASE("A completion in a child process reaches nobody, whatever locks were held, and the parent's goes on") {
  House house;
  Answers answers;
  house.drive(2);
  REQUIRE(house.submit("later", "n", answers.expect(0)).ok());
  Pending pending = house.desk.take();
  std::atomic<bool> enough{false};
#ifdef __SANITIZE_ADDRESS__  // whose allocator may be locked in the child
  enough = true;
#endif
  std::thread busy([&] {  // so that the inbox is often locked when the process forks
    for (int i = 1; !enough; ++i) (void)house.submit("at-once", std::to_string(i), [](const Outcome&) {});
  });
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::alarm(20);
      if (house.submit("at-once", "child", [](const Outcome&) {}).code() != Code::invalid_argument) _exit(2);
      _exit(pending.complete(HandlerResult::failed("the child's word")) == Delivery::refused ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  enough = true;
  busy.join();
  CHECK(pending.complete(HandlerResult::result("7")) == Delivery::accepted);
  CHECK(answers.wait(1)[0][0].result == "7");
}
