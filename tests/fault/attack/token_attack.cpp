// SPDX-License-Identifier: Apache-2.0
// Attack: one token_id runs twice, as a single approval and as a plan, or as two plans.
#include <openexec/openexec.hpp>

#include <functional>
#include <memory>
#include <string>

#include "support/approvals.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/plans.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

using Open = std::function<std::shared_ptr<Ledger>()>;

struct House {
  explicit House(Open with) : open(std::move(with)) { start(); }
  void start() {
    executor.reset();
    HandlerTable table;
    REQUIRE(table
                .add("act",
                     [this](const Invocation&) {
                       ++runs;
                       return HandlerResult::result("1");
                     })
                .ok());
    Config config;
    config.tenant = "acme";
    executor.emplace(assemble({.store = open(),
                               .log = nullptr,
                               .verifier = dsse_verifier(policy_of(trusted_up_to(1), 1)),
                               .hasher = nullptr,
                               .clock = std::make_shared<SetClock>(noon.micros)},
                              std::move(table), config));
  }
  Code execute(const std::string& nonce, const std::string& artifact) {
    return executor->execute({.action = "act", .payload = "{}", .nonce = nonce, .approval_artifact = artifact}).code;
  }

  Open open;
  int runs = 0;
  std::optional<Executor> executor;
};

void check_all(const Open& open, bool restarts) {
  const std::string single = approved(proposal_of("single"), grant_of("token"));
  const std::string plan = plan_of(3, StepOrder::any, grant_of("token"));
  const std::string other = plan_of(4, StepOrder::any, grant_of("token"));
  const auto between = [&](House& house) {
    if (restarts) house.start();
  };
  SECTION("The single approval first") {
    House house(open);
    REQUIRE(house.execute("single", single) == Code::ok);
    between(house);
    CHECK(house.execute("0", plan) == Code::approval_spent);
    CHECK(house.execute("3", other) == Code::approval_spent);
    CHECK(house.execute("single", single) == Code::ok);  // a replay
    CHECK(house.runs == 1);
  }
  SECTION("A plan first") {
    House house(open);
    REQUIRE(house.execute("1", plan) == Code::ok);
    between(house);
    CHECK(house.execute("single", single) == Code::approval_spent);
    CHECK(house.execute("3", other) == Code::approval_spent);
    CHECK(house.execute("0", other) == Code::approval_spent);
    between(house);
    CHECK(house.execute("0", plan) == Code::ok);  // its own steps go on
    CHECK(house.execute("2", plan) == Code::ok);
    CHECK(house.execute("single", single) == Code::approval_spent);
    CHECK(house.execute("3", other) == Code::approval_spent);
    CHECK(house.runs == 3);
  }
}

}  // namespace

TEST_CASE("The first use of a token_id decides what it is, and every other use is spent, in memory") {
  const auto ledger = memory_ledger();
  check_all([&] { return ledger; }, true);
}

TEST_CASE("The first use of a token_id decides what it is, and every other use is spent, in a file") {
  const TemporaryFolder folder;
  check_all([&] { return sqlite_ledger(folder.file("ledger.db")).value(); }, false);
}

TEST_CASE("The first use of a token_id decides what it is, and every other use is spent, after restarts") {
  const TemporaryFolder folder;
  check_all([&] { return sqlite_ledger(folder.file("ledger.db")).value(); }, true);
}
