// SPDX-License-Identifier: Apache-2.0
// What an executor answers once one of the library's own rules is broken: nothing is fresh, nothing ends the process.
#include <openexec/openexec.hpp>

#include <functional>
#include <thread>

#include "base/assert.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

[[noreturn]] void break_rule() { base::fail(OPENEXEC_RULE_HERE("a rule that the test breaks")); }

/// An executor over a store that does what the test says at each step of an attempt.
struct House {
  std::function<void(Step)> at = [](Step) {};
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  std::shared_ptr<Ledger> ledger = memory_ledger();
  Executor executor = assemble({.store = std::make_shared<SteppedStore>(ledger,
                                                                        [this](Step step) {
                                                                          at(step);
                                                                          return std::optional<Status>();
                                                                        }),
                                .log = nullptr,
                                .verifier = std::make_shared<DemoVerifier>(),
                                .hasher = nullptr,
                                .clock = nullptr},
                               echo_table(calls));

  Outcome execute(std::string_view nonce) {
    return executor.execute({.action = "echo", .payload = "{}", .nonce = nonce, .approval_artifact = {}});
  }
  void break_at(Step when) {
    at = [when](Step step) {
      if (step == when) break_rule();
    };
  }
  void check_refused() {
    at = [](Step) {};
    const int before = *calls;
    const std::uint64_t entries = *ledger->size();
    const Outcome outcome = execute("later");
    CHECK(outcome.code == Code::store_failed);
    CHECK(outcome.verdict == Verdict::refused);
    CHECK(outcome.effect == Effect::none);
    CHECK(outcome.detail.find("a rule that the test breaks (poison_test.cpp:") != std::string::npos);
    for (const Outcome& each : executor.execute_many(std::vector<Call>{{.request = Request{}, .options = {}}}))
      CHECK(each.code == Code::store_failed);
    CHECK(executor.ready().code() == Code::store_failed);
    CHECK(executor.ready().detail().find("a rule that the test breaks") != std::string::npos);
    CHECK(executor.recover().code() == Code::store_failed);
    CHECK(executor.settle({}, HandlerResult::in_doubt(""), {}).outcome.code == Code::store_failed);
    CHECK(*calls == before);
    CHECK(*ledger->size() == entries);
    CHECK_FALSE(ledger->find("default", "later")->has_value());
  }
};

}  // namespace

TEST_CASE("A rule that is broken before a claim refuses it, and everything after it") {
  const base::BreachesSurvive survive;
  for (const Step step : {Step::before_claim, Step::after_claim}) {
    House house;
    house.break_at(step);
    const Outcome outcome = house.execute("n");
    CHECK(outcome.code == Code::store_failed);
    CHECK(outcome.verdict == Verdict::refused);
    CHECK(*house.calls == 0);
    house.check_refused();
  }
}

TEST_CASE("A rule that is broken after a claim leaves it in doubt, and everything after it is refused") {
  const base::BreachesSurvive survive;
  for (const Step step : {Step::before_seal, Step::after_seal}) {
    House house;
    house.break_at(step);
    const Outcome outcome = house.execute("n");
    CHECK(outcome.code == Code::store_failed);
    CHECK(outcome.verdict == Verdict::in_doubt);
    CHECK(outcome.effect == Effect::unknown);
    CHECK(*house.calls == 1);
    house.check_refused();
  }
}

TEST_CASE("A claim that was fresh before another attempt broke a rule enters no handler, and is in doubt") {
  const base::BreachesSurvive survive;
  House house;
  bool nested = false;
  house.at = [&](Step step) {
    if (step == Step::before_claim && std::exchange(nested, false)) break_rule();
    if (step != Step::after_claim) return;
    nested = true;
    std::thread([&] { (void)house.execute("breaks"); }).join();
  };
  const Outcome outcome = house.execute("claimed");
  CHECK(outcome.code == Code::store_failed);
  CHECK(outcome.verdict == Verdict::in_doubt);
  CHECK(outcome.effect == Effect::unknown);
  CHECK(*house.calls == 0);
  REQUIRE(house.ledger->find("default", "claimed")->has_value());
  CHECK((*house.ledger->find("default", "claimed"))->state == NonceState::claimed);
  house.check_refused();
}

TEST_CASE("A halt still holds in a poisoned executor, and a revocation is still kept") {
  const base::BreachesSurvive survive;
  House house;
  house.break_at(Step::before_claim);
  (void)house.execute("n");
  house.at = [](Step) {};
  CHECK(house.executor.revoke_key("key-1", {.who = "op", .why = "test"}).ok());
  CHECK(house.executor.halt({.who = "op", .why = "test"}).ok());
  CHECK(house.executor.halted());
  CHECK(house.ledger->controls()->size() == 2);
}
