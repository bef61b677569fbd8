// SPDX-License-Identifier: Apache-2.0
// A wall clock that jumps: what is refused, what is still answered, and that no poisoned time stays.
#include <openexec/openexec.hpp>

#include <atomic>
#include <string>

#include "support/approvals.hpp"
#include "support/catch.hpp"
#include "support/moved_clock.hpp"
#include "support/parts.hpp"
#include "support/plans.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

constexpr std::int64_t two_days = 2 * 24 * 3600 * second;

std::shared_ptr<const Verifier> one_signature() { return dsse_verifier(policy_of(trusted_up_to(1), 1)); }

struct House {
  explicit House(std::shared_ptr<NonceStore> store, std::shared_ptr<const Verifier> verifier = one_signature(),
                 std::shared_ptr<MovedClock> at = std::make_shared<MovedClock>(noon), Limits limits = {})
      : ledger(std::move(store)), clock(std::move(at)) {
    Config config;
    config.tenant = "acme";
    config.limits = limits;
    executor.emplace(
        assemble({.store = ledger, .log = nullptr, .verifier = std::move(verifier), .hasher = nullptr, .clock = clock},
                 echo_table(calls), config));
  }

  /// Executes it with an approval that was given now, by a right clock, for ten minutes.
  Outcome execute(const std::string& nonce, Timestamp given) {
    const signing::DsseGrant grant{.token_id = "token-" + nonce,
                                   .tenant_id = "acme",
                                   .issued_at = given,
                                   .expires_at = {given.micros + 600 * second}};
    const std::string artifact = approved(proposal_of(nonce, "{}", "echo"), grant);
    return executor->execute({.action = "echo", .payload = "{}", .nonce = nonce, .approval_artifact = artifact});
  }
  Outcome execute(const std::string& nonce) { return execute(nonce, clock->now()); }

  std::shared_ptr<NonceStore> ledger;
  std::shared_ptr<MovedClock> clock;
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  std::optional<Executor> executor;
};

Entry entry_of(const Outcome& outcome) { return Entry::from_json(outcome.entry).value(); }

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("A request while the wall clock is two days ahead makes no later approval expired") {
  House house(memory_ledger());
  REQUIRE(house.execute("before").ok());
  house.clock->move(two_days);
  (void)house.execute("ahead");
  house.clock->move(-two_days);
  house.clock->pass(second);
  CHECK(house.execute("after").code == Code::ok);
}

TEST_CASE("While the clock is suspect nothing that depends on time runs, and the refusal names the gap") {
  House house(memory_ledger());
  const Outcome before = house.execute("before");
  REQUIRE(before.ok());
  CHECK(house.executor->ready().ok());
  for (const std::int64_t moved : {two_days, -two_days}) {
    house.clock->move(moved);
    house.clock->pass(10 * second);
    const Timestamp trusted{house.clock->now().micros - moved};
    const Outcome refused = house.execute("during");
    CHECK(refused.code == Code::clock_suspect);
    CHECK(refused.http == 503);
    CHECK(refused.effect == Effect::none);
    CHECK(has(refused.detail, "172800 s"));
    CHECK(has(refused.detail, moved > 0 ? "ahead" : "behind"));
    CHECK(has(refused.detail, "confirm-clock"));
    const Entry entry = entry_of(refused);
    CHECK(entry.observed_at == house.clock->now());
    CHECK(entry.trusted_at == trusted);
    CHECK(house.ledger->latest().value() == trusted);
    CHECK(house.executor->ready().code() == Code::clock_suspect);
    CHECK(house.executor->clock_state().suspect);
    house.clock->move(-moved);
    CHECK(house.executor->ready().ok());
    CHECK_FALSE(house.executor->clock_state().suspect);
  }
  CHECK(*house.calls == 1);
  CHECK(house.execute("during").ok());
}

TEST_CASE("A replay is answered while the clock is suspect") {
  House house(memory_ledger());
  const Timestamp given = house.clock->now();
  const Outcome first = house.execute("n", given);
  REQUIRE(first.ok());
  house.clock->move(two_days);
  const Outcome again = house.execute("n", given);
  CHECK(again.ok());
  CHECK(again.replayed);
  CHECK(again.receipt == first.receipt);
  CHECK(entry_of(again).trusted_at == given);
  House later(house.ledger);  // which does not remember it
  REQUIRE(later.execute("another", given).ok());
  later.clock->move(two_days);
  CHECK(later.execute("n", given).replayed);
}

TEST_CASE("Idleness, drift and small steps are no jump, and the bound is an option") {
  House house(memory_ledger());
  REQUIRE(house.execute("0").ok());
  house.clock->pass(30 * 24 * 3600 * second);
  CHECK(house.execute("1").ok());
  for (int step = 0; step < 10; ++step) {
    house.clock->move(3600 * second);
    CHECK(house.execute("ahead " + std::to_string(step)).ok());
  }
  house.clock->move(3600 * second + 1);
  CHECK(house.execute("too far").code == Code::clock_suspect);

  Limits narrow;
  narrow.max_clock_jump = std::chrono::seconds(5);
  House strict(memory_ledger(), one_signature(), std::make_shared<MovedClock>(noon), narrow);
  REQUIRE(strict.execute("0").ok());
  strict.clock->move(6 * second);
  CHECK(strict.execute("1").code == Code::clock_suspect);
  narrow.max_clock_jump = std::chrono::seconds(0);
  CHECK(Executor::assemble({.limits = narrow}, {.store = memory_ledger(), .verifier = std::make_shared<DemoVerifier>()},
                           echo_table())
            .code() == Code::invalid_argument);
}

TEST_CASE("Where nothing is verified the clock decides nothing, and entries carry the trusted time") {
  House house(memory_ledger(), std::make_shared<DemoVerifier>());
  house.clock->move(two_days);
  const Outcome outcome = house.execute("n");
  CHECK(outcome.ok());
  CHECK(entry_of(outcome).trusted_at == noon);
  CHECK(house.ledger->latest().value() == noon);
  CHECK(house.executor->ready().ok());
  house.clock->move(-two_days);
  CHECK_FALSE(entry_of(house.execute("m")).trusted_at);
}

TEST_CASE("A person confirms the wall clock, and the entry names both times") {
  House house(memory_ledger());
  REQUIRE(house.execute("before").ok());
  house.clock->move(two_days);
  REQUIRE(house.execute("n").code == Code::clock_suspect);
  const Outcome confirmed = house.executor->confirm_clock({"alice", "the clock was late"});
  REQUIRE(confirmed.ok());
  CHECK(confirmed.verdict == Verdict::control);
  const Entry entry = entry_of(confirmed);
  REQUIRE(entry.control);
  CHECK(entry.control->kind == "confirm_clock");
  CHECK(entry.control->who == "alice");
  CHECK(entry.control->time == Timestamp{noon.micros + two_days});
  CHECK(entry.control->was == noon);
  CHECK(house.execute("n").ok());
  CHECK(house.executor->controls().empty());

  CHECK(house.executor->confirm_clock({"", "why"}).code == Code::invalid_argument);
  CHECK(house.executor->confirm_clock({"alice", ""}).code == Code::invalid_argument);
  CHECK(house.executor->confirm_clock({"alice", "why", "acme"}).code == Code::invalid_argument);
}

TEST_CASE("A mark that was poisoned across a start is shown, and is lowered for good") {
  const TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  const auto clock = std::make_shared<MovedClock>(noon);
  clock->move(two_days);
  {
    House house(sqlite_ledger(path).value(), one_signature(), clock);
    REQUIRE(house.execute("poison").ok());  // a start has nothing to compare with
  }
  clock->move(-two_days);
  Outcome expired;
  {
    House house(sqlite_ledger(path).value(), one_signature(), clock);
    CHECK(house.executor->ready().ok());
    const ClockState state = house.executor->clock_state();
    CHECK_FALSE(state.suspect);
    CHECK(state.trusted.micros - state.wall.micros == two_days);
    expired = house.execute("n");
    CHECK(expired.code == Code::approval_expired);
    CHECK(has(expired.detail, "172800 s"));
    const Outcome confirmed = house.executor->confirm_clock({"alice", "it was ahead"});
    REQUIRE(confirmed.ok());
    CHECK(entry_of(confirmed).control->was == Timestamp{noon.micros + two_days});
    CHECK(entry_of(confirmed).control->time == noon);
    clock->pass(3600 * second);
    CHECK(house.execute("n").ok());
  }
  clock->move(-1800 * second);
  {
    House house(sqlite_ledger(path).value(), one_signature(), clock);
    CHECK(house.executor->clock_state().trusted == Timestamp{noon.micros + 3600 * second});  // not behind what was seen
    CHECK(house.execute("early").code == Code::approval_expired);
    // Once more, further back.
    clock->move(-600 * second);
    REQUIRE(house.executor->confirm_clock({"alice", "again"}).ok());
    CHECK(house.executor->clock_state().trusted == clock->now());
  }
  {
    House house(sqlite_ledger(path).value(), one_signature(), clock);
    CHECK(house.executor->clock_state().trusted == clock->now());
    clock->pass(two_days + 7200 * second);
    CHECK(house.execute("beyond").ok());
  }
  House house(sqlite_ledger(path).value(), one_signature(), clock);
  CHECK(house.executor->clock_state().trusted == clock->now());
}

TEST_CASE("A confirmation survives a jump while it runs, and a restart") {
  const TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  const auto clock = std::make_shared<MovedClock>(noon);
  clock->move(two_days);
  {
    House house(sqlite_ledger(path).value(), one_signature(), clock);
    REQUIRE(house.execute("poison").ok());
    clock->move(-two_days);
    CHECK(house.execute("n").code == Code::clock_suspect);
    REQUIRE(house.executor->confirm_clock({"alice", "it was ahead"}).ok());
    CHECK(house.execute("n").ok());
  }
  House house(sqlite_ledger(path).value(), one_signature(), clock);
  CHECK(house.execute("m").ok());
}
