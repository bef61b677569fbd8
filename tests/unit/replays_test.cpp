// SPDX-License-Identifier: Apache-2.0
// Replays: how many get an entry of their own, what stands for the others, and what all of them are told.
#include <openexec/openexec.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

constexpr std::int64_t second = 1'000'000;

struct House {
  explicit House(Limits limits = {}) {
    HandlerTable table = echo_table(calls);
    REQUIRE(table.add("fail", [](const Invocation&) { return HandlerResult::failed("no", Effect::none); }).ok());
    REQUIRE(table.add("lost", [](const Invocation&) { return HandlerResult::in_doubt("no word"); }).ok());
    Config config;
    config.limits = limits;
    executor.emplace(assemble({.store = ledger,
                               .log = nullptr,
                               .verifier = std::make_shared<DemoVerifier>(),
                               .hasher = nullptr,
                               .clock = clock},
                              std::move(table), config));
  }
  Outcome execute(const std::string& nonce, const std::string& action = "echo") {
    return executor->execute({.action = action, .payload = "{}", .nonce = nonce, .approval_artifact = {}});
  }
  std::vector<Entry> suppressed() {
    std::vector<Entry> found;
    const auto lines = ledger->read(0, 100'000).value();
    for (const LogLine& line : lines)
      if (Entry entry = Entry::from_json(line.json).value(); entry.verdict == Verdict::suppressed)
        found.push_back(std::move(entry));
    return found;
  }
  std::uint64_t size() { return ledger->size().value(); }

  std::shared_ptr<Ledger> ledger = memory_ledger();
  std::shared_ptr<SetClock> clock = std::make_shared<SetClock>(1'772'366'400 * second);
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  std::optional<Executor> executor;
};

}  // namespace

TEST_CASE("Beyond ten a second the replays of an execution are told the same, and one entry stands for them") {
  House house;
  const Outcome first = house.execute("n");
  std::vector<Outcome> replays;
  for (int i = 0; i < 100; ++i) replays.push_back(house.execute("n"));
  CHECK(house.size() == 1 + 10);
  for (std::size_t i = 0; i < replays.size(); ++i) {
    const Outcome& replay = replays[i];
    CHECK(replay.ok());
    CHECK(replay.replayed);
    CHECK(replay.verdict == Verdict::replayed);
    CHECK(replay.effect == Effect::confirmed);
    CHECK(replay.exec_id == first.exec_id);
    CHECK(replay.result == first.result);
    CHECK(replay.receipt == first.receipt);
    CHECK(replay.entry.empty() == (i >= 10));
    CHECK(replay.entry_index.has_value() == (i < 10));
  }
  CHECK(house.suppressed().empty());

  house.clock->set(house.clock->now().micros + second);
  REQUIRE(house.execute("n").entry_index);
  const auto suppressed = house.suppressed();
  REQUIRE(suppressed.size() == 1);
  const Entry& entry = suppressed.front();
  const Entry executed = Entry::from_json(first.entry).value();
  CHECK(entry.count == 90);
  CHECK(entry.exec_id == first.exec_id);
  CHECK(entry.action == "echo");
  CHECK(entry.nonce == "n");
  CHECK(entry.code == Code::ok);
  CHECK(entry.effect == Effect::confirmed);
  CHECK(entry.receipt == first.receipt);
  CHECK(entry.result_hash == executed.result_hash);
  CHECK(entry.request_hash == executed.request_hash);
  CHECK(entry.prior == first.entry_index);
  CHECK_FALSE(entry.approval);
  CHECK(entry.observed_at == house.clock->now());
  CHECK(*house.calls == 1);
  Digest exec_id{};
  REQUIRE(from_hex(first.exec_id, exec_id));
  CHECK(house.executor->outcome_entry(exec_id).value()->index == 0);
}

TEST_CASE("Each execution has its own rate, whatever became of it") {
  House house;
  for (const char* action : {"echo", "fail", "lost"})
    for (int i = 0; i <= 15; ++i) (void)house.execute(action, action);
  CHECK(house.size() == 3 * (1 + 10));
  house.clock->set(house.clock->now().micros + second);
  (void)house.execute("echo");
  const auto suppressed = house.suppressed();
  REQUIRE(suppressed.size() == 3);
  for (const Entry& entry : suppressed) {
    CHECK(entry.count == 5);
    CHECK(entry.code == (entry.action == "echo"   ? Code::ok
                         : entry.action == "fail" ? Code::handler_failed
                                                  : Code::in_doubt));
    CHECK(entry.prior.has_value());
  }
}

TEST_CASE("What no entry stands for yet is written when the executor ends") {
  House house;
  for (int i = 0; i <= 12; ++i) (void)house.execute("n");
  CHECK(house.suppressed().empty());
  house.executor.reset();
  REQUIRE(house.suppressed().size() == 1);
  CHECK(house.suppressed().front().count == 2);
}

TEST_CASE("The rate is an option, and none at all counts every replay") {
  Limits limits;
  limits.max_replays_per_second = 0;
  House none(limits);
  for (int i = 0; i < 5; ++i) CHECK(none.execute("n").ok());
  CHECK(none.size() == 1);
  limits.max_replays_per_second = 1000;
  House many(limits);
  for (int i = 0; i < 500; ++i) (void)many.execute("n");
  CHECK(many.size() == 500);
}
