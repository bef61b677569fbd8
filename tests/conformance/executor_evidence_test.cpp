// SPDX-License-Identifier: Apache-2.0
// What an executor writes, and what an auditor reads: one and the same.
#include <memory>
#include <openexec/openexec.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/evidence.hpp"
#include "support/parts.hpp"

using namespace openexec;

namespace {

struct Attempt {
  Request request;
  Outcome outcome;
};

/// An executor that lived through everything, and the ledger that it left.
struct Life {
  std::shared_ptr<Ledger> ledger = memory_ledger();
  std::vector<Attempt> attempts;

  Life() {
    HandlerTable table = test::echo_table();
    REQUIRE(table.add("fails", [](const Invocation&) { return HandlerResult::failed("no", Effect::none); }).ok());
    REQUIRE(table.add("loses", [](const Invocation&) -> HandlerResult { throw std::runtime_error("lost"); }).ok());
    REQUIRE(table.add("babbles", [](const Invocation&) { return HandlerResult::result("{"); }).ok());
    auto clock = std::make_shared<test::SetClock>(1'772'366'400'000'000);
    Config config{.tenant = "acme", .executor = "executor \u00e9", .allowed_actions = {}, .limits = {}};
    config.limits.max_refusals_per_second = 6;
    Executor executor = test::assemble({.store = ledger,
                                        .log = nullptr,
                                        .verifier = std::make_shared<test::ScriptedVerifier>(),
                                        .hasher = nullptr,
                                        .clock = clock},
                                       std::move(table), config);
    const auto run = [&](const Request& request) { attempts.push_back({request, executor.execute(request)}); };
    const Request echo{"echo", R"({ "n": 1.0, "s": "\u00e9" })", "n-1", R"({"id":"a-1"})"};
    run(echo);
    run(echo);                                                     // replayed
    run({"echo", "{\"n\":2}", "n-1", R"({"id":"a-2"})"});          // nonce_conflict
    run({"echo", "\"{\\\"n\\\":3}\"", "n-2", R"({"id":"a-3"})"});  // a payload that is a string
    run({"fails", "null", "n-3", R"({"id":"a-4"})"});
    run({"loses", "{}", "n-4", R"({"id":"a-5"})"});
    run({"babbles", "", "n-5", R"({"id":"a-6"})"});
    run({"echo", "{}", "n-6", {}});                                 // approval_missing
    run({"nobody", "{}", "n-7", R"({"id":"a-7"})"});                // unknown_action
    run({"echo", "{", "n-8", {}});                                  // malformed
    run({"no action", "{}", "n-9", {}});                            // malformed
    for (int i = 0; i < 5; ++i) run({"nobody", "{}", "n-10", {}});  // some of them suppressed
    clock->set(1'772'366'402'000'000);
    run({"nobody", "{}", "n-11", {}});
  }
};

}  // namespace

TEST_CASE("Every entry that an executor writes reads back, whatever its verdict") {
  const Life life;
  const auto lines = life.ledger->read(0, 100).value();
  std::vector<bool> seen(256);
  for (const LogLine& line : lines) {
    INFO(line.json);
    const auto entry = Entry::from_json(line.json);
    REQUIRE(entry.ok());
    CHECK(entry->to_json() == line.json);
    seen[static_cast<std::size_t>(entry->verdict)] = true;
  }
  for (const Verdict verdict : {Verdict::refused, Verdict::executed, Verdict::failed, Verdict::replayed,
                                Verdict::in_doubt, Verdict::suppressed})
    CHECK(seen[static_cast<std::size_t>(verdict)]);
}

TEST_CASE("What a caller sent and was answered is what the entry names, and nobody else's is") {
  const Life life;
  test::SignedLog log;
  const auto lines = life.ledger->read(0, 100).value();
  for (const LogLine& line : lines) log.append(line.json);
  const std::string checkpoint = log.checkpoint({"w1"});
  const std::string key = test::vkey_of_log(), policy = test::policy_of("all", {"w1"});
  std::size_t verified = 0;
  for (const Attempt& attempt : life.attempts) {
    const Outcome& outcome = attempt.outcome;
    if (outcome.code == Code::overloaded) continue;  // counted, without an entry
    REQUIRE(outcome.entry_index.has_value());
    INFO(outcome.entry);
    const std::string proof = log.proof(*outcome.entry_index, checkpoint).write().value();
    const bool read = !outcome.exec_id.empty();
    const bool has_result = outcome.verdict == Verdict::executed || outcome.verdict == Verdict::replayed;
    EvidenceHeld held{.tenant = "acme", .receipt = outcome.receipt};
    if (read) {
      held.exec_id = outcome.exec_id;
      held.action = attempt.request.action;
      held.nonce = attempt.request.nonce;
      held.payload = attempt.request.payload;
      if (!attempt.request.approval_artifact.empty()) held.approval = attempt.request.approval_artifact;
    }
    if (has_result) held.result = outcome.result;
    const auto report = verify_evidence(proof, {.log_key = key, .policy = policy}, held);
    REQUIRE(report.ok());
    INFO(name(report->step) << ": " << report->at(report->step).detail);
    CHECK(report->verdict == EvidenceVerdict::pass);

    if (read) {
      held.payload = "{\"n\":\"another\"}";
      CHECK(verify_evidence(proof, {.log_key = key, .policy = policy}, held)->verdict == EvidenceVerdict::fail);
    }
    ++verified;
  }
  CHECK(verified >= 12);
}
