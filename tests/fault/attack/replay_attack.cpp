// SPDX-License-Identifier: Apache-2.0
// Attack: one spent request is replayed as fast as it can be, and each replay grows the log.
#include <openexec/openexec.hpp>

#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

TEST_CASE(
    "A spent request that is replayed a thousand times a second grows the log by ten entries, and one that counts") {
  const auto clock = std::make_shared<SetClock>(1'772'366'400'000'000);
  const auto ledger = memory_ledger();
  const Request request{.action = "echo", .payload = "{}", .nonce = "n", .approval_artifact = {}};
  const Parts parts{
      .store = ledger, .log = nullptr, .verifier = std::make_shared<DemoVerifier>(), .hasher = nullptr, .clock = clock};
  Executor executor = assemble(parts, echo_table());
  const Outcome first = executor.execute(request);
  REQUIRE(first.ok());
  for (int second = 0; second < 5; ++second) {
    const std::vector<Call> calls(250, Call{request, {}});
    for (int batch = 0; batch < 4; ++batch)
      for (const Outcome& outcome : executor.execute_many(calls)) {
        REQUIRE(outcome.replayed);
        REQUIRE(outcome.receipt == first.receipt);
      }
    clock->set(clock->now().micros + 1'000'000);
  }
  CHECK(ledger->size().value() <= 1 + 5 * 11);
}
