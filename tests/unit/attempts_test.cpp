// SPDX-License-Identifier: Apache-2.0
// "Nothing happened" can be tried again, if the handler says so: attempts of one execution.
#include <openexec/openexec.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/gate.hpp"
#include "support/parts.hpp"
#include "support/split_store.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

constexpr std::int64_t second = 1'000'000;
const std::string artifact = R"({"id":"a-1"})";

/// What a handler saw and what it says next.
struct Script {
  std::function<HandlerResult(const Invocation&)> says = [](const Invocation&) {
    return HandlerResult::failed("the far side was closed", Effect::none);
  };
  std::vector<std::uint32_t> attempts;
  std::vector<std::string> exec_ids;
};

struct House {
  explicit House(std::uint32_t retry_none = 2, std::shared_ptr<NonceStore> store = memory_ledger(), Config config = {},
                 std::shared_ptr<ReceiptLog> log = nullptr) {
    HandlerTable table;
    REQUIRE(table
                .add("act", {.run =
                                 [this](const Invocation& call) {
                                   script.attempts.push_back(call.attempt);
                                   script.exec_ids.emplace_back(call.exec_id);
                                   return script.says(call);
                                 },
                             .reconcile = nullptr,
                             .retry_none = retry_none})
                .ok());
    REQUIRE(table.add("other", [](const Invocation&) { return HandlerResult::result("1"); }).ok());
    executor.emplace(assemble(
        {.store = std::move(store), .log = std::move(log), .verifier = verifier, .hasher = nullptr, .clock = clock},
        std::move(table), std::move(config)));
  }
  Outcome execute(const std::string& with = artifact) {
    return executor->execute({.action = "act", .payload = "{}", .nonce = "n", .approval_artifact = with});
  }
  Entry entry(std::uint64_t index) {
    return Entry::from_json(executor->log().read(index, 1).value().at(0).json).value();
  }

  std::shared_ptr<ScriptedVerifier> verifier = std::make_shared<ScriptedVerifier>();
  std::shared_ptr<SetClock> clock = std::make_shared<SetClock>(1'772'366'400 * second);
  Script script;
  std::optional<Executor> executor;
};

HandlerResult done(const Invocation&) { return HandlerResult::result(R"({"sent":true})"); }

}  // namespace

TEST_CASE("Where a handler registered no retries, what failed with nothing is final") {
  House house(0);
  const Outcome first = house.execute();
  CHECK(first.code == Code::handler_failed);
  CHECK(first.effect == Effect::none);
  CHECK_FALSE(first.may_retry);
  house.script.says = done;
  const Outcome again = house.execute();
  CHECK(again.code == Code::handler_failed);
  CHECK(again.replayed);
  CHECK_FALSE(again.may_retry);
  CHECK(house.script.attempts.size() == 1);
}

TEST_CASE("An attempt that says nothing happened may be followed by another, of the same execution") {
  House house;
  const Outcome first = house.execute();
  CHECK(first.code == Code::handler_failed);
  CHECK(first.effect == Effect::none);
  CHECK(first.attempt == 1);
  CHECK(first.may_retry);
  CHECK_FALSE(first.replayed);

  house.script.says = done;
  const Outcome next = house.execute();
  CHECK(next.ok());
  CHECK_FALSE(next.replayed);
  CHECK(next.attempt == 2);
  CHECK_FALSE(next.may_retry);
  CHECK(next.exec_id == first.exec_id);
  CHECK(house.script.attempts == std::vector<std::uint32_t>{1, 2});
  CHECK(house.script.exec_ids == std::vector<std::string>{first.exec_id, first.exec_id});

  CHECK(house.entry(0).attempt == 1);
  CHECK(house.entry(1).attempt == 2);
  CHECK(house.entry(1).verdict == Verdict::executed);
  CHECK(verify_receipt(next.exec_id, next.result, next.receipt).ok());

  const Outcome replay = house.execute();
  CHECK(replay.ok());
  CHECK(replay.replayed);
  CHECK(replay.attempt == 2);
  CHECK(replay.receipt == next.receipt);
  CHECK(house.entry(2).attempt == 2);
  CHECK(house.entry(2).prior == 1);
  CHECK(house.script.attempts.size() == 2);
  Digest exec_id{};
  REQUIRE(from_hex(first.exec_id, exec_id));
  CHECK(house.executor->outcome_entry(exec_id).value()->index == 1);
}

TEST_CASE("There are never more further attempts than were registered") {
  for (const bool split : {false, true}) {
    INFO("a log apart: " << split);
    House house(2, split ? std::shared_ptr<NonceStore>(std::make_shared<SplitStore>()) : memory_ledger(), {},
                split ? memory_ledger() : nullptr);
    for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
      const Outcome outcome = house.execute();
      CHECK_FALSE(outcome.replayed);
      CHECK(outcome.attempt == attempt);
      CHECK(outcome.may_retry == (attempt < 3));
    }
    for (int i = 0; i < 3; ++i) {
      const Outcome outcome = house.execute();
      CHECK(outcome.replayed);
      CHECK(outcome.attempt == 3);
      CHECK(outcome.code == Code::handler_failed);
      CHECK_FALSE(outcome.may_retry);
    }
    CHECK(house.script.attempts == std::vector<std::uint32_t>{1, 2, 3});
  }
}

TEST_CASE("What may have happened is never tried again") {
  const std::pair<const char*, std::function<HandlerResult(const Invocation&)>> cases[] = {
      {"failed, effect unknown", [](const Invocation&) { return HandlerResult::failed("no word"); }},
      {"in doubt", [](const Invocation&) { return HandlerResult::in_doubt("no word"); }},
      {"threw", [](const Invocation&) -> HandlerResult { throw std::runtime_error("no word"); }},
      {"executed", done},
  };
  for (const auto& [name, says] : cases) {
    INFO(name);
    House house;
    house.script.says = says;
    const Outcome first = house.execute();
    CHECK_FALSE(first.may_retry);
    for (int i = 0; i < 3; ++i) {
      const Outcome again = house.execute();
      CHECK(again.replayed);
      CHECK(again.code == first.code);
      CHECK_FALSE(again.may_retry);
    }
    CHECK(house.script.attempts.size() == 1);
  }
}

TEST_CASE("A further attempt passes the whole admission") {
  House house;
  REQUIRE(house.execute().may_retry);
  SECTION("halt") {
    REQUIRE(house.executor->halt({.who = "ops", .why = "test", .tenant = {}}).code == Code::ok);
    CHECK(house.execute().code == Code::halted);
  }
  for (const Code code :
       {Code::approval_expired, Code::approval_signature_invalid, Code::approval_key_revoked, Code::approval_threshold})
    DYNAMIC_SECTION("verifier: " << name(code)) {
      house.verifier->say(code);
      const Outcome told = house.execute();
      CHECK(told.replayed);  // the caller may know what became of it
      CHECK(told.code == Code::handler_failed);
      CHECK_FALSE(told.may_retry);
      CHECK(told.detail.find("not tried again: scripted") != std::string::npos);
    }
  SECTION("another artifact for the same request") {
    const Outcome told = house.execute(R"({"id":"a-2"})");
    CHECK(told.replayed);
    CHECK(told.attempt == 1);
  }
  SECTION("another request under the nonce") {
    CHECK(house.executor->execute({.action = "other", .payload = "{}", .nonce = "n", .approval_artifact = artifact})
              .code == Code::nonce_conflict);
  }
  SECTION("an approval that was spent is spent for other nonces") {
    CHECK(
        house.executor->execute({.action = "act", .payload = "{}", .nonce = "m", .approval_artifact = artifact}).code ==
        Code::approval_spent);
  }
  CHECK(house.script.attempts.size() == 1);
}

TEST_CASE("An action that is off the allow-list, or has no handler any more, is not tried again") {
  const auto ledger = memory_ledger();
  { REQUIRE(House(2, ledger).execute().may_retry); }
  Config config;
  config.allowed_actions = std::vector<std::string>{"other"};
  House house(2, ledger, config);
  const Outcome told = house.execute();
  CHECK(told.replayed);
  CHECK_FALSE(told.may_retry);
  CHECK(house.script.attempts.empty());
}

TEST_CASE("Retries that are registered later do not reopen what was told as final, and fewer end sooner") {
  const auto ledger = memory_ledger();
  { REQUIRE_FALSE(House(0, ledger).execute().may_retry); }
  House more(2, ledger);
  CHECK(more.execute().replayed);
  CHECK(more.script.attempts.empty());

  const auto second_ledger = memory_ledger();
  { REQUIRE(House(2, second_ledger).execute().may_retry); }
  House none(0, second_ledger);
  const Outcome told = none.execute();
  CHECK(told.replayed);
  CHECK_FALSE(told.may_retry);
  CHECK(none.script.attempts.empty());
}

TEST_CASE("What the closed gate kept from its handler may be tried again when it is open") {
  for (const bool retries : {true, false}) {
    INFO("registered: " << retries);
    std::function<void()> halt;
    auto stepped = std::make_shared<SteppedStore>(memory_ledger(), [&](Step step) -> std::optional<Status> {
      if (step == Step::after_claim && halt) std::exchange(halt, nullptr)();
      return std::nullopt;
    });
    House house(retries ? 1 : 0, stepped);
    const Order order{.who = "ops", .why = "test", .tenant = {}};
    halt = [&] { REQUIRE(house.executor->halt(order).code == Code::ok); };
    const Outcome first = house.execute();
    CHECK(first.effect == Effect::none);
    CHECK(first.may_retry == retries);
    CHECK(house.script.attempts.empty());
    REQUIRE(house.executor->resume(order).code == Code::ok);
    house.script.says = done;
    const Outcome next = house.execute();
    CHECK(next.ok() == retries);
    CHECK(next.attempt == (retries ? 2 : 1));
    CHECK(house.script.attempts == (retries ? std::vector<std::uint32_t>{2} : std::vector<std::uint32_t>{}));
  }
}

TEST_CASE("Of two callers at once one opens the next attempt, and the other has its outcome") {
  House house(5);
  REQUIRE(house.execute().may_retry);
  Gate gate;
  house.script.says = [&](const Invocation& call) {
    if (call.attempt == 2) gate.pass();
    return HandlerResult::failed("nothing again", Effect::none);
  };
  Outcome leads;
  std::thread leader([&] { leads = house.execute(); });
  gate.wait_until_entered();
  CallOptions at_once;
  at_once.max_wait = std::chrono::milliseconds(0);
  const Request request{.action = "act", .payload = "{}", .nonce = "n", .approval_artifact = artifact};
  CHECK(house.executor->execute(request, at_once).code == Code::in_progress);
  Outcome waits;
  std::thread waiter([&] { waits = house.execute(); });
  gate.release();
  leader.join();
  waiter.join();
  CHECK(leads.attempt == 2);
  CHECK_FALSE(leads.replayed);
  // The other waited and has attempt 2, or came late and opened attempt 3: never attempt 2 twice.
  CHECK((waits.attempt == 2 ? waits.replayed : waits.attempt == 3 && !waits.replayed));
  std::vector<std::uint32_t> expected{1, 2};
  if (waits.attempt == 3) expected.push_back(3);
  CHECK(house.script.attempts == expected);
}

TEST_CASE("Equal calls of one batch are one attempt") {
  House house(5);
  REQUIRE(house.execute().may_retry);
  const Request request{.action = "act", .payload = "{}", .nonce = "n", .approval_artifact = artifact};
  const std::vector<Call> calls(3, Call{request, {}});
  const auto outcomes = house.executor->execute_many(calls);
  REQUIRE(outcomes.size() == 3);
  CHECK_FALSE(outcomes[0].replayed);
  for (const Outcome& outcome : outcomes) CHECK(outcome.attempt == 2);
  CHECK(outcomes[1].replayed);
  CHECK(outcomes[2].replayed);
  CHECK(house.script.attempts == std::vector<std::uint32_t>{1, 2});
}

TEST_CASE("Retries are refused where they cannot be kept") {
  HandlerTable table;
  CHECK(table.add("act", {.run = done, .reconcile = nullptr, .retry_none = 1'001}).code() == Code::invalid_argument);
  REQUIRE(table.add("act", {.run = done, .reconcile = nullptr, .retry_none = 1'000}).ok());
  class OneAttempt final : public NonceStore {
   public:
    explicit OneAttempt(std::shared_ptr<Ledger> inner) : inner_(std::move(inner)) {}
    Result<ClaimAnswer> claim(const Claim& claim) override { return inner_->claim(claim); }
    Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
      return static_cast<NonceStore&>(*inner_).find(tenant, nonce);
    }
    Result<std::optional<std::uint64_t>> seal(const Seal& seal) override { return inner_->seal(seal); }
    Result<std::vector<NonceRecord>> orphans() override { return inner_->orphans(); }
    Status pin(std::string_view key, std::string_view value) override { return inner_->pin(key, value); }
    Result<Timestamp> latest() override { return inner_->latest(); }
    Status ready() override { return inner_->ready(); }
    ReceiptLog* log() noexcept override { return inner_->log(); }

   private:
    std::shared_ptr<Ledger> inner_;
  };
  const auto executor = Executor::assemble({},
                                           {.store = std::make_shared<OneAttempt>(memory_ledger()),
                                            .log = nullptr,
                                            .verifier = std::make_shared<DemoVerifier>(),
                                            .hasher = nullptr,
                                            .clock = nullptr},
                                           std::move(table));
  CHECK(executor.code() == Code::invalid_argument);
}
