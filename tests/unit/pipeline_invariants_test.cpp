// SPDX-License-Identifier: Apache-2.0
// Each invariant of the pipeline is broken on purpose, and its assertion notices.
#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include <openexec/openexec.hpp>

#include "base/assert.hpp"
#include "exec/pipeline.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
using base::BreachesSurvive;
using Catch::Matchers::Contains;

namespace openexec::exec {

/// Takes one attempt through the pipeline's steps by hand, and one of them once too often.
struct Sabotage {
  explicit Sabotage(Pipeline& owner) : pipeline(owner), attempt(owner.enter(arrival, options)) { hand.add(attempt); }
  ~Sabotage() { (void)pipeline.leave(attempt); }
  void prove() { pipeline.prove(attempt); }
  void commit() { pipeline.commit(hand, submission); }
  void call_handler() { pipeline.call_handler(attempt); }
  void claim_again() {
    std::string note;
    pipeline.prepare_claim(attempt, note, submission);
  }
  void end_again() {
    submission.start(1);
    pipeline.add_end(attempt, submission);
  }

  Pipeline& pipeline;
  const Arrival arrival =
      Request{.action = "echo", .payload = "{}", .nonce = "n", .approval_artifact = R"({"id":"a"})"};
  const CallOptions options;
  Attempt attempt;
  Attempt* slot = nullptr;
  Hand hand{{&slot, 1}};
  Submission submission;
};

}  // namespace openexec::exec

namespace {

/// A pipeline over a ledger in memory, with `echo`.
struct Line {
  std::shared_ptr<Ledger> ledger = memory_ledger();
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  exec::Confirmation confirmed{};
  exec::Pipeline pipeline{Config{},
                          Parts{.store = ledger,
                                .log = std::shared_ptr<ReceiptLog>(ledger, ledger->log()),
                                .verifier = std::make_shared<ScriptedVerifier>(),
                                .hasher = jcs_sha256(),
                                .clock = system_clock()},
                          echo_table(calls),
                          Timestamp{},
                          confirmed,
                          {},
                          std::nullopt};
};

}  // namespace

TEST_CASE("P1: a waiter that is parked already is not parked again") {
  const BreachesSurvive survive;
  exec::SingleFlight flights;
  exec::Inbox inbox;
  const Digest id{1};
  const exec::SingleFlight::Lease lease = flights.lead(id);
  exec::Waiter waiter;
  REQUIRE(inbox.park(waiter, [&] { return flights.wait(id, waiter); }));
  CHECK_FALSE(inbox.park(waiter, [&] { return flights.wait(id, waiter); }));
  inbox.end_waits();
  CHECK(inbox.take_ready() == &waiter);
}

TEST_CASE("P2: an attempt that has claimed does not claim again") {
  const BreachesSurvive survive;
  Line line;
  exec::Sabotage attempt(line.pipeline);
  attempt.prove();
  attempt.commit();
  CHECK_THROWS_WITH(attempt.claim_again(), Contains("P2"));
  REQUIRE(line.pipeline.poison().broken() != nullptr);
}

TEST_CASE("P3: a claim whose handler was entered does not enter it again, and is in doubt") {
  const BreachesSurvive survive;
  Line line;
  exec::Sabotage attempt(line.pipeline);
  attempt.prove();
  attempt.commit();
  attempt.call_handler();
  REQUIRE(*line.calls == 1);
  attempt.call_handler();
  CHECK(*line.calls == 1);
  CHECK(attempt.attempt.ended->verdict == Verdict::in_doubt);
  REQUIRE(line.pipeline.poison().broken() != nullptr);
  CHECK(std::string(line.pipeline.poison().broken()->text).find("P3") == 0);
}

TEST_CASE("P4: an attempt that was answered has no second end") {
  const BreachesSurvive survive;
  Line line;
  exec::Sabotage attempt(line.pipeline);
  attempt.prove();
  attempt.commit();
  attempt.call_handler();
  attempt.commit();
  REQUIRE(attempt.attempt.outcome);
  const auto before = line.ledger->size().value();
  attempt.end_again();
  CHECK(line.ledger->size().value() == before);
  REQUIRE(line.pipeline.poison().broken() != nullptr);
  CHECK(std::string(line.pipeline.poison().broken()->text).find("P4") == 0);
}
