// SPDX-License-Identifier: Apache-2.0
// What an executor and its ledger measure, and that measuring changes nothing.
#include <openexec/openexec.hpp>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "base/tally.hpp"
#include "support/catch.hpp"
#include "support/evidence.hpp"
#include "support/moved_clock.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
using std::chrono::microseconds;

namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t start = 1'772'366'400;  // when SignedLog::cosign() says that it cosigned

std::uint64_t total(const Histogram& histogram) {
  return std::accumulate(histogram.counts.begin(), histogram.counts.end(), std::uint64_t{0});
}

/// How many values are in the bucket of this bound.
std::uint64_t at(const Histogram& histogram, double bound) {
  const auto found = std::find(histogram.bounds.begin(), histogram.bounds.end(), bound);
  if (found == histogram.bounds.end()) throw std::out_of_range("no such bound");
  return histogram.counts.at(static_cast<std::size_t>(found - histogram.bounds.begin()));
}

Request request(std::string_view nonce, std::string_view action = "echo") {
  return {.action = action, .payload = "{}", .nonce = nonce, .approval_artifact = R"({"id":"x"})"};
}

/// An executor over a store, whose verifier and handlers may pass time.
class House {
 public:
  explicit House(std::shared_ptr<NonceStore> store = memory_ledger(), Limits limits = {}) {
    HandlerTable table = echo_table();
    REQUIRE(table
                .add("slow",
                     [this](const Invocation&) {
                       clock->pass(handler_takes);
                       return HandlerResult::result("{}");
                     })
                .ok());
    REQUIRE(table.add("lost", [](const Invocation&) { return HandlerResult::in_doubt("no word"); }).ok());
    Config config;
    config.limits = limits;
    executor.emplace(assemble({.store = std::move(store),
                               .log = nullptr,
                               .verifier = std::make_shared<Slow>(*this),
                               .hasher = nullptr,
                               .clock = clock},
                              std::move(table), config));
  }
  Outcome execute(std::string_view nonce, std::string_view action = "echo") {
    return executor->execute(request(nonce, action));
  }
  [[nodiscard]] Measures measures() const { return executor->measures().value(); }

  std::shared_ptr<MovedClock> clock = std::make_shared<MovedClock>(Timestamp{start * second});
  std::int64_t verifier_takes = 0;
  std::int64_t handler_takes = 0;
  std::optional<Executor> executor;

 private:
  struct Slow final : Verifier {
    explicit Slow(House& of) : house(of) {}
    using Verifier::verify;
    [[nodiscard]] std::string_view profile() const noexcept override { return "slow"; }
    [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp) const override {
      house.clock->pass(house.verifier_takes);
      return Approval{"slow", std::string(proposal.nonce()), {}};
    }
    House& house;
  };
};

std::shared_ptr<Ledger> open_file(const std::string& file) { return sqlite_ledger(file).value(); }

}  // namespace

TEST_CASE("A value is counted in the first bucket whose bound it does not exceed") {
  base::Tally<10, 10, 20, 50> tally;
  for (const std::uint64_t value : {0U, 10U, 11U, 20U, 50U, 51U, 1000U}) tally.add(value);
  const Histogram histogram = tally.read();
  CHECK(histogram.bounds == std::vector<double>{1, 2, 5});
  CHECK(histogram.counts == std::vector<std::uint64_t>{2, 2, 1, 2});
  CHECK(histogram.sum == 114.2);
}

TEST_CASE("A duration is in seconds, and a clock that goes back adds zero") {
  using Time = std::chrono::steady_clock::time_point;
  base::DurationTally<1'000, 1'000'000> tally;
  tally.add(Time(microseconds(5)), Time(microseconds(1'005)));
  tally.add(Time(microseconds(9)), Time(microseconds(8)));
  tally.add(Time(microseconds(0)), Time(microseconds(1'000'001)));
  tally.add(Time::min(), Time::max());
  const Histogram histogram = tally.read();
  CHECK(histogram.bounds == std::vector<double>{0.001, 1});
  CHECK(histogram.counts == std::vector<std::uint64_t>{2, 0, 2});
}

TEST_CASE("A batch of 64 is two transactions of 64 operations: its claims, and its seals with their entries") {
  TemporaryFolder folder;
  House house(open_file(folder.file("ledger.db")));
  const StoreMeasures before = house.measures().store;
  std::vector<std::string> nonces;
  for (int i = 0; i < 64; ++i) nonces.push_back("nonce-" + std::to_string(i));
  std::vector<Call> calls;
  for (const std::string& nonce : nonces) calls.push_back({.request = request(nonce), .options = {}});
  for (const Outcome& outcome : house.executor->execute_many(calls)) REQUIRE(outcome.ok());
  const StoreMeasures after = house.measures().store;
  CHECK(at(*after.batch_operations, 64) - at(*before.batch_operations, 64) == 2);
  CHECK(total(*after.batch_operations) - total(*before.batch_operations) == 2);
  CHECK(after.batch_operations->sum - before.batch_operations->sum == 128);
  CHECK(total(*after.commit_seconds) - total(*before.commit_seconds) == 2);
  CHECK(after.commit_seconds->sum > before.commit_seconds->sum);
  CHECK(*after.claims - *before.claims == 64);
}

TEST_CASE("A transaction that wrote nothing is not a commit") {
  TemporaryFolder folder;
  House house(open_file(folder.file("ledger.db")));
  const std::uint64_t before = total(*house.measures().store.commit_seconds);
  REQUIRE(house.executor->ready().ok());  // it asks the writer whether it could write
  CHECK(total(*house.measures().store.commit_seconds) == before);
}

TEST_CASE("A ledger tells the sizes of its files and how much it remembers") {
  TemporaryFolder folder;
  const std::string file = folder.file("ledger.db");
  House house(open_file(file));
  CHECK(house.measures().store.claims == 0);
  REQUIRE(house.execute("a").ok());
  REQUIRE(house.execute("b", "lost").verdict == Verdict::in_doubt);
  REQUIRE(house.execute("a").replayed);
  const StoreMeasures store = house.measures().store;
  CHECK(store.claims == 2);
  CHECK(store.file_bytes == std::filesystem::file_size(file));
  CHECK(store.wal_bytes == std::filesystem::file_size(file + "-wal"));
  CHECK(*store.wal_bytes > 0);
}

TEST_CASE("A ledger that is opened for reading tells its sizes, and has no transactions") {
  TemporaryFolder folder;
  const std::string file = folder.file("ledger.db");
  REQUIRE(House(open_file(file)).execute("a").ok());
  SqliteOptions options;
  options.read_only = true;
  const auto ledger = sqlite_ledger(file, options).value();
  const StoreMeasures store = ledger->measures().value();
  CHECK(store.claims == 1);
  CHECK(store.file_bytes.has_value());
  CHECK_FALSE(store.batch_operations);
  CHECK_FALSE(store.commit_seconds);
}

TEST_CASE("Replays and refusals without an entry of their own are counted") {
  Limits limits;
  limits.max_replays_per_second = 10;
  limits.max_refusals_per_second = 2;
  House house(memory_ledger(), limits);
  REQUIRE(house.execute("n").ok());
  for (int i = 0; i < 100; ++i) REQUIRE(house.execute("n").replayed);
  CHECK(house.measures().suppressed_replays == 90);
  CHECK(house.measures().suppressed_refusals == 0);
  for (int i = 0; i < 5; ++i) REQUIRE(house.execute("r", "unheard_of").verdict == Verdict::refused);
  CHECK(house.measures().suppressed_refusals == 3);
  house.clock->pass(second);  // an entry stands for them now, and they stay counted
  REQUIRE(house.execute("n").replayed);
  CHECK(house.measures().suppressed_replays == 90);
}

TEST_CASE("Verification is timed by the executor's clock, and a replay verifies nothing") {
  House house;
  house.verifier_takes = 3'000;
  REQUIRE(house.execute("a").ok());
  REQUIRE(house.execute("a").replayed);
  REQUIRE(house.execute("b").ok());
  const Histogram verification = house.measures().verification_seconds;
  CHECK(total(verification) == 2);
  CHECK(at(verification, 0.005) == 2);
  CHECK(verification.sum == 0.006);
}

TEST_CASE("From a claim to its seal counts the handler, whatever it says, and no refusal or replay") {
  House house;
  house.handler_takes = 20 * second;
  REQUIRE(house.execute("a", "slow").ok());
  REQUIRE(house.execute("b", "lost").verdict == Verdict::in_doubt);
  REQUIRE(house.execute("a", "slow").replayed);
  REQUIRE(house.execute("c", "unheard_of").verdict == Verdict::refused);
  const Histogram claim_to_seal = house.measures().claim_to_seal_seconds;
  CHECK(total(claim_to_seal) == 2);
  CHECK(at(claim_to_seal, 30) == 1);
  CHECK(at(claim_to_seal, 0.0005) == 1);
  CHECK(claim_to_seal.sum == 20);
}

TEST_CASE("A checkpoint is as old as the newest seal or entry") {
  for (const bool on_disk : {false, true}) {
    TemporaryFolder folder;
    House house(on_disk ? open_file(folder.file("ledger.db")) : memory_ledger());
    CHECK_FALSE(house.measures().checkpoint_age);  // it covers nothing yet
    REQUIRE(house.execute("a").ok());
    CHECK(house.measures().checkpoint_age == microseconds(0));
    house.clock->pass(90 * second);
    CHECK(house.measures().checkpoint_age == microseconds(90 * second));
    REQUIRE(house.execute("b", "unheard_of").verdict == Verdict::refused);
    house.clock->pass(7 * second);
    CHECK(house.measures().checkpoint_age == microseconds(7 * second));
    house.handler_takes = 60 * second;
    REQUIRE(house.execute("c", "slow").ok());
    house.clock->pass(5 * second);
    CHECK(house.measures().checkpoint_age == microseconds(5 * second));
  }
}

TEST_CASE("After a restart a checkpoint's age counts from the newest entry") {
  TemporaryFolder folder;
  REQUIRE(House(open_file(folder.file("ledger.db"))).execute("a").ok());
  House house(open_file(folder.file("ledger.db")));
  house.clock->pass(40 * second);
  CHECK(house.measures().checkpoint_age == microseconds(40 * second));
}

TEST_CASE("A cosignature is as old as its witness says, and none from the future is believed") {
  for (const bool on_disk : {false, true}) {
    TemporaryFolder folder;
    const auto ledger = on_disk ? open_file(folder.file("ledger.db")) : memory_ledger();
    House house(ledger);
    REQUIRE(house.execute("a").ok());
    CHECK_FALSE(house.measures().cosignature_age);
    REQUIRE(ledger->keep_cosigned(SignedLog::cosign(ledger->checkpoint()->note, {"w1"})).ok());
    CHECK(house.measures().cosignature_age == microseconds(0));
    house.clock->pass(100 * second);
    CHECK(house.measures().cosignature_age == microseconds(100 * second));

    merkle::Note ahead = merkle::Note::parse(ledger->checkpoint()->note).value();
    ahead.signatures.push_back(witness_named("w2").cosign(ahead.text, start + 100 + 61).value());
    REQUIRE(ledger->keep_cosigned(ahead.write().value()).ok());
    CHECK(house.measures().cosignature_age == microseconds(100 * second));
    house.clock->pass(second);  // now it is ahead by what clocks may differ
    CHECK(house.measures().cosignature_age == microseconds(0));
  }
}

TEST_CASE("A store that measures nothing leaves its members absent, and the rest is there") {
  House house(std::make_shared<SteppedStore>(memory_ledger(), [](Step) { return std::nullopt; }));
  REQUIRE(house.execute("a").ok());
  const Measures measures = house.measures();
  CHECK_FALSE(measures.store.claims);
  CHECK_FALSE(measures.store.file_bytes);
  CHECK_FALSE(measures.store.wal_bytes);
  CHECK_FALSE(measures.store.batch_operations);
  CHECK_FALSE(measures.store.commit_seconds);
  CHECK(total(measures.claim_to_seal_seconds) == 1);
}

namespace {

/// Throws from when it is told to.
class FailingClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {start * second}; }
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const override {
    if (fails) throw std::runtime_error("no time");
    return {};
  }
  [[nodiscard]] std::chrono::steady_clock::time_point elapsed() const override { return {}; }
  std::atomic<bool> fails{false};
};

/// Says yes, and tells the clock to fail when it has.
struct Breaking final : Verifier {
  using Verifier::verify;
  [[nodiscard]] std::string_view profile() const noexcept override { return "breaking"; }
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp) const override {
    if (breaks) clock->fails = true;
    return Approval{"breaking", std::string(proposal.nonce()), {}};
  }
  std::shared_ptr<FailingClock> clock = std::make_shared<FailingClock>();
  bool breaks = false;
};

}  // namespace

TEST_CASE("A clock that fails while an execution is measured takes nothing back that is durable") {
  const auto verifier = std::make_shared<Breaking>();
  const auto clock = verifier->clock;
  HandlerTable table;
  REQUIRE(table
              .add("echo",
                   [clock](const Invocation&) {
                     clock->fails = true;
                     return HandlerResult::result("{}");
                   })
              .ok());
  Executor executor =
      assemble({.store = memory_ledger(), .log = nullptr, .verifier = verifier, .hasher = nullptr, .clock = clock},
               std::move(table));
  CHECK(executor.execute(request("a")).ok());
  CHECK(executor.measures().code() == Code::store_failed);
  clock->fails = false;
  CHECK(total(executor.measures()->claim_to_seal_seconds) == 0);
}

TEST_CASE("A clock that fails while an approval is verified spends nothing") {
  const auto verifier = std::make_shared<Breaking>();
  const auto calls = std::make_shared<std::atomic<int>>(0);
  Executor executor = assemble(
      {.store = memory_ledger(), .log = nullptr, .verifier = verifier, .hasher = nullptr, .clock = verifier->clock},
      echo_table(calls));
  verifier->breaks = true;
  const Outcome outcome = executor.execute(request("a"));
  CHECK(outcome.code == Code::store_failed);
  CHECK(outcome.effect == Effect::none);
  CHECK(*calls == 0);
  verifier->breaks = false;
  verifier->clock->fails = false;
  const Outcome again = executor.execute(request("a"));
  CHECK(again.ok());
  CHECK_FALSE(again.replayed);
}

TEST_CASE("Measures are read while others execute") {
  constexpr int threads = 4, each = 25;
  TemporaryFolder folder;
  House house(open_file(folder.file("ledger.db")));
  std::atomic<int> running{threads};
  std::atomic<int> succeeded{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < threads; ++caller)
    callers.emplace_back([&, caller] {
      for (int i = 0; i < each; ++i)
        if (house.execute(std::to_string(caller) + "-" + std::to_string(i)).ok()) ++succeeded;
      --running;
    });
  std::uint64_t seen = 0;
  bool fell = false;
  do {
    const auto measures = house.executor->measures();
    if (!measures.ok()) continue;
    fell = fell || total(measures->claim_to_seal_seconds) < seen;
    seen = total(measures->claim_to_seal_seconds);
  } while (running != 0);
  for (std::thread& caller : callers) caller.join();
  CHECK_FALSE(fell);
  CHECK(succeeded == threads * each);
  const Measures measures = house.measures();
  CHECK(total(measures.claim_to_seal_seconds) == threads * each);
  CHECK(total(measures.verification_seconds) == threads * each);
  CHECK(measures.store.claims == threads * each);
}
