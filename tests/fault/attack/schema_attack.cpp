// SPDX-License-Identifier: Apache-2.0
// Payloads and schemas that are made to cost: each check ends within its budget, and what exceeds it is refused.
#include <openexec/openexec.hpp>

#include <pthread.h>

#include <string>

#include "conformance/suite.hpp"
#include "schema/pattern.hpp"
#include "schema/schema.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

std::shared_ptr<const PayloadSchema> compiled(std::string_view text) {
  return test::must(PayloadSchema::compile(text), "the schema");
}

std::string repeated(std::string_view part, int count, std::string_view between = "") {
  std::string out;
  for (int i = 0; i < count; ++i) out.append(i == 0 ? "" : between).append(part);
  return out;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t small_stack = std::size_t{4} << 20;  // a sanitizer's frames are larger
#else
constexpr std::size_t small_stack = std::size_t{256} << 10;
#endif

/// Checks on a thread that has as little stack as hosts give to threads.
Status on_small_stack(const PayloadSchema& schema, const std::string& payload) {
  struct Call {
    const PayloadSchema& schema;
    const std::string& payload;
    Status answer;
  } call{schema, payload, Status::success()};
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, small_stack) == 0);
  pthread_t thread{};
  const auto run = [](void* argument) -> void* {
    auto& mine = *static_cast<Call*>(argument);
    mine.answer = mine.schema.check(mine.payload);
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, run, &call) == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
  return call.answer;
}

/// The budget's own refusal, as opposed to one by a keyword.
bool is_exhausted(const Status& status) {
  return status.code() == Code::payload_schema &&
         status.detail().find("takes more than 1000000 steps") != std::string::npos;
}

}  // namespace

TEST_CASE("alternatives that multiply with each level do not hold up a check") {
  // Each level tries both branches, and only the innermost value tells that none fits: 2^60 without a bound.
  const auto schema = compiled(R"({"anyOf":[{"required":["a"],"properties":{"a":{"$ref":"#"}}},
                                            {"properties":{"a":{"$ref":"#"}},"required":["a"]}]})");
  CHECK(is_exhausted(schema->check(repeated(R"({"a":)", 60) + "{}" + std::string(60, '}'))));
  const auto exactly_one = compiled(R"({"properties":{"a":{"oneOf":[{"$ref":"#"},{"$ref":"#"},{"$ref":"#"}]}}})");
  CHECK(is_exhausted(exactly_one->check(repeated(R"({"a":)", 60) + "{}" + std::string(60, '}'))));
}

TEST_CASE("an exhausted check is refused even where a no would have been a yes") {
  const auto schema = compiled(R"({"not":{"$ref":"#/$defs/deep"},"$defs":{"deep":{"anyOf":[
    {"required":["a"],"properties":{"a":{"$ref":"#/$defs/deep"}}},
    {"required":["a"],"properties":{"a":{"$ref":"#/$defs/deep"}}}]}}})");
  CHECK(is_exhausted(schema->check(repeated(R"({"a":)", 60) + "{}" + std::string(60, '}'))));
}

TEST_CASE("recursion ends at the bound of levels, and not at the end of the stack") {
  std::string chain;
  for (int i = 0; i < 60; ++i) chain += "{\"allOf\":[";
  const auto schema = compiled(R"({"properties":{"a":)" + chain + R"({"$ref":"#"})" + repeated("]}", 60) + "}}");
  CHECK(schema->check(repeated(R"({"a":)", 3) + "{}" + std::string(3, '}')).ok());
  const std::string deep = repeated(R"({"a":)", 100) + "{}" + std::string(100, '}');
  CHECK(is_exhausted(schema->check(deep)));
  // As many levels as the parse lets through, of a schema that refers to itself: the common kind of recursion.
  const auto list =
      compiled(R"({"$ref":"#/$defs/list","$defs":{"list":{"properties":{"a":{"$ref":"#/$defs/list"}}}}})");
  CHECK(list->check(repeated(R"({"a":)", 126) + "{}" + std::string(126, '}')).ok());
  CHECK(is_exhausted(on_small_stack(*schema, deep)));
}

TEST_CASE("equal items, choices and names are compared within the budget") {
  const std::string same = "\"" + std::string(4000, 'x') + "\"";
  const std::string many = R"({"a":[)" + repeated(same, 240, ",") + "]}";
  CHECK(compiled(R"({"properties":{"a":{"uniqueItems":true}}})")->check(many).code() == Code::payload_schema);
  std::string each = R"({"properties":{"a":{"allOf":[)" + repeated(R"({"enum":[1]})", 400, ",") + "]}}}";
  std::string none = R"({"properties":{"a":{"allOf":[)" + repeated(R"({"not":{"enum":[1]}})", 400, ",") + "]}}}";
  CHECK(compiled(each)->check(many).code() == Code::payload_schema);
  CHECK(is_exhausted(compiled(none)->check(many)));
  std::string members;
  for (int i = 0; i < 60'000; ++i) members += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":0";
  CHECK(is_exhausted(compiled(R"({"allOf":[)" + repeated(R"({"propertyNames":{"minLength":1}})", 40, ",") + "]}")
                         ->check("{" + members + "}")));
}

TEST_CASE("an expression that others take for ever over is matched in linear time, and counted") {
  if (!schema::has_patterns()) {
    WARN("this build has no regular expressions");
    return;
  }
  const auto schema = compiled(R"({"properties":{"a":{"pattern":"^(a+)+$"}}})");
  CHECK(schema->check(R"({"a":")" + std::string(100'000, 'a') + R"(!"})").code() == Code::payload_schema);
  const auto large = compiled(R"({"properties":{"a":{"pattern":"x{1,900}y"}}})");
  CHECK(is_exhausted(large->check(R"({"a":")" + std::string(900'000, 'x') + R"("})")));
}

TEST_CASE("a large honest payload is checked well within the budget") {
  const auto schema = compiled(R"({"properties":{"lines":{"type":"array","items":{"type":"object",
    "properties":{"id":{"type":"integer","minimum":0},"text":{"type":"string","maxLength":100}},
    "required":["id","text"],"additionalProperties":false}}}})");
  CHECK(schema->check(R"({"lines":[)" + repeated(R"({"id":17,"text":"a line of some length"})", 20'000, ",") + "]}")
            .ok());
}

TEST_CASE("a payload that does not fit spends neither nonce nor approval, and enters no handler") {
  const auto calls = std::make_shared<std::atomic<int>>(0);
  HandlerTable table;
  const auto run = [calls](const Invocation&) {
    ++*calls;
    return HandlerResult::result("{}");
  };
  REQUIRE(table
              .add("pay",
                   HandlerTable::Row{
                       .run = run, .reconcile = nullptr, .schema = compiled(R"({"required":["amount"],"properties":{
                                               "amount":{"type":"integer","maximum":100}}})")})
              .ok());
  const auto ledger = memory_ledger();
  const auto verifier = std::make_shared<ScriptedVerifier>();
  Executor executor = assemble(
      {.store = ledger, .log = nullptr, .verifier = verifier, .hasher = nullptr, .clock = nullptr}, std::move(table));
  const auto ask = [&](std::string_view payload, std::string_view artifact = R"({"id":"a"})",
                       std::string_view action = "pay") {
    return executor.execute({.action = action, .payload = payload, .nonce = "n-1", .approval_artifact = artifact});
  };
  const Outcome refused = ask(R"({"amount":1000})");
  CHECK(refused.code == Code::payload_schema);
  CHECK(refused.http == 422);
  CHECK(refused.verdict == Verdict::refused);
  CHECK(refused.effect == Effect::none);
  CHECK(refused.detail == "payload: /amount does not satisfy \"maximum\" of the action's schema");
  CHECK(refused.result == R"({"error": "payload_schema"})");
  CHECK(refused.entry.find("payload_schema") != std::string::npos);
  CHECK(ask(R"({"amount":1000})", "").code == Code::payload_schema);  // before the approval is looked at
  CHECK(ask("").code == Code::payload_schema);                        // {} has no amount
  CHECK(ask(R"({"amount":1000})", "", "pay2").code == Code::unknown_action);
  CHECK(*calls == 0);

  CHECK(ask(R"({"amount":100})").ok());  // the same nonce and approval
  CHECK(ask(R"({"amount":100})").replayed);
  CHECK(*calls == 1);
  executor.halt({.who = "test", .why = "test", .tenant = {}});
  CHECK(ask(R"({"amount":1000})").code == Code::halted);
}

TEST_CASE("what ran before its action had a schema is told again, and not judged by it") {
  const auto ledger = memory_ledger();
  const auto house = [&](std::shared_ptr<const PayloadSchema> schema) {
    HandlerTable table;
    REQUIRE(table
                .add("pay", HandlerTable::Row{.run = [](const Invocation&) { return HandlerResult::result("1"); },
                                              .reconcile = nullptr,
                                              .schema = std::move(schema)})
                .ok());
    return assemble({.store = ledger,
                     .log = nullptr,
                     .verifier = std::make_shared<ScriptedVerifier>(),
                     .hasher = nullptr,
                     .clock = nullptr},
                    std::move(table));
  };
  const Request request{
      .action = "pay", .payload = R"({"amount":1})", .nonce = "n", .approval_artifact = R"({"id":"a"})"};
  const Outcome first = house(nullptr).execute(request);
  REQUIRE(first.ok());
  Executor later = house(compiled(R"({"required":["currency"]})"));
  const Outcome again = later.execute(request);
  CHECK(again.replayed);
  CHECK(again.receipt == first.receipt);
  const Outcome other = later.execute(
      {.action = "pay", .payload = R"({"amount":2})", .nonce = "n", .approval_artifact = R"({"id":"a"})"});
  CHECK(other.code == Code::payload_schema);  // a used nonce tells nothing more than an unused one
}

TEST_CASE("a further attempt passes the schema of its time, and opens nothing where it does not") {
  const auto ledger = memory_ledger();
  const auto calls = std::make_shared<std::atomic<int>>(0);
  const auto house = [&](std::shared_ptr<const PayloadSchema> schema) {
    HandlerTable table;
    HandlerTable::Row row{[calls](const Invocation&) {
                            return ++*calls == 1 ? HandlerResult::failed("busy", Effect::none)
                                                 : HandlerResult::result("1");
                          },
                          nullptr};
    row.retry_none = 3;
    row.schema = std::move(schema);
    REQUIRE(table.add("pay", std::move(row)).ok());
    return assemble({.store = ledger,
                     .log = nullptr,
                     .verifier = std::make_shared<ScriptedVerifier>(),
                     .hasher = nullptr,
                     .clock = nullptr},
                    std::move(table));
  };
  const Request request{
      .action = "pay", .payload = R"({"amount":1})", .nonce = "n", .approval_artifact = R"({"id":"a"})"};
  CHECK(house(nullptr).execute(request).code == Code::handler_failed);
  CHECK_FALSE(house(compiled(R"({"required":["currency"]})")).execute(request).ok());
  CHECK(*calls == 1);
  CHECK(house(compiled(R"({"required":["amount"]})")).execute(request).ok());
  CHECK(*calls == 2);
}
