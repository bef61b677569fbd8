// SPDX-License-Identifier: Apache-2.0
// Every code of the table, reached through C.
#include <functional>
#include <future>
#include <map>
#include <openexec/ledger.hpp>
#include <openexec/status.hpp>
#include <thread>

#include "c.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "table_of.hpp"

using namespace openexec::test::c;

namespace {

using Scenario = std::function<openexec_code(Outcome&)>;

/// A scripted verifier with the answer `code`.
Scenario refused_by_verifier(openexec_code code) {
  return [code](Outcome& outcome) {
    Handler handler;
    Verifier verifier;
    verifier.says = code;
    const Config config = demo_config();
    handler.add_to(config);
    verifier.set_on(config);
    const Executor executor = assemble(config);
    const openexec_code answer = execute(executor, request("n-1", "{}", "echo", R"({"a":1})"), outcome);
    CHECK(handler.calls == 0);
    return answer;
  };
}

/// A clock that was two hours ahead at one request, and a person who then confirms it.
openexec_code under_a_clock_that_jumped(Outcome& outcome) {
  struct Time {
    std::atomic<int64_t> now_us{1'772'366'400'000'000};
  } time;
  openexec_clock_table clock{};
  clock.size = sizeof clock;
  clock.self = &time;
  clock.now_us = [](void* self) { return static_cast<Time*>(self)->now_us.load(); };
  clock.monotonic_ns = [](void*) { return int64_t{0}; };
  Handler handler;
  Verifier verifier;
  const Config config = demo_config();
  handler.add_to(config);
  verifier.set_on(config);
  REQUIRE(openexec_config_set_clock(config, &clock, nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  time.now_us += 7'200'000'000;
  const openexec_request asked = request("n-1", "{}", "echo", R"({"a":1})");
  const openexec_code answer = execute(executor, asked, outcome);
  CHECK(openexec_executor_ready(executor, nullptr) == OPENEXEC_CLOCK_SUSPECT);
  openexec_order order{};
  order.size = sizeof order;
  order.control = OPENEXEC_CONTROL_CONFIRM_CLOCK;
  order.active = 1;
  order.who = str("alice");
  order.why = str("it was late");
  CHECK(openexec_executor_order(executor, &order, nullptr, nullptr) == OPENEXEC_OK);
  CHECK(handler.calls == 0);
  Outcome later;
  CHECK(execute(executor, asked, later) == OPENEXEC_OK);
  return answer;
}

/// A handler that does `run`.
Scenario handled(Handler::Run run) {
  return [run](Outcome& outcome) {
    Handler handler(run);
    const Config config = demo_config();
    handler.add_to(config);
    const Executor executor = assemble(config);
    return execute(executor, request("n-1"), outcome);
  };
}

/// `second` is called while a handler runs under nonce "n-1".
Scenario beside_a_running_one(std::function<openexec_code(openexec_executor*, Outcome&)> second,
                              std::uint32_t in_flight) {
  return [second, in_flight](Outcome& outcome) {
    std::promise<void> entered;
    std::promise<void> leave;
    Handler handler([&](const openexec_invocation&, openexec_sink* result, openexec_sink*) {
      entered.set_value();
      leave.get_future().wait();
      openexec_sink_write(result, str("1"));
      return openexec_answer{OPENEXEC_ANSWER_RESULT};
    });
    const Config config = demo_config();
    handler.add_to(config);
    REQUIRE(openexec_config_set_limit(config, OPENEXEC_LIMIT_IN_FLIGHT, in_flight, nullptr) == OPENEXEC_OK);
    const Executor executor = assemble(config);
    openexec_code first = -1;
    std::thread other([&] { first = execute(executor, request("n-1")); });
    entered.get_future().wait();
    const openexec_code answer = second(executor, outcome);
    leave.set_value();
    other.join();
    CHECK(first == OPENEXEC_OK);
    CHECK(handler.calls == 1);
    return answer;
  };
}

Scenario with_echo(std::function<openexec_code(const openexec_config*, openexec_executor*, Outcome&)> act) {
  return [act](Outcome& outcome) {
    Handler handler;
    const Config config = demo_config();
    handler.add_to(config);
    handler.add_to(config, "other");
    const openexec_str allowed[] = {str("echo"), str("nobody_handles_it")};
    REQUIRE(openexec_config_set_allowed_actions(config, allowed, 2, nullptr) == OPENEXEC_OK);
    const Executor executor = assemble(config);
    return act(config, executor, outcome);
  };
}

const std::map<openexec_code, Scenario> scenarios{
    {OPENEXEC_OK, with_echo([](auto*, auto* executor, Outcome& o) { return execute(executor, request("n-1"), o); })},
    {OPENEXEC_MALFORMED_REQUEST,
     with_echo([](auto*, auto* executor, Outcome& o) { return execute(executor, request("n-1", "[1]"), o); })},
    {OPENEXEC_OVERLOADED,
     beside_a_running_one([](auto* executor, Outcome& o) { return execute(executor, request("n-2"), o); }, 1)},
    {OPENEXEC_HALTED, with_echo([](auto*, auto* executor, Outcome& o) {
       CHECK(openexec_executor_halted(executor) == 0);
       REQUIRE(openexec_executor_halt(executor, nullptr) == OPENEXEC_OK);
       CHECK(openexec_executor_halted(executor) == 1);
       CHECK(openexec_executor_ready(executor, nullptr) == OPENEXEC_HALTED);
       const openexec_code code = execute(executor, request("n-1"), o);
       Outcome later;
       REQUIRE(openexec_executor_resume(executor, nullptr) == OPENEXEC_OK);
       CHECK(openexec_executor_ready(executor, nullptr) == OPENEXEC_OK);
       CHECK(execute(executor, request("n-1"), later) == OPENEXEC_OK);
       return code;
     })},
    {OPENEXEC_IN_PROGRESS, beside_a_running_one(
                               [](auto* executor, Outcome& o) {
                                 const openexec_call_options options{sizeof options, -1, nullptr, {}};
                                 const openexec_request same = request("n-1");
                                 return openexec_executor_execute(executor, &same, &options, o.out(), nullptr);
                               },
                               2)},
    {OPENEXEC_IN_DOUBT, handled([](auto&, auto*, auto*) { return openexec_answer{0}; })},
    {OPENEXEC_ACTION_NOT_ALLOWED,
     with_echo([](auto*, auto* executor, Outcome& o) { return execute(executor, request("n-1", "{}", "other"), o); })},
    {OPENEXEC_UNKNOWN_ACTION, with_echo([](auto*, auto* executor, Outcome& o) {
       return execute(executor, request("n-1", "{}", "nobody_handles_it"), o);
     })},
    {OPENEXEC_PAYLOAD_SCHEMA,
     [](Outcome& outcome) {
       Handler handler;
       const Config config = demo_config();
       openexec_handler_table row = handler.table();
       const std::string schema = R"({"required":["to"]})";
       row.payload_schema = str(schema);
       REQUIRE(openexec_config_add_handler(config, str("echo"), &row, nullptr) == OPENEXEC_OK);
       const Executor executor = assemble(config);
       const openexec_code code = execute(executor, request("n-1"), outcome);
       CHECK(handler.calls == 0);
       CHECK(text(openexec_outcome_detail(outcome)).find("/to is missing") != std::string::npos);
       Outcome later;
       CHECK(execute(executor, request("n-1", R"({"to":"ada"})"), later) == OPENEXEC_OK);
       return code;
     }},
    {OPENEXEC_APPROVAL_MISSING, refused_by_verifier(OPENEXEC_APPROVAL_MISSING)},
    {OPENEXEC_APPROVAL_MALFORMED, refused_by_verifier(OPENEXEC_APPROVAL_MALFORMED)},
    {OPENEXEC_APPROVAL_KEY_MISSING, refused_by_verifier(OPENEXEC_APPROVAL_KEY_MISSING)},
    {OPENEXEC_APPROVAL_HASH_MISMATCH, refused_by_verifier(OPENEXEC_APPROVAL_HASH_MISMATCH)},
    {OPENEXEC_APPROVAL_TENANT_MISMATCH, refused_by_verifier(OPENEXEC_APPROVAL_TENANT_MISMATCH)},
    {OPENEXEC_CLOCK_SUSPECT, under_a_clock_that_jumped},
    {OPENEXEC_APPROVAL_EXPIRED, refused_by_verifier(OPENEXEC_APPROVAL_EXPIRED)},
    {OPENEXEC_APPROVAL_NOT_YET_VALID, refused_by_verifier(OPENEXEC_APPROVAL_NOT_YET_VALID)},
    {OPENEXEC_APPROVAL_SIGNATURE_INVALID, refused_by_verifier(OPENEXEC_APPROVAL_SIGNATURE_INVALID)},
    {OPENEXEC_APPROVAL_THRESHOLD, refused_by_verifier(OPENEXEC_APPROVAL_THRESHOLD)},
    {OPENEXEC_APPROVAL_POLICY_MISMATCH, refused_by_verifier(OPENEXEC_APPROVAL_POLICY_MISMATCH)},
    {OPENEXEC_APPROVAL_AUDIENCE_MISMATCH, refused_by_verifier(OPENEXEC_APPROVAL_AUDIENCE_MISMATCH)},
    {OPENEXEC_APPROVAL_CONSTRAINT, refused_by_verifier(OPENEXEC_APPROVAL_CONSTRAINT)},
    {OPENEXEC_APPROVAL_KEY_REVOKED, refused_by_verifier(OPENEXEC_APPROVAL_KEY_REVOKED)},
    {OPENEXEC_NONCE_CONFLICT, with_echo([](auto*, auto* executor, Outcome& o) {
       CHECK(execute(executor, request("n-1"), o) == OPENEXEC_OK);
       return execute(executor, request("n-1", R"({"a":1})"), o);
     })},
    {OPENEXEC_APPROVAL_SPENT,
     [](Outcome& outcome) {
       Handler handler;
       Verifier verifier;
       const Config config = demo_config();
       handler.add_to(config);
       verifier.set_on(config);
       const Executor executor = assemble(config);
       CHECK(execute(executor, request("n-1", "{}", "echo", R"({"a":1})"), outcome) == OPENEXEC_OK);
       return execute(executor, request("n-2", "{}", "echo", R"({"a":1})"), outcome);
     }},
    {OPENEXEC_STORE_FAILED,
     [](Outcome& outcome) {
       Handler handler;
       Store store(std::make_shared<openexec::test::SteppedStore>(openexec::memory_ledger(), [](auto step) {
         using openexec::test::Step;
         return step == Step::before_claim ? std::optional(openexec::Status(openexec::Code::store_failed, "disk full"))
                                           : std::nullopt;
       }));
       const Config config = demo_config();
       handler.add_to(config);
       store.set_on(config);
       const Executor executor = assemble(config);
       const openexec_code code = execute(executor, request("n-1"), outcome);
       CHECK(handler.calls == 0);
       CHECK(text(openexec_outcome_detail(outcome)).find("disk full") != std::string::npos);
       return code;
     }},
    {OPENEXEC_HANDLER_FAILED, handled([](auto&, auto*, openexec_sink* detail) {
       openexec_sink_write(detail, str("no such mailbox"));
       return openexec_answer{OPENEXEC_ANSWER_FAILED};
     })},
};

}  // namespace

TEST_CASE("Every code of the table is reached through C, and its outcome carries what the table says") {
  for (const openexec::CodeInfo& row : openexec::all_codes()) {
    const auto code = static_cast<openexec_code>(row.code);
    INFO("code " << row.name);
    CHECK(text(openexec_code_name(code)) == row.name);
    CHECK(openexec_code_http(code) == row.http);
    openexec_code back = -1;
    CHECK(openexec_code_from_name(str(row.name), &back, nullptr) == OPENEXEC_OK);
    CHECK(back == code);
    if (row.code == openexec::Code::invalid_argument || row.code == openexec::Code::unsupported_abi)
      continue;                                                // misuse_test
    if (row.code == openexec::Code::result_invalid) continue;  // told by ledgers of earlier versions alone

    Outcome outcome;
    REQUIRE(scenarios.count(code) == 1);
    CHECK(scenarios.at(code)(outcome) == code);
    REQUIRE(outcome != nullptr);
    CHECK(openexec_outcome_code(outcome) == code);
    CHECK((openexec_outcome_http(outcome) == row.http || code == OPENEXEC_MALFORMED_REQUEST));
    if (code == OPENEXEC_OK) {
      CHECK(text(openexec_outcome_result(outcome)) == "{\"echo\": {}}");
      CHECK(openexec_outcome_detail(outcome).size == 0);
    } else {
      CHECK(text(openexec_outcome_result(outcome)) == "{\"error\": \"" + std::string(row.name) + "\"}");
      CHECK(openexec_outcome_detail(outcome).size != 0);
    }
    CHECK(openexec_verify_receipt(openexec_outcome_exec_id(outcome), openexec_outcome_result(outcome),
                                  openexec_outcome_receipt(outcome), nullptr) == OPENEXEC_OK);
  }
}

TEST_CASE("A number that is not in the table has a name, a status and a kind that permit nothing") {
  for (const openexec_code code : {-1, 1, 99, 109, 999, INT32_MIN, INT32_MAX}) {
    CHECK(text(openexec_code_name(code)) == "unknown");
    CHECK(openexec_code_http(code) == 500);
    CHECK(openexec_code_kind(code) != OPENEXEC_KIND_OK);
  }
  CHECK(openexec_code_kind(OPENEXEC_OK) == OPENEXEC_KIND_OK);
  CHECK(openexec_code_kind(OPENEXEC_APPROVAL_SPENT) == OPENEXEC_KIND_REFUSED);
  CHECK(openexec_code_kind(OPENEXEC_IN_DOUBT) == OPENEXEC_KIND_DOUBT);
  CHECK(openexec_code_kind(OPENEXEC_STORE_FAILED) == OPENEXEC_KIND_FAULT);
  CHECK(openexec_code_kind(OPENEXEC_UNSUPPORTED_ABI) == OPENEXEC_KIND_MISUSE);
  CHECK(text(openexec_verdict_name(OPENEXEC_VERDICT_IN_DOUBT)) == "in_doubt");
  CHECK(text(openexec_verdict_name(OPENEXEC_VERDICT_CONTROL)) == "control");
  CHECK(text(openexec_verdict_name(7)) == "unknown");
  CHECK(text(openexec_verdict_name(256)) == "unknown");
  CHECK(text(openexec_effect_name(OPENEXEC_EFFECT_CONFIRMED)) == "confirmed");
  CHECK(text(openexec_effect_name(-1)) == "unknown");
}

TEST_CASE("A handler's three answers, and nothing else, decide what became of the action") {
  struct Case {
    openexec_answer answer;
    openexec_code code;
    openexec_verdict verdict;
    openexec_effect effect;
  };
  const Case cases[] = {
      {OPENEXEC_ANSWER_RESULT, OPENEXEC_OK, OPENEXEC_VERDICT_EXECUTED, OPENEXEC_EFFECT_CONFIRMED},
      {OPENEXEC_ANSWER_FAILED, OPENEXEC_HANDLER_FAILED, OPENEXEC_VERDICT_FAILED, OPENEXEC_EFFECT_UNKNOWN},
      {OPENEXEC_ANSWER_FAILED_NO_EFFECT, OPENEXEC_HANDLER_FAILED, OPENEXEC_VERDICT_FAILED, OPENEXEC_EFFECT_NONE},
      {OPENEXEC_ANSWER_IN_DOUBT, OPENEXEC_IN_DOUBT, OPENEXEC_VERDICT_IN_DOUBT, OPENEXEC_EFFECT_UNKNOWN},
      {0, OPENEXEC_IN_DOUBT, OPENEXEC_VERDICT_IN_DOUBT, OPENEXEC_EFFECT_UNKNOWN},
      {5, OPENEXEC_IN_DOUBT, OPENEXEC_VERDICT_IN_DOUBT, OPENEXEC_EFFECT_UNKNOWN},
      {-1, OPENEXEC_IN_DOUBT, OPENEXEC_VERDICT_IN_DOUBT, OPENEXEC_EFFECT_UNKNOWN},
      {257, OPENEXEC_IN_DOUBT, OPENEXEC_VERDICT_IN_DOUBT, OPENEXEC_EFFECT_UNKNOWN},
  };
  for (const Case& expected : cases) {
    INFO("answer " << expected.answer);
    Handler handler([&](const openexec_invocation&, openexec_sink* result, openexec_sink*) {
      openexec_sink_write(result, str("1"));
      return expected.answer;
    });
    const Config config = demo_config();
    handler.add_to(config);
    const Executor executor = assemble(config);
    Outcome outcome;
    Outcome again;
    CHECK(execute(executor, request("n-1"), outcome) == expected.code);
    CHECK(openexec_outcome_verdict(outcome) == expected.verdict);
    CHECK(openexec_outcome_effect(outcome) == expected.effect);
    CHECK(openexec_outcome_replayed(outcome) == 0);
    CHECK(execute(executor, request("n-1"), again) == expected.code);
    CHECK(openexec_outcome_replayed(again) == 1);
    CHECK(text(openexec_outcome_receipt(again)) == text(openexec_outcome_receipt(outcome)));
    CHECK(handler.calls == 1);
  }
}
