// SPDX-License-Identifier: Apache-2.0
// A thread that ends inside a C++ callback. It used to abort the process on its way through catch (...) and noexcept.
#include <pthread.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include <openexec/openexec.hpp>

#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

/// Runs `work` on a thread of its own, which is joined. Returns whether the thread came back from it.
bool comes_back(std::function<void()> work) {
  struct Task {
    std::function<void()> work;
    bool back = false;
  } task{std::move(work)};
  const auto begin = [](void* given) -> void* {
    auto* mine = static_cast<Task*>(given);
    mine->work();
    mine->back = true;
    return nullptr;
  };
  pthread_t thread{};
  REQUIRE(::pthread_create(&thread, nullptr, begin, &task) == 0);
  REQUIRE(::pthread_join(thread, nullptr) == 0);
  return task.back;
}

/// Approves everything, for at most a dollar.
class ForADollar final : public Verifier {
 public:
  using Verifier::verify;
  [[nodiscard]] std::string_view profile() const noexcept override { return "for-a-dollar"; }
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp) const override {
    Approval approval{"for-a-dollar", std::string(proposal.nonce()), {"key-1"}};
    approval.constraints.max_cost_usd = Usd{1'000'000};
    return approval;
  }
};

struct House {
  House() {
    HandlerTable::Row row;
    row.run = [this](const Invocation&) {
      ++calls;
      if (ends_in_handler.exchange(false)) ::pthread_exit(nullptr);
      return HandlerResult::result("1");
    };
    row.cost = [this](const CostQuery&) {
      if (ends_in_cost.exchange(false)) ::pthread_exit(nullptr);
      return Result<Usd>(Usd{1});
    };
    HandlerTable table;
    REQUIRE(table.add("pay", row).ok());
    Config config;
    config.limits.max_in_flight = 3;
    executor.emplace(assemble({.store = memory_ledger(), .verifier = std::make_shared<ForADollar>()}, std::move(table),
                              std::move(config)));
  }
  Code run(std::string_view nonce) { return executor->execute(request(nonce)).code; }
  static Request request(std::string_view nonce) {
    return {.action = "pay", .payload = "{}", .nonce = nonce, .approval_artifact = "{}"};
  }
  std::vector<Outcome> run_many(const CallbackExecutor& lend = nullptr) {
    const std::vector<Call> calls_of = {{request("n-1"), {}}, {request("n-2"), {}}, {request("n-3"), {}}};
    return executor->execute_many(calls_of, lend);
  }
  std::atomic<bool> ends_in_handler{false};
  std::atomic<bool> ends_in_cost{false};
  std::atomic<int> calls{0};
  std::optional<Executor> executor;
};

}  // namespace

TEST_CASE("a thread that ends in a handler leaves its execution in doubt, and the executor usable") {
  House house;
  house.ends_in_handler = true;
  CHECK_FALSE(comes_back([&] { (void)house.run("n-1"); }));
  CHECK(house.run("n-1") == Code::in_doubt);
  CHECK(house.run_many().at(1).code == Code::ok);
  CHECK(house.calls == 3);
}

TEST_CASE("a thread that ends in a cost function leaves nothing behind") {
  House house;
  house.ends_in_cost = true;
  CHECK_FALSE(comes_back([&] { (void)house.run("n-1"); }));
  CHECK(house.calls == 0);
  CHECK(house.run("n-1") == Code::ok);
  CHECK(house.calls == 1);
}

TEST_CASE("a thread that ends in one handler of many leaves all in doubt that it had claimed, run or not") {
  House house;
  house.ends_in_handler = true;
  CHECK_FALSE(comes_back([&] { (void)house.run_many(); }));
  for (const Outcome& outcome : house.run_many()) CHECK(outcome.code == Code::in_doubt);
  CHECK(house.calls == 1);
}

TEST_CASE("a lent thread that ends in a handler does not keep the caller waiting") {
  House house;
  house.ends_in_handler = true;
  std::vector<std::thread> threads;
  const std::vector<Outcome> outcomes = house.run_many(
      [&](std::function<void()> piece) { threads.emplace_back([piece = std::move(piece)] { piece(); }); });
  for (std::thread& thread : threads) thread.join();
  int in_doubt = 0;
  for (const Outcome& outcome : outcomes) in_doubt += outcome.code == Code::in_doubt ? 1 : 0;
  CHECK(in_doubt == 1);
  CHECK(house.calls == 3);
}
