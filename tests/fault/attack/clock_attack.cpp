// SPDX-License-Identifier: Apache-2.0
// Attack: one request while the wall clock is two days ahead makes every later approval expired, for good.
#include <openexec/openexec.hpp>

#include <memory>
#include <string>

#include "support/approvals.hpp"
#include "support/catch.hpp"
#include "support/moved_clock.hpp"
#include "support/parts.hpp"
#include "support/plans.hpp"

using namespace openexec;
using namespace openexec::test;

TEST_CASE("A request while the wall clock is two days ahead makes no later approval expired, nor after a restart") {
  constexpr std::int64_t two_days = 2 * 24 * 3600 * second;
  const TemporaryFolder folder;
  const auto clock = std::make_shared<MovedClock>(noon);
  const auto open = [&] {
    Config config;
    config.tenant = "acme";
    return assemble({.store = sqlite_ledger(folder.file("ledger.db")).value(),
                     .log = nullptr,
                     .verifier = dsse_verifier(policy_of(trusted_up_to(1), 1)),
                     .hasher = nullptr,
                     .clock = clock},
                    echo_table(), config);
  };
  // Approved now, by a clock that is right, for ten minutes; without an approval it is the request of any stranger.
  const auto execute = [&](Executor& executor, const std::string& nonce, bool is_approved) {
    const signing::DsseGrant grant{.token_id = "token-" + nonce,
                                   .tenant_id = "acme",
                                   .issued_at = clock->now(),
                                   .expires_at = {clock->now().micros + 600 * second}};
    const std::string artifact = is_approved ? approved(proposal_of(nonce, "{}", "echo"), grant) : std::string();
    return executor.execute({.action = "echo", .payload = "{}", .nonce = nonce, .approval_artifact = artifact});
  };
  {
    Executor executor = open();
    REQUIRE(execute(executor, "before", true).ok());
    clock->move(two_days);
    (void)execute(executor, "ahead", false);
    clock->move(-two_days);
    CHECK(execute(executor, "after", true).code == Code::ok);
  }
  Executor executor = open();
  CHECK(execute(executor, "restarted", true).code == Code::ok);
}
