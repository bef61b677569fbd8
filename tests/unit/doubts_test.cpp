// SPDX-License-Identifier: Apache-2.0
// In doubt is a queue: listed, settled by a person, and never usable again.
#include <openexec/openexec.hpp>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/split_store.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

const std::string artifact = R"({"id":"a-1"})";
constexpr Order by{.who = "alice", .why = "asked the bank", .tenant = {}};

const HandlerResult done = HandlerResult::result(R"({"id": 7})");
const HandlerResult not_done = HandlerResult::failed({}, Effect::none);
const HandlerResult unknown = HandlerResult::in_doubt({});

struct House {
  explicit House(std::shared_ptr<NonceStore> store = memory_ledger(), std::shared_ptr<ReceiptLog> log = nullptr) {
    HandlerTable table;
    REQUIRE(table
                .add("act", {.run =
                                 [this](const Invocation&) {
                                   ++calls;
                                   return says;
                                 },
                             .reconcile = nullptr,
                             .retry_none = 5})
                .ok());
    executor.emplace(assemble({.store = std::move(store),
                               .log = std::move(log),
                               .verifier = std::make_shared<ScriptedVerifier>(),
                               .hasher = nullptr,
                               .clock = nullptr},
                              std::move(table)));
  }
  Outcome execute(const std::string& nonce = "n") {
    return executor->execute(
        {.action = "act", .payload = "{}", .nonce = nonce, .approval_artifact = R"({"id":")" + nonce + "\"}"});
  }
  SettlementAnswer settle(const Outcome& outcome, const HandlerResult& found, const Order& order = by) {
    Digest exec_id{};
    if (!from_hex(outcome.exec_id, exec_id)) throw std::runtime_error("no exec id");  // threads call this: no Catch2
    return executor->settle(exec_id, found, order);
  }
  Entry entry(std::uint64_t index) {
    return Entry::from_json(executor->log().read(index, 1).value().at(0).json).value();
  }
  std::uint64_t entries() { return executor->log().size().value(); }

  HandlerResult says = HandlerResult::in_doubt("no word");
  int calls = 0;
  std::optional<Executor> executor;
};

}  // namespace

TEST_CASE("What is in doubt is listed and counted until it is settled, in its order") {
  House house;
  CHECK(house.executor->doubt_count().value() == 0);
  std::vector<Outcome> outcomes;
  for (const char* nonce : {"c", "b", "a"}) outcomes.push_back(house.execute(nonce));
  CHECK(house.executor->doubt_count().value() == 3);
  const auto first = house.executor->doubts(std::nullopt, 2).value();
  REQUIRE(first.size() == 2);
  CHECK(to_hex(first[0].exec_id) == outcomes[0].exec_id);
  CHECK(to_hex(first[1].exec_id) == outcomes[1].exec_id);
  const auto rest = house.executor->doubts(first[1].entry, 2).value();
  REQUIRE(rest.size() == 1);
  CHECK(to_hex(rest[0].exec_id) == outcomes[2].exec_id);
  CHECK(house.settle(outcomes[1], done).decides);
  CHECK(house.executor->doubt_count().value() == 2);
  CHECK(house.executor->doubts(std::nullopt, 9).value().size() == 2);
}

TEST_CASE("The first settlement decides what replays tell, and its entry says who and why") {
  struct Case {
    HandlerResult found;
    Code code;
    Verdict verdict;
    Effect effect;
  };
  for (const Case& test : {Case{done, Code::ok, Verdict::executed, Effect::confirmed},
                           Case{not_done, Code::handler_failed, Verdict::failed, Effect::none}}) {
    House house;
    const Outcome doubt = house.execute();
    const SettlementAnswer settled = house.settle(doubt, test.found);
    CHECK(settled.decides);
    CHECK_FALSE(settled.contradicts);
    CHECK(settled.outcome.code == Code::ok);
    CHECK(settled.outcome.verdict == test.verdict);
    CHECK(settled.outcome.effect == test.effect);
    CHECK(settled.outcome.entry_index == 1);
    const Entry entry = house.entry(1);
    CHECK(entry.verdict == test.verdict);
    CHECK(entry.prior == 0);
    REQUIRE(entry.control);
    CHECK(entry.control->kind == "settle");
    CHECK(entry.control->who == "alice");
    CHECK(entry.control->why == "asked the bank");
    CHECK(entry.approval->id == R"({"id":"n"})");
    CHECK(entry.receipt == settled.outcome.receipt);

    const Outcome replay = house.execute();
    CHECK(replay.replayed);
    CHECK(replay.code == test.code);
    CHECK(replay.effect == test.effect);
    CHECK(replay.result == settled.outcome.result);
    CHECK(replay.receipt == settled.outcome.receipt);
    CHECK_FALSE(replay.may_retry);  // though the handler permits retries: nobody but itself says that nothing happened
    CHECK(verify_receipt(replay.exec_id, replay.result, replay.receipt).ok());
    CHECK(house.calls == 1);
    CHECK(
        house.executor->execute({.action = "act", .payload = "{}", .nonce = "m", .approval_artifact = R"({"id":"n"})"})
            .code == Code::approval_spent);
  }
}

TEST_CASE("A later settlement is appended and changes nothing, and one that contradicts says so") {
  struct Case {
    HandlerResult first, later;
    bool contradicts;
  };
  for (const Case& test : {Case{done, done, false}, Case{done, not_done, true}, Case{not_done, done, true},
                           Case{not_done, not_done, false}, Case{done, HandlerResult::result(R"({"id": 8})"), true},
                           Case{done, unknown, false}, Case{not_done, unknown, false}}) {
    House house;
    const Outcome doubt = house.execute();
    const SettlementAnswer first = house.settle(doubt, test.first);
    const Outcome before = house.execute();
    const SettlementAnswer later = house.settle(doubt, test.later, {.who = "bob", .why = "looked again", .tenant = {}});
    CHECK(later.outcome.code == Code::ok);
    CHECK_FALSE(later.decides);
    CHECK(later.contradicts == test.contradicts);
    CHECK_FALSE(later.outcome.detail.empty());
    REQUIRE(later.outcome.entry_index);
    const Entry entry = house.entry(*later.outcome.entry_index);
    CHECK(entry.prior == first.outcome.entry_index);
    CHECK(entry.control->who == "bob");
    const Outcome after = house.execute();
    CHECK(after.code == before.code);
    CHECK(after.result == before.result);
    CHECK(after.receipt == before.receipt);
    Digest exec_id{};
    REQUIRE(from_hex(doubt.exec_id, exec_id));
    CHECK(house.executor->outcome_entry(exec_id).value()->index == first.outcome.entry_index);
  }
}

TEST_CASE("What remains unknown is recorded, and stays in doubt until somebody knows") {
  House house;
  const Outcome doubt = house.execute();
  const SettlementAnswer looked = house.settle(doubt, unknown);
  CHECK(looked.outcome.code == Code::ok);
  CHECK_FALSE(looked.decides);
  CHECK(house.entry(1).verdict == Verdict::in_doubt);
  CHECK(house.entry(1).control->kind == "settle");
  CHECK(house.executor->doubt_count().value() == 1);
  CHECK(house.execute().code == Code::in_doubt);
  CHECK(house.settle(doubt, done).decides);
  CHECK(house.execute().ok());
}

TEST_CASE("What is no settlement is refused, and leaves no entry") {
  House house;
  const Outcome doubt = house.execute();
  house.says = done;
  const Outcome executed = house.execute("executed");
  const std::uint64_t entries = house.entries();
  const auto refused = [&](const SettlementAnswer& answer, std::string_view member) {
    CHECK(answer.outcome.code == Code::invalid_argument);
    CHECK(answer.outcome.detail.find(member) == 0);
    CHECK_FALSE(answer.decides);
  };
  refused(house.settle(executed, not_done), "exec_id");
  refused(house.settle(doubt, HandlerResult::failed("may have")), "found");
  refused(house.settle(doubt, HandlerResult::result("{")), "result");
  refused(house.settle(doubt, HandlerResult::result(R"({"a":1,"a":2})")), "result");
  refused(house.settle(doubt, done, {.who = "", .why = "x", .tenant = {}}), "who");
  refused(house.settle(doubt, done, {.who = "x", .why = "", .tenant = {}}), "why");
  refused(house.settle(doubt, done, {.who = "x", .why = "y", .tenant = "other"}), "tenant");
  refused(house.executor->settle(crypto::sha256("other"), done, by), "exec_id");
  refused(house.executor->settle({}, done, by), "exec_id");
  const Outcome no =
      house.executor->execute({.action = "none", .payload = "{}", .nonce = "x", .approval_artifact = artifact});
  refused(house.settle(no, done), "exec_id");
  CHECK(house.entries() == entries + 1);
  CHECK(house.execute().code == Code::in_doubt);
}

TEST_CASE("Of settlements at once one decides, and every one is on record") {
  House house;
  const Outcome doubt = house.execute();
  std::vector<SettlementAnswer> answers(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < answers.size(); ++i)
    threads.emplace_back([&, i] { answers[i] = house.settle(doubt, i % 2 == 0 ? done : not_done); });
  for (std::thread& thread : threads) thread.join();
  int decided = 0;
  bool was_done = false;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    CHECK(answers[i].outcome.code == Code::ok);
    if (!answers[i].decides) continue;
    ++decided;
    was_done = i % 2 == 0;
  }
  CHECK(decided == 1);
  for (std::size_t i = 0; i < answers.size(); ++i) CHECK(answers[i].contradicts == ((i % 2 == 0) != was_done));
  CHECK(house.entries() == 1 + 8);
  CHECK(house.execute().ok() == was_done);
}

TEST_CASE("Settlements survive reopening, and their order with them") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  Outcome doubt, other;
  const auto open = [&] { return *sqlite_ledger(path); };
  {
    House house(open());
    doubt = house.execute();
    other = house.execute("other");
  }
  {
    House house(open());
    CHECK(house.executor->doubt_count().value() == 2);
    CHECK(house.settle(doubt, done).decides);
  }
  House house(open());
  CHECK(house.executor->doubt_count().value() == 1);
  CHECK(house.settle(doubt, not_done).contradicts);
  CHECK(house.execute().ok());
  CHECK(house.calls == 0);
}

TEST_CASE("A store apart from its log is settled too") {
  House house(std::make_shared<SplitStore>(), memory_ledger());
  const Outcome doubt = house.execute();
  CHECK(house.executor->doubt_count().code() == Code::invalid_argument);
  CHECK(house.settle(doubt, done).decides);
  CHECK(house.execute().ok());
}
