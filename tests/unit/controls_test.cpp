// SPDX-License-Identifier: Apache-2.0
// What an approval is subject to besides what it names, and what is ordered while an executor runs.
#include <openexec/openexec.hpp>

#include <algorithm>
#include <atomic>
#include <thread>

#include "canon/json.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/plans.hpp"
#include "support/split_store.hpp"
#include "support/vectors.hpp"

using namespace openexec;
using namespace openexec::test;
using Catch::Matchers::Contains;

namespace {

constexpr std::int64_t minute = 60 * second;

/// An executor that verifies DSSE approvals, with everything within reach.
struct House {
  explicit House(std::shared_ptr<NonceStore> with = memory_ledger(), TrustPolicy policy = policy_of(trusted_up_to(4)),
                 std::shared_ptr<ReceiptLog> log = nullptr, std::string tenant = "acme")
      : store(std::move(with)) {
    HandlerTable table;
    HandlerTable::Row row;
    row.run = [this](const Invocation& call) { return run(call); };
    row.cost = [this](const CostQuery& query) { return cost(query); };
    REQUIRE(table.add("act", row).ok());
    row.cost = nullptr;
    REQUIRE(table.add("priceless", row).ok());
    auto made = Executor::assemble(
        {.tenant = std::move(tenant)},
        {.store = store, .log = std::move(log), .verifier = dsse_verifier(policy), .hasher = nullptr, .clock = clock},
        std::move(table));
    INFO(made.status().detail());
    REQUIRE(made.ok());
    executor.emplace(*std::move(made));
  }
  Outcome ask(std::string_view nonce, std::string_view artifact, std::string_view action = "act") {
    return executor->execute({.action = action, .payload = "{}", .nonce = nonce, .approval_artifact = artifact});
  }
  Outcome ask(std::string_view nonce, const signing::DsseGrant& grant, std::string_view action = "act") {
    return ask(nonce, approved(proposal_of(nonce, "{}", action), grant), action);
  }
  void at(std::int64_t micros) { clock->set(noon.micros + micros); }

  std::shared_ptr<NonceStore> store;
  std::shared_ptr<SetClock> clock = std::make_shared<SetClock>(noon.micros);
  std::function<HandlerResult(const Invocation&)> run = [this](const Invocation&) {
    ++calls;
    return HandlerResult::result("1");
  };
  std::function<Result<Usd>(const CostQuery&)> cost = [](const CostQuery&) { return Usd{2'500'000}; };
  std::atomic<int> calls = 0;
  std::optional<Executor> executor;
};

const Order order{.who = "alice", .why = "a drill", .tenant = {}};

Entry entry_of(const Outcome& outcome) { return Entry::from_json(outcome.entry).value(); }

std::vector<Entry> entries_of(Executor& executor) {
  std::vector<Entry> entries;
  const std::vector<LogLine> lines = executor.log().read(0, 10'000).value();
  for (const LogLine& line : lines) {
    INFO(line.json);
    const auto entry = Entry::from_json(line.json);
    INFO(entry.status().detail());
    REQUIRE(entry.ok());
    entries.push_back(*entry);
  }
  return entries;
}

}  // namespace

TEST_CASE("Each step of a plan executes once, in any order, under one approval") {
  House house;
  const std::string plan = plan_of(3, StepOrder::any, grant_of("t-1"));
  for (const char* nonce : {"2", "0", "1"}) {
    const Outcome outcome = house.ask(nonce, plan);
    REQUIRE(outcome.ok());
    CHECK(entry_of(outcome).approval->id == "t-1");
    CHECK(entry_of(outcome).approval->step == static_cast<std::uint32_t>(nonce[0] - '0'));
  }
  for (const char* nonce : {"0", "1", "2"}) CHECK(house.ask(nonce, plan).replayed);
  CHECK(house.ask("3", plan).code == Code::approval_hash_mismatch);
  CHECK(house.calls == 3);
}

TEST_CASE("A token is one plan: no step of another plan with the same token runs") {
  House house;
  REQUIRE(house.ask("0", plan_of(3, StepOrder::any, grant_of("t-1"))).ok());
  std::vector<Proposal> steps;
  for (const char* nonce : {"other", "1"}) steps.push_back(proposal_of(nonce));
  const std::string forged = envelope_by(signing::dsse_statement(steps, StepOrder::any, grant_of("t-1")).value(), {0});
  CHECK(house.ask("other", forged).code == Code::approval_spent);
  CHECK(house.ask("1", forged).code == Code::approval_spent);
}

TEST_CASE("Of an ordered plan a step runs when the one before it has executed, and not before") {
  House house;
  const std::string plan = plan_of(4, StepOrder::in_sequence, grant_of("t-1"));
  const Outcome early = house.ask("2", plan);
  CHECK(early.code == Code::approval_constraint);
  CHECK(early.http == 403);
  CHECK_THAT(early.detail, Contains("steps[2]") && Contains("steps[1]"));
  REQUIRE(house.ask("0", plan).ok());
  CHECK(house.ask("2", plan).code == Code::approval_constraint);
  REQUIRE(house.ask("1", plan).ok());
  REQUIRE(house.ask("2", plan).ok());  // what came too early spent nothing
  CHECK(house.calls == 3);
  CHECK(entry_of(early).approval->step == 2U);
}

TEST_CASE("A step that failed, or is in doubt, holds an ordered plan for ever") {
  for (const bool throws : {false, true}) {
    House house;
    const std::string plan = plan_of(2, StepOrder::in_sequence, grant_of("t-1"));
    house.run = [&](const Invocation&) {
      if (throws) throw std::runtime_error("lost");
      return HandlerResult::failed("no", Effect::none);
    };
    CHECK_FALSE(house.ask("0", plan).ok());
    CHECK(house.ask("1", plan).code == Code::approval_constraint);
  }
}

TEST_CASE("A step that waits for one that runs is told so, and runs when that has ended") {
  House house;
  const std::string plan = plan_of(2, StepOrder::in_sequence, grant_of("t-1"));
  Outcome inner;
  house.run = [&](const Invocation&) {
    if (house.calls++ == 0) std::thread([&] { inner = house.ask("1", plan); }).join();
    return HandlerResult::result("1");
  };
  REQUIRE(house.ask("0", plan).ok());
  CHECK(inner.code == Code::approval_constraint);
  CHECK(house.ask("1", plan).ok());
}

TEST_CASE("As many executions as an approval allows run within a minute, and not one more") {
  House house;
  const auto grant = [](int number, std::uint32_t most) {
    signing::DsseGrant made = grant_of("t-" + std::to_string(number));
    if (most != 0) made.constraints.max_executions_per_min = most;
    return made;
  };
  REQUIRE(house.ask("0", grant(0, 0)).ok());  // counts, though nobody limited it
  house.at(1);
  REQUIRE(house.ask("1", grant(1, 3)).ok());
  house.at(2);
  REQUIRE(house.ask("2", grant(2, 3)).ok());
  const Outcome fourth = house.ask("3", grant(3, 3));
  CHECK(fourth.code == Code::approval_constraint);
  CHECK_THAT(fourth.detail, Contains("max_executions_per_min"));
  CHECK(house.ask("4", grant(4, 1), "priceless").ok());  // another action
  house.at(minute - 1);
  CHECK(house.ask("3", grant(3, 3)).code == Code::approval_constraint);
  house.at(minute);  // the first is a minute old
  CHECK(house.ask("3", grant(3, 3)).ok());
  CHECK(house.ask("1", grant(1, 3)).replayed);  // what ran is told, whatever the pace
}

TEST_CASE("The pace is counted in the ledger: a restart makes no room") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  signing::DsseGrant grant = grant_of("t-1");
  grant.constraints.max_executions_per_min = 1;
  {
    House house(sqlite_ledger(path).value());
    REQUIRE(house.ask("1", grant).ok());
  }
  House house(sqlite_ledger(path).value());
  grant.token_id = "t-2";
  CHECK(house.ask("2", grant).code == Code::approval_constraint);
  house.at(minute);
  CHECK(house.ask("2", grant).ok());
}

TEST_CASE("An execution may cost what its approval allows, and not a millionth more") {
  House house;
  signing::DsseGrant grant = grant_of("t-1");
  grant.constraints.max_cost_usd = Usd{2'500'000};
  std::string asked;
  house.cost = [&](const CostQuery& query) {
    asked = std::string(query.action) + "|" + std::string(query.payload) + "|" + std::string(query.tenant);
    return Usd{2'500'001};
  };
  const Outcome dear = house.ask("1", grant);
  CHECK(dear.code == Code::approval_constraint);
  CHECK_THAT(dear.detail, Contains("max_cost_usd"));
  CHECK(asked == "act|{}|acme");
  house.cost = [](const CostQuery&) { return Usd{2'500'000}; };
  CHECK(house.ask("1", grant).ok());
  CHECK(house.calls == 1);
}

TEST_CASE("A cost that nobody can tell serves no approval that limits it") {
  House house;
  signing::DsseGrant grant = grant_of("t-1");
  grant.constraints.max_cost_usd = Usd{2'500'000};
  CHECK(house.ask("1", grant, "priceless").code == Code::approval_constraint);
  house.cost = [](const CostQuery&) -> Result<Usd> { return Status(Code::handler_failed, "unknown"); };
  CHECK(house.ask("1", grant).code == Code::approval_constraint);
  house.cost = [](const CostQuery&) -> Result<Usd> { throw std::runtime_error("lost"); };
  CHECK(house.ask("1", grant).code == Code::approval_constraint);
  house.cost = [](const CostQuery&) { return Usd{-1}; };
  CHECK(house.ask("1", grant).code == Code::approval_constraint);
  grant.constraints = {};
  CHECK(house.ask("1", grant).ok());  // where nothing is limited nobody asks
}

TEST_CASE("An approval runs from not_before on, and not a microsecond earlier") {
  House house;
  signing::DsseGrant grant = grant_of("t-1");
  grant.not_before = after_noon(10);
  house.at(10 * second - 1);
  CHECK(house.ask("1", grant).code == Code::approval_not_yet_valid);
  house.at(10 * second);
  CHECK(house.ask("1", grant).ok());
}

TEST_CASE("A store that keeps no terms runs no plan and nothing that is limited by pace") {
  class Simple final : public NonceStore {
   public:
    Result<ClaimAnswer> claim(const Claim& claim) override { return inner->claim(claim); }
    Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
      return inner->find(tenant, nonce);
    }
    Result<std::optional<std::uint64_t>> seal(const Seal& seal) override { return inner->seal(seal); }
    Result<std::vector<NonceRecord>> orphans() override { return inner->orphans(); }
    Status pin(std::string_view key, std::string_view value) override { return inner->pin(key, value); }
    Result<Timestamp> latest() override { return inner->latest(); }
    Status ready() override { return inner->ready(); }
    ReceiptLog* log() noexcept override { return inner->log(); }
    std::shared_ptr<Ledger> inner = memory_ledger();
  };
  House house(std::make_shared<Simple>());
  CHECK(house.ask("0", plan_of(2, StepOrder::in_sequence, grant_of("t-1"))).code == Code::approval_constraint);
  signing::DsseGrant paced = grant_of("t-2");
  paced.constraints.max_executions_per_min = 5;
  CHECK(house.ask("x", paced).code == Code::approval_constraint);
  CHECK(house.ask("0", plan_of(2, StepOrder::any, grant_of("t-3"))).code == Code::approval_constraint);

  // It keeps no orders either: they hold as long as the executor, and are in the log.
  const Outcome halted = house.executor->halt(order);
  CHECK(halted.ok());
  CHECK_THAT(halted.detail, Contains("as long as this executor"));
  CHECK(house.ask("y", grant_of("t-4")).code == Code::halted);
  CHECK(house.executor->resume(order).ok());
  CHECK(house.ask("y", grant_of("t-4")).ok());
  CHECK(entry_of(halted).control->who == "alice");
}

TEST_CASE("What the approver said for the record is in the entry") {
  House house;
  signing::DsseGrant grant = grant_of("t-1");
  grant.trace_id = "trace-1";
  grant.request_id = "request-1";
  grant.approval_scope = "once";
  const Entry entry = entry_of(house.ask("1", grant));
  CHECK(entry.approval->trace_id == "trace-1");
  CHECK(entry.approval->request_id == "request-1");
  CHECK(entry.approval->approval_scope == "once");
  CHECK_FALSE(entry.approval->step);
}

TEST_CASE("A halt holds over a restart until somebody resumes, and each leaves a receipt with who and why") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  {
    House house(sqlite_ledger(path).value());
    const Outcome outcome = house.executor->halt({"alice (on call)", "a \"bug\" in act", {}});
    REQUIRE(outcome.ok());
    CHECK(outcome.http == 200);
    CHECK(outcome.verdict == Verdict::control);
    CHECK(outcome.effect == Effect::none);
    CHECK(verify_receipt("", outcome.result, outcome.receipt).ok());
    const Entry entry = entry_of(outcome);
    CHECK(entry.verdict == Verdict::control);
    CHECK(entry.code == Code::ok);
    CHECK(entry.tenant == "acme");
    CHECK(entry.receipt == outcome.receipt);
    CHECK(entry.exec_id.empty());
    CHECK(entry.control->kind == "halt");
    CHECK(entry.control->who == "alice (on call)");
    CHECK(entry.control->why == "a \"bug\" in act");
    CHECK(entry.control->tenant.empty());
    CHECK(house.executor->log().read(*outcome.entry_index, 1).value().at(0).json == outcome.entry);
  }
  for (int restart = 0; restart < 2; ++restart) {
    House house(sqlite_ledger(path).value());
    CHECK(house.executor->halted());
    CHECK(house.executor->ready().code() == Code::halted);
    CHECK(house.ask("n" + std::to_string(restart), grant_of("t")).code == Code::halted);
    CHECK(house.executor->controls() == std::vector<ControlName>{{ControlKind::halt, "", ""}});
  }
  {
    House house(sqlite_ledger(path).value());
    REQUIRE(house.executor->resume({"bob", "mended", {}}).ok());
    CHECK(house.ask("n", grant_of("t")).ok());
  }
  House house(sqlite_ledger(path).value());
  CHECK_FALSE(house.executor->halted());
  std::vector<std::string> told;
  for (const Entry& entry : entries_of(*house.executor))
    if (entry.control) told.push_back(entry.control->kind + " by " + entry.control->who);
  CHECK(told == std::vector<std::string>{"halt by alice (on call)", "resume by bob"});
}

TEST_CASE("A tenant is halted by itself, and what halts everybody is lifted by itself") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  const Order of_acme{.who = "alice", .why = "a drill", .tenant = "acme"};
  const Order of_other{.who = "alice", .why = "a drill", .tenant = "other"};
  {
    House house(sqlite_ledger(path).value());
    REQUIRE(house.executor->halt(of_other).ok());
    CHECK_FALSE(house.executor->halted());
    REQUIRE(house.executor->halt(of_acme).ok());
    CHECK(house.executor->halted());
    REQUIRE(house.executor->halt(order).ok());
    REQUIRE(house.executor->resume(of_acme).ok());
    CHECK(house.executor->halted());
    REQUIRE(house.executor->halt(of_acme).ok());
    REQUIRE(house.executor->resume(order).ok());
    CHECK(house.executor->halted());
    REQUIRE(house.executor->resume(of_acme).ok());
    CHECK_FALSE(house.executor->halted());
  }
  CHECK_FALSE(House(sqlite_ledger(path).value()).executor->halted());
  CHECK(House(sqlite_ledger(path).value(), policy_of(trusted_up_to(1)), nullptr, "other").executor->halted());
}

TEST_CASE("A revoked approval runs no more, nor does any step of a revoked plan, and a restart forgets neither") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  const std::string plan = plan_of(3, StepOrder::any, grant_of("p-1"));
  {
    House house(sqlite_ledger(path).value());
    REQUIRE(house.ask("0", plan).ok());
    const Outcome outcome = house.executor->revoke_approval("p-1", order);
    REQUIRE(outcome.ok());
    CHECK(entry_of(outcome).control->kind == "revoke_approval");
    CHECK(entry_of(outcome).control->id == "p-1");
    REQUIRE(house.executor->revoke_approval("t-1", order).ok());
  }
  House house(sqlite_ledger(path).value());
  const Outcome no = house.ask("1", plan);
  CHECK(no.code == Code::approval_spent);
  CHECK_THAT(no.detail, Contains("revoked"));
  CHECK(house.ask("x", grant_of("t-1")).code == Code::approval_spent);
  CHECK(house.ask("y", grant_of("t-2")).ok());
  CHECK(house.ask("0", plan).replayed);  // what ran is told still
}

TEST_CASE("A revoked key counts no more: two good ones of three still make two") {
  House house(memory_ledger(), policy_of(trusted_up_to(4), 2));
  REQUIRE(house.executor->revoke_key("k0", order).ok());
  const auto by = [&](const char* nonce, const std::vector<int>& keys) {
    return house.ask(nonce, approved(proposal_of(nonce), grant_of(nonce), keys));
  };
  CHECK(by("1", {0, 1}).code == Code::approval_key_revoked);
  const Outcome outcome = by("2", {0, 1, 2});
  REQUIRE(outcome.ok());
  CHECK(entry_of(outcome).approval->keys.size() == 2);
  REQUIRE(house.executor->revoke_key(fingerprint(1), order).ok());
  CHECK(by("3", {0, 1, 2}).code == Code::approval_key_revoked);
  CHECK(by("4", {2, 3}).ok());
}

TEST_CASE("What is revoked between its claim and its handler is spent, and does not run") {
  for (const bool key : {true, false}) {
    std::optional<House> house;
    // In the durable step itself, after which nothing but the gate stands before the handler.
    auto store = std::make_shared<SteppedStore>(memory_ledger(), [&](Step step) -> std::optional<Status> {
      if (step != Step::after_claim) return std::nullopt;
      const Outcome outcome =
          key ? house->executor->revoke_key("k0", order) : house->executor->revoke_approval("t-1", order);
      CHECK(outcome.ok());
      return std::nullopt;
    });
    house.emplace(store);
    const Outcome outcome = house->ask("1", grant_of("t-1"));
    CHECK(outcome.code == Code::handler_failed);
    CHECK(outcome.effect == Effect::none);
    CHECK(house->calls == 0);
  }
}

TEST_CASE("After a revocation has returned nothing starts on the strength of what it revoked") {
  House house;
  std::atomic<bool> revoked = false;
  std::atomic<int> late = 0;
  std::atomic<int> refused = 0;
  house.run = [&](const Invocation&) { return HandlerResult::result("1"); };
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&, t] {
      for (int i = 0; refused < 4; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        const bool after = revoked;
        const Outcome outcome = house.ask(id, grant_of(id));
        if (after && outcome.effect != Effect::none) ++late;
        if (outcome.code == Code::approval_key_revoked) ++refused;
      }
    });
  while (house.executor->log().size().value() < 20) std::this_thread::yield();
  REQUIRE(house.executor->revoke_key("k0", order).ok());
  revoked = true;
  for (auto& caller : callers) caller.join();
  CHECK(late == 0);
}

TEST_CASE("An order that is none is refused with the member's name, and changes nothing") {
  House house;
  const std::string long_text(1025, 'x');
  const auto refused = [&](const Outcome& outcome, const char* member) {
    CHECK(outcome.code == Code::invalid_argument);
    CHECK_THAT(outcome.detail, Contains(member));
    CHECK_FALSE(outcome.entry_index);
  };
  refused(house.executor->halt({"", "why", {}}), "who");
  refused(house.executor->halt({"a\nb", "why", {}}), "who");
  refused(house.executor->halt({"alice", "", {}}), "why");
  refused(house.executor->halt({"alice", long_text, {}}), "why");
  refused(house.executor->halt({"alice", "\xff", {}}), "why");
  refused(house.executor->halt({"alice", "why", "\xff"}), "tenant");
  refused(house.executor->revoke_key("", order), "id");
  refused(house.executor->revoke_approval("a\nb", order), "id");
  CHECK_FALSE(house.executor->halted());
  CHECK(house.executor->controls().empty());
  CHECK(house.executor->log().size().value() == 0);
}

TEST_CASE("Where an order cannot be made durable, what tightens holds all the same and nothing is lifted") {
  class Failing final : public NonceStore {
   public:
    Result<ClaimAnswer> claim(const Claim& claim) override { return inner->claim(claim); }
    Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
      return inner->find(tenant, nonce);
    }
    Result<std::optional<std::uint64_t>> seal(const Seal& seal) override { return inner->seal(seal); }
    Result<std::vector<NonceRecord>> orphans() override { return inner->orphans(); }
    Status pin(std::string_view key, std::string_view value) override { return inner->pin(key, value); }
    Result<Timestamp> latest() override { return inner->latest(); }
    Status ready() override { return inner->ready(); }
    Result<std::optional<std::uint64_t>> control(const ControlChange& change) override {
      if (fails) return Status(Code::store_failed, "the disk is full");
      return inner->control(change);
    }
    ReceiptLog* log() noexcept override { return inner->log(); }
    std::shared_ptr<Ledger> inner = memory_ledger();
    bool fails = true;
  };
  auto store = std::make_shared<Failing>();
  House house(store);
  const Outcome halt = house.executor->halt(order);
  CHECK(halt.code == Code::store_failed);
  CHECK_THAT(halt.detail, Contains("holds in this executor"));
  CHECK(house.executor->halted());
  CHECK(house.executor->revoke_approval("t-1", order).code == Code::store_failed);
  CHECK(house.executor->resume(order).code == Code::store_failed);
  CHECK(house.executor->halted());
  store->fails = false;
  CHECK(house.executor->resume(order).ok());
  CHECK(house.ask("1", grant_of("t-1")).code == Code::approval_spent);
}

TEST_CASE("A log apart from its store gets the entries of orders too, also where the process died in between") {
  auto store = std::make_shared<SplitStore>();
  std::shared_ptr<ReceiptLog> log = memory_ledger();
  {
    House house(store, policy_of(trusted_up_to(1)), log);
    const Outcome outcome = house.executor->halt(order);
    REQUIRE(outcome.ok());
    CHECK(log->read(*outcome.entry_index, 1).value().at(0).json == outcome.entry);
    CHECK(store->unlogged().value().empty());
    // As if it had died before the log had it.
    REQUIRE(store->control({{ControlKind::halt, "", "acme"}, true, outcome.entry, noon}).ok());
    CHECK(store->unlogged().value().size() == 1);
  }
  House house(store, policy_of(trusted_up_to(1)), log);
  CHECK(house.executor->halted());
  CHECK(house.executor->recovered().relogged == 1);
  CHECK(store->unlogged().value().empty());
}
