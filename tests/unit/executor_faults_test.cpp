// SPDX-License-Identifier: Apache-2.0
// What an executor says when memory, a part or the clock fails it. tests/fault/attack/allocation_attack.cpp fails every
// single allocation; here are the rules one at a time.
#include <openexec/openexec.hpp>

#include <new>
#include <thread>

#include "gate/limits.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "waiting/single_flight.hpp"

using namespace openexec;
using namespace openexec::test;
using namespace std::chrono_literals;

namespace {

/// Accepts every artifact, but for one that it has no memory for, and one of which it says that it could not decide.
class Short final : public Verifier {
 public:
  using Verifier::verify;
  [[nodiscard]] std::string_view profile() const noexcept override { return "short"; }
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp) const override {
    const std::string artifact(proposal.artifact());
    if (!enough && artifact == R"({"id":"throws"})") throw std::bad_alloc();
    if (!enough && artifact == R"({"id":"says"})") return Status(Code::overloaded, "out of memory");
    return Approval{"short", artifact, {}};
  }
  std::atomic<bool> enough{false};
};

struct House {
  explicit House(std::shared_ptr<const Clock> clock = nullptr, HandlerTable table = {})
      : executor(assemble({.store = memory_ledger(),
                           .log = nullptr,
                           .verifier = verifier,
                           .hasher = nullptr,
                           .clock = std::move(clock)},
                          table.empty() ? echo_table(calls) : std::move(table))) {}
  static Call call(std::string_view nonce, std::string_view artifact) {
    return {.request = Request{.action = "echo", .payload = "{}", .nonce = nonce, .approval_artifact = artifact},
            .options = {}};
  }

  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  std::shared_ptr<Short> verifier = std::make_shared<Short>();
  Executor executor;
};

/// A monotonic clock at the end of its range.
class LastMoment final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const noexcept override { return {1'772'366'400'000'000}; }
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const noexcept override {
    return std::chrono::steady_clock::time_point::max();
  }
};

}  // namespace

TEST_CASE("a verifier without memory decides nothing and spends nothing") {
  for (const std::string_view artifact : {R"({"id":"throws"})", R"({"id":"says"})"}) {
    House house;
    const Call call = House::call("n", artifact);
    const Outcome outcome = house.executor.execute(std::get<Request>(call.request));
    CHECK(outcome.code == Code::overloaded);
    CHECK(outcome.verdict == Verdict::refused);
    CHECK(outcome.effect == Effect::none);
    CHECK(*house.calls == 0);
    house.verifier->enough = true;
    CHECK(house.executor.execute(std::get<Request>(call.request)).ok());
  }
}

TEST_CASE("one attempt without memory leaves the others of its batch alone") {
  House house;
  const auto outcomes = house.executor.execute_many(std::vector<Call>{
      House::call("a", R"({"id":"a"})"), House::call("b", R"({"id":"throws"})"), House::call("c", R"({"id":"c"})")});
  CHECK(outcomes[0].ok());
  CHECK(outcomes[1].code == Code::overloaded);
  CHECK(outcomes[2].ok());
  CHECK(*house.calls == 2);
}

TEST_CASE("an approval that cannot be verified again after a revocation is not called revoked") {
  struct Later final : Verifier {
    using Verifier::verify;
    [[nodiscard]] std::string_view profile() const noexcept override { return "later"; }
    [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp) const override {
      return Approval{"later", std::string(proposal.artifact()), {}};
    }
    [[nodiscard]] Result<Approval> verify(const Proposal&, Timestamp, const Revocations&) const override {
      throw std::bad_alloc();
    }
  };
  std::optional<Executor> executor;
  const auto store = std::make_shared<SteppedStore>(memory_ledger(), [&](Step at) -> std::optional<Status> {
    if (at == Step::after_claim) (void)executor->revoke_key("some-key", {.who = "test", .why = "test", .tenant = {}});
    return std::nullopt;
  });
  const auto calls = std::make_shared<std::atomic<int>>(0);
  executor.emplace(assemble(
      {.store = store, .log = nullptr, .verifier = std::make_shared<Later>(), .hasher = nullptr, .clock = nullptr},
      echo_table(calls)));
  const Outcome outcome = executor->execute(std::get<Request>(House::call("n", R"({"id":"a"})").request));
  CHECK(outcome.code == Code::handler_failed);
  CHECK(outcome.effect == Effect::none);
  CHECK(outcome.detail == "the approval could not be verified again before the handler was entered");
  CHECK(*calls == 0);
}

TEST_CASE("what a handler cannot prepare spends nothing, and what it prepared ends with the attempt") {
  struct Counted final : Reservation {
    explicit Counted(std::atomic<int>& number) : alive(number) { ++alive; }
    ~Counted() override { --alive; }
    std::atomic<int>& alive;
  };
  std::atomic<int> alive{0};
  enum class Does { prepares, refuses, throws } does = Does::prepares;
  int ran = 0;
  HandlerTable table;
  HandlerTable::Row row;
  row.run = [&](const Invocation& call) {
    ++ran;
    return HandlerResult::result(dynamic_cast<Counted*>(call.reservation) != nullptr && alive == 1 ? "true" : "false");
  };
  row.prepare = [&](const Invocation&) -> Result<std::unique_ptr<Reservation>> {
    if (does == Does::throws) throw std::bad_alloc();
    if (does == Does::refuses) return Status(Code::handler_failed, "no process to be had");
    return std::unique_ptr<Reservation>(std::make_unique<Counted>(alive));
  };
  REQUIRE(table.add("echo", std::move(row)).ok());
  House house(nullptr, std::move(table));
  const auto offer = [&](std::string_view nonce, std::string_view artifact) {
    return house.executor.execute(std::get<Request>(House::call(nonce, artifact).request));
  };

  for (const Does no : {Does::refuses, Does::throws}) {
    does = no;
    const Outcome outcome = offer("n", R"({"id":"a"})");
    CHECK(outcome.code == Code::overloaded);
    CHECK(outcome.effect == Effect::none);
  }
  CHECK(ran == 0);
  does = Does::prepares;
  const Outcome outcome = offer("n", R"({"id":"a"})");  // neither the nonce nor the approval was spent
  CHECK(outcome.ok());
  CHECK(outcome.result == "true");
  CHECK(offer("other", R"({"id":"a"})").code == Code::approval_spent);
  CHECK(alive == 0);
  does = Does::refuses;
  CHECK(offer("n", R"({"id":"a"})").replayed);
  CHECK(ran == 1);
}

TEST_CASE("a lender may throw anything, and a piece that is run after the batch does nothing") {
  House house;
  std::vector<std::function<void()>> kept;
  const auto outcomes = house.executor.execute_many(
      std::vector<Call>{House::call("a", R"({"id":"a"})"), House::call("b", R"({"id":"b"})")},
      [&](std::function<void()> piece) {
        kept.push_back(std::move(piece));
        throw 1;
      });
  for (const Outcome& outcome : outcomes) CHECK(outcome.ok());
  for (const auto& piece : kept) piece();
  CHECK(*house.calls == 2);
}

TEST_CASE("a batch does not end before a piece that its lender keeps has run") {
  House house;
  std::function<void()> kept;
  std::atomic<bool> ended{false};
  std::thread later;
  bool ended_before = false;
  const auto outcomes = house.executor.execute_many(std::vector<Call>{House::call("a", R"({"id":"a"})")},
                                                    [&](std::function<void()> piece) {
                                                      kept = std::move(piece);
                                                      later = std::thread([&] {
                                                        std::this_thread::yield();
                                                        ended_before = ended;
                                                        kept();
                                                      });
                                                    });
  ended = true;
  later.join();
  CHECK(outcomes[0].ok());
  CHECK_FALSE(ended_before);
  CHECK(*house.calls == 1);
}

TEST_CASE("deadlines end with the clock and do not wrap around") {
  using exec::later;
  using Point = std::chrono::steady_clock::time_point;
  const Point start{};
  CHECK(later(start, 5ms) == start + 5ms);
  CHECK(later(start, -5ms) == start);
  CHECK(later(Point::max(), 0ms) == Point::max());
  CHECK(later(Point::max(), 1ms) == Point::max());
  CHECK(later(Point::max() - 1ms, 1ms) == Point::max());
  CHECK(later(start, std::chrono::milliseconds::max()) == Point::max());
  CHECK(later(Point::min(), std::chrono::milliseconds::max()) == Point::max());
  CHECK(later(Point::min(), 1ms) == Point::min() + 1ms);

  Point deadline{};
  HandlerTable table;
  REQUIRE(table
              .add("echo",
                   [&](const Invocation& call) {
                     deadline = call.deadline;
                     return HandlerResult::result("1");
                   })
              .ok());
  House house(std::make_shared<LastMoment>(), std::move(table));
  CHECK(house.executor.execute(std::get<Request>(House::call("n", R"({"id":"a"})").request)).ok());
  CHECK(deadline == Point::max());
}

TEST_CASE("a flight that was spent and did not land is lost for ever, and others may still lead it") {
  exec::SingleFlight flights;
  const Digest id{1};
  {
    exec::SingleFlight::Lease lease = flights.lead(id);
    lease.spend(true);
    CHECK_FALSE(flights.lost(id));
  }
  CHECK(flights.lost(id));
  {
    exec::SingleFlight::Lease lease = flights.lead(id);
    REQUIRE(lease.leads());
    CHECK_FALSE(flights.lead(id).leads());
    lease.finish();
  }
  CHECK(flights.lost(id));

  const Digest other{2};
  exec::SingleFlight::Lease lease = flights.lead(other);
  lease.spend(true);
  exec::SingleFlight::Lease moved = std::move(lease);
  moved.finish();
  CHECK_FALSE(flights.lost(other));
  CHECK(flights.lead(other).leads());
}
