// SPDX-License-Identifier: Apache-2.0
// The promises of executor.hpp, one at a time.
#include <openexec/openexec.hpp>

#include <thread>

#include "canon/json.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

constexpr std::int64_t noon = 1'772'366'400'000'000;  // 2026-03-01T12:00:00Z

/// An executor in memory, with everything within reach.
struct House {
  explicit House(Config config = {}, HandlerTable table = {}, std::shared_ptr<const Verifier> with = nullptr) {
    if (table.empty()) table = echo_table(calls);
    verifier = std::make_shared<ScriptedVerifier>();
    Parts parts{.store = ledger, .log = nullptr, .verifier = with ? with : verifier, .hasher = nullptr, .clock = clock};
    executor.emplace(assemble(std::move(parts), std::move(table), std::move(config)));
  }
  Outcome run(std::string_view nonce, std::string_view payload = R"({"msg":"hi"})",
              std::string_view artifact = R"({"id":"a-1"})", std::string_view action = "echo") {
    return executor->execute({.action = action, .payload = payload, .nonce = nonce, .approval_artifact = artifact});
  }
  [[nodiscard]] std::uint64_t entries() const { return executor->log().size().value(); }
  [[nodiscard]] std::string last_entry() const { return executor->log().read(entries() - 1, 1).value().at(0).json; }

  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  std::shared_ptr<Ledger> ledger = memory_ledger();
  std::shared_ptr<SetClock> clock = std::make_shared<SetClock>(noon);
  std::shared_ptr<ScriptedVerifier> verifier;
  std::optional<Executor> executor;
};

HandlerTable table_of(Handler handler, Reconcile reconcile = nullptr) {
  HandlerTable table;
  REQUIRE(table.add("act", HandlerTable::Row{std::move(handler), std::move(reconcile)}).ok());
  return table;
}

std::string member(const std::string& entry, std::string_view key) {
  const auto document = canon::parse(entry);
  REQUIRE(document.ok());
  const auto value = document->root().find(key);
  REQUIRE(value.has_value());
  return canon::jcs(*value);
}

}  // namespace

TEST_CASE("an approved request runs once, and its receipt covers exec_id and result") {
  House house;
  const Outcome outcome = house.run("n-1");
  CHECK(outcome.code == Code::ok);
  CHECK(outcome.ok());
  CHECK(outcome.http == 200);
  CHECK(outcome.verdict == Verdict::executed);
  CHECK(outcome.effect == Effect::confirmed);
  CHECK_FALSE(outcome.replayed);
  CHECK(outcome.result == R"({"echo": {"msg": "hi"}})");
  CHECK(verify_receipt(outcome.exec_id, outcome.result, outcome.receipt).ok());
  CHECK(*house.calls == 1);
  CHECK(outcome.entry_index == 0U);
  CHECK(outcome.entry == house.last_entry());
  CHECK(member(outcome.entry, "approval").find(R"("id":"{\"id\":\"a-1\"}","keys":["key-1"],"profile":"scripted")") !=
        std::string::npos);
  CHECK(member(outcome.entry, "verdict") == "\"executed\"");
  CHECK(member(outcome.entry, "prior") == "null");
}

TEST_CASE("a replay answers the original id, result and receipt, and never enters the handler") {
  House house;
  const Outcome first = house.run("n-1");
  const Outcome again = house.run("n-1");
  CHECK(again.code == Code::ok);
  CHECK(again.replayed);
  CHECK(again.verdict == Verdict::replayed);
  CHECK(again.exec_id == first.exec_id);
  CHECK(again.result == first.result);
  CHECK(again.receipt == first.receipt);
  CHECK(*house.calls == 1);
  CHECK(member(again.entry, "prior") == "0");
  CHECK(member(again.entry, "result_hash") == member(first.entry, "result_hash"));
}

TEST_CASE("the artifact that was spent still replays after it expired; another one does not") {
  House house;
  const Outcome first = house.run("n-1");
  house.verifier->say(Code::approval_expired);
  CHECK(house.run("n-1").code == Code::ok);
  CHECK(house.run("n-1").receipt == first.receipt);
  CHECK(house.run("n-1", R"({"msg":"hi"})", R"({"id":"other"})").code == Code::approval_expired);
}

TEST_CASE("a guessed nonce without an approval gets the answer of an unused one") {
  House house;
  REQUIRE(house.run("used").ok());
  const Outcome used = house.run("used", R"({"msg":"hi"})", "");
  const Outcome unused = house.run("unused", R"({"msg":"hi"})", "");
  CHECK(used.code == Code::approval_missing);
  CHECK(used.code == unused.code);
  CHECK(used.detail == unused.detail);
  CHECK(used.result == unused.result);
  CHECK(used.http == unused.http);
  CHECK(used.replayed == unused.replayed);
  CHECK(house.run("used", R"({"msg":"other"})", "").code == Code::approval_missing);
}

TEST_CASE("one approval executes at most once, whatever the nonce") {
  House house({.tenant = "default",
               .executor = "openexec",
               .allowed_actions = {},
               .limits = {.max_refusals_per_second = 5000}});
  int executed = 0;
  for (int i = 0; i < 1000; ++i) {
    const Outcome outcome = house.run("n-" + std::to_string(i));
    executed += outcome.ok() ? 1 : 0;
    if (i > 0) CHECK(outcome.code == Code::approval_spent);
  }
  CHECK(executed == 1);
  CHECK(*house.calls == 1);
}

TEST_CASE("a used nonce with another payload is a conflict, for those whose approval verifies") {
  House house;
  REQUIRE(house.run("n-1").ok());
  const Outcome conflict = house.run("n-1", R"({"msg":"other"})", R"({"id":"a-2"})");
  CHECK(conflict.code == Code::nonce_conflict);
  CHECK(conflict.http == 422);
  CHECK(*house.calls == 1);
  // The conflict spent nothing: the second approval still serves.
  CHECK(house.run("n-2", R"({"msg":"other"})", R"({"id":"a-2"})").ok());
}

TEST_CASE("the allow-list refuses what is not on it, before the approval is read") {
  House house({.tenant = "default", .executor = "openexec", .allowed_actions = {{"other"}}, .limits = {}});
  CHECK(house.run("n-1").code == Code::action_not_allowed);
  House empty(
      {.tenant = "default", .executor = "openexec", .allowed_actions = {std::vector<std::string>{}}, .limits = {}});
  CHECK(empty.run("n-1").code == Code::action_not_allowed);
  House open;
  const Outcome unknown = open.run("n-1", "{}", R"({"id":"a"})", "nobody.home");
  CHECK(unknown.code == Code::unknown_action);
  CHECK(unknown.detail == "Unknown action: nobody.home");
}

TEST_CASE("every code that a verifier gives is answered and recorded as it is") {
  House house;
  for (const Code code :
       {Code::approval_missing, Code::approval_malformed, Code::approval_key_missing, Code::approval_hash_mismatch,
        Code::approval_tenant_mismatch, Code::approval_expired, Code::approval_not_yet_valid,
        Code::approval_signature_invalid, Code::approval_threshold, Code::approval_policy_mismatch,
        Code::approval_audience_mismatch, Code::approval_constraint, Code::approval_key_revoked}) {
    house.verifier->say(code);
    const Outcome outcome = house.run("n-1");
    CHECK(outcome.code == code);
    CHECK(outcome.http == 403);
    CHECK(outcome.verdict == Verdict::refused);
    CHECK(outcome.effect == Effect::none);
    CHECK(outcome.result == R"({"error": ")" + std::string(name(code)) + "\"}");
    CHECK(verify_receipt(outcome.exec_id, outcome.result, outcome.receipt).ok());
    CHECK(outcome.entry == house.last_entry());
    // An id that was not verified is not believed.
    CHECK(member(outcome.entry, "approval").find(R"("id":null)") != std::string::npos);
  }
  CHECK(*house.calls == 0);
}

TEST_CASE("a verifier that answers nonsense or throws refuses") {
  for (const Code code :
       {Code::in_doubt, Code::store_failed, Code::approval_spent, Code::halted, static_cast<Code>(9999)}) {
    House house;
    house.verifier->say(code);
    CHECK(house.run("n-1").code == Code::approval_signature_invalid);
  }
  struct Throwing final : Verifier {
    using Verifier::verify;
    [[nodiscard]] std::string_view profile() const noexcept override { return "throwing"; }
    [[nodiscard]] Result<Approval> verify(const Proposal&, Timestamp) const override {
      throw std::runtime_error("secret");
    }
  };
  struct Nameless final : Verifier {
    using Verifier::verify;
    [[nodiscard]] std::string_view profile() const noexcept override { return "nameless"; }
    [[nodiscard]] Result<Approval> verify(const Proposal&, Timestamp) const override {
      return Approval{"nameless", "", {}};
    }
  };
  House throwing({}, {}, std::make_shared<Throwing>());
  const Outcome outcome = throwing.run("n-1");
  CHECK(outcome.code == Code::approval_signature_invalid);
  CHECK(outcome.detail.find("secret") == std::string::npos);
  House nameless({}, {}, std::make_shared<Nameless>());
  CHECK(nameless.run("n-1").code == Code::approval_malformed);
  CHECK(*throwing.calls + *nameless.calls == 0);
}

TEST_CASE("a malformed request is recorded by the hash of its bytes") {
  House house;
  const Outcome outcome = house.executor->execute_json(R"({"action":"echo","nonce":"n","surprise":1})");
  CHECK(outcome.code == Code::malformed_request);
  CHECK(outcome.exec_id.empty());
  CHECK(outcome.action.empty());
  CHECK(verify_receipt("", outcome.result, outcome.receipt).ok());
  CHECK(member(outcome.entry, "exec_id") == "null");
  CHECK(member(outcome.entry, "action") == "null");
  CHECK(member(outcome.entry, "nonce") == "null");
  CHECK(member(outcome.entry, "request_hash").size() == 66);
  const Outcome parts =
      house.executor->execute({.action = "e c", .payload = {}, .nonce = "n", .approval_artifact = {}});
  CHECK(parts.code == Code::malformed_request);
  CHECK(member(parts.entry, "request_hash") != member(outcome.entry, "request_hash"));
}

TEST_CASE("both forms of a request are the same request") {
  House house;
  const Outcome first = house.executor->execute_json(
      R"({ "nonce" : "n-1", "payload": {"msg": "\u0068i"}, "action":"echo", "approval_artifact": {"id":"a-1"} })");
  REQUIRE(first.ok());
  CHECK(house.run("n-1").receipt == first.receipt);
  CHECK(house.run("n-1").replayed);
}

TEST_CASE("a nonce beside the request stands in for an absent one, and may not differ from a present one") {
  House house;
  CallOptions options;
  options.nonce = "n-1";
  const Outcome first = house.executor->execute_json(
      R"({"action":"echo","payload":{"msg":"hi"},"approval_artifact":{"id":"a-1"}})", options);
  REQUIRE(first.ok());
  CHECK(house.run("n-1").receipt == first.receipt);
  CHECK(house.executor->execute_json(R"({"action":"echo","nonce":"n-2"})", options).code == Code::malformed_request);
  CHECK(house.executor->execute({.action = "echo", .payload = {}, .nonce = "n-2", .approval_artifact = {}}, options)
            .code == Code::malformed_request);
  options.nonce = "";
  CHECK(house.executor->execute_json(R"({"action":"echo"})", options).code == Code::malformed_request);
}

TEST_CASE("a handler that fails is final, and its replays answer the failure") {
  int calls = 0;
  House house({}, table_of([&](const Invocation&) {
                ++calls;
                return HandlerResult::failed("no such mailbox", Effect::none);
              }));
  const Outcome failed = house.run("n-1", "{}", R"({"id":"a"})", "act");
  CHECK(failed.code == Code::handler_failed);
  CHECK(failed.http == 500);
  CHECK(failed.verdict == Verdict::failed);
  CHECK(failed.effect == Effect::none);
  CHECK(failed.detail == "no such mailbox");
  CHECK(failed.result == R"({"error": "handler_failed"})");
  CHECK(failed.entry.find("mailbox") == std::string::npos);
  const Outcome again = house.run("n-1", "{}", R"({"id":"a"})", "act");
  CHECK(again.code == Code::handler_failed);
  CHECK(again.replayed);
  CHECK(again.receipt == failed.receipt);
  CHECK(calls == 1);
}

TEST_CASE("a handler that throws, or says so, leaves the nonce in doubt, for ever") {
  int calls = 0;
  bool throws = GENERATE(true, false);
  House house({}, table_of([&](const Invocation&) -> HandlerResult {
                ++calls;
                if (throws) throw std::runtime_error("secret");
                return HandlerResult::in_doubt("the connection broke");
              }));
  const Outcome first = house.run("n-1", "{}", R"({"id":"a"})", "act");
  CHECK(first.code == Code::in_doubt);
  CHECK(first.http == 409);
  CHECK(first.verdict == Verdict::in_doubt);
  CHECK(first.effect == Effect::unknown);
  CHECK(first.detail.find("secret") == std::string::npos);
  CHECK(member(first.entry, "verdict") == "\"in_doubt\"");
  const Outcome again = house.run("n-1", "{}", R"({"id":"a"})", "act");
  CHECK(again.code == Code::in_doubt);
  CHECK(again.replayed);
  CHECK(again.receipt == first.receipt);
  CHECK(member(again.entry, "prior") == "0");
  CHECK(house.run("n-2", "{}", R"({"id":"a"})", "act").code == Code::approval_spent);
  CHECK(calls == 1);
}

TEST_CASE("the handler gets the canonical payload, the exec_id, the tenant and a deadline") {
  std::string seen;
  House house({.tenant = "acme", .executor = "openexec", .allowed_actions = {}, .limits = {}},
              table_of([&](const Invocation& call) {
                seen = std::string(call.action) + "|" + std::string(call.payload) + "|" + std::string(call.tenant) +
                       "|" + std::string(call.exec_id);
                CHECK(call.deadline == house.clock->monotonic() + std::chrono::seconds(30));
                CHECK_FALSE(call.cancellation.cancelled());
                return HandlerResult::result("null");
              }));
  const Outcome outcome = house.run("n-1", R"( { "b" : 1.0 , "a" : "\u0041" } )", R"({"id":"a"})", "act");
  REQUIRE(outcome.ok());
  CHECK(seen == R"(act|{"a":"A","b":1}|acme|)" + outcome.exec_id);
}

TEST_CASE("a handler may not call the executor that runs it") {
  Executor* self = nullptr;
  Outcome inner;
  House house(
      {}, table_of([&](const Invocation&) {
        inner = self->execute({.action = "act", .payload = {}, .nonce = "inner", .approval_artifact = R"({"id":"b"})"});
        return HandlerResult::result("1");
      }));
  self = &*house.executor;
  CHECK(house.run("n-1", "{}", R"({"id":"a"})", "act").ok());
  CHECK(inner.code == Code::invalid_argument);
  CHECK_FALSE(house.ledger->find("default", "inner").value().has_value());
}

TEST_CASE("after halt nothing starts, replays included, until resume") {
  House house;
  REQUIRE(house.run("n-1").ok());
  house.executor->halt({"alice", "a drill"});
  CHECK(house.executor->halted());
  CHECK(house.run("n-1").code == Code::halted);
  const Outcome halted = house.run("n-2", "{}", R"({"id":"b"})");
  CHECK(halted.code == Code::halted);
  CHECK(halted.http == 503);
  CHECK(member(halted.entry, "code") == "\"halted\"");
  CHECK(house.executor->ready().code() == Code::halted);
  house.executor->resume({"alice", "done"});
  CHECK(house.run("n-2", "{}", R"({"id":"b"})").ok());
  CHECK(*house.calls == 2);
}

TEST_CASE("an attempt that begins after halt has returned never reaches its handler") {
  std::atomic<bool> stopped{false};
  std::atomic<int> late{0};
  std::atomic<int> refused{0};
  House house;
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&, t] {
      for (int i = 0; refused.load() < 4; ++i) {
        const bool after = stopped.load();
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        const Outcome outcome = house.run(id, "{}", "{\"id\":\"" + id + "\"}");
        if (after && outcome.ok()) ++late;
        if (outcome.code == Code::halted) ++refused;
      }
    });
  house.executor->halt({"alice", "a drill"});
  stopped = true;
  for (auto& caller : callers) caller.join();
  CHECK(late == 0);
}

TEST_CASE("above the configured rate refusals are overloaded, and one entry stands for them") {
  Config config;
  config.limits.max_refusals_per_second = 3;
  House house(config);
  for (int i = 0; i < 3; ++i) CHECK(house.run("n", "{}", "").code == Code::approval_missing);
  for (int i = 0; i < 5; ++i) {
    const Outcome outcome = house.run("n", "{}", "");
    CHECK(outcome.code == Code::overloaded);
    CHECK(outcome.http == 429);
    CHECK(outcome.entry.empty());
  }
  CHECK(house.entries() == 3);
  CHECK(house.run("n", "{}").ok());  // honest requests are not metered
  house.clock->set(noon + 1'000'001);
  CHECK(house.run("n2", "{}", "").code == Code::approval_missing);
  REQUIRE(house.entries() == 6);
  const std::string suppressed = house.executor->log().read(4, 1).value().at(0).json;
  CHECK(member(suppressed, "verdict") == "\"suppressed\"");
  CHECK(member(suppressed, "count") == "5");
  CHECK(member(suppressed, "nonce") == "null");
}

TEST_CASE("refusals that were suppressed are accounted for at the end") {
  Config config;
  config.limits.max_refusals_per_second = 1;
  auto ledger = memory_ledger();
  {
    House house(config);
    ledger = house.ledger;
    for (int i = 0; i < 4; ++i) (void)house.run("n", "{}", "");
  }
  const auto lines = ledger->read(0, 10).value();
  REQUIRE(lines.size() == 2);
  CHECK(member(lines[1].json, "count") == "3");
}

TEST_CASE("attempts above the configured number are overloaded") {
  Config config;
  config.limits.max_in_flight = 1;
  Outcome second;
  Executor* self = nullptr;
  House house(config, table_of([&](const Invocation&) {
                std::thread([&] {
                  second = self->execute(
                      {.action = "act", .payload = {}, .nonce = "n-2", .approval_artifact = R"({"id":"b"})"});
                }).join();
                return HandlerResult::result("1");
              }));
  self = &*house.executor;
  CHECK(house.run("n-1", "{}", R"({"id":"a"})", "act").ok());
  CHECK(second.code == Code::overloaded);
  CHECK_FALSE(house.ledger->find("default", "n-2").value().has_value());
  CHECK(house.run("n-3", "{}", R"({"id":"c"})", "act").ok());
}

TEST_CASE(
    "a caller whose wait ends while the first attempt runs is told in_progress, and learns nothing without an approval") {
  Executor* self = nullptr;
  Outcome same, stranger;
  House house({}, table_of([&](const Invocation&) {
                std::thread([&] {
                  CallOptions soon;
                  soon.max_wait = std::chrono::milliseconds(1);
                  same = self->execute(
                      {.action = "act", .payload = {}, .nonce = "n-1", .approval_artifact = R"({"id":"a"})"}, soon);
                  stranger =
                      self->execute({.action = "act", .payload = {}, .nonce = "n-1", .approval_artifact = {}}, soon);
                }).join();
                return HandlerResult::result("1");
              }));
  self = &*house.executor;
  CHECK(house.run("n-1", "{}", R"({"id":"a"})", "act").ok());
  CHECK(same.code == Code::in_progress);
  CHECK(same.http == 409);
  CHECK(same.effect == Effect::unknown);  // the handler is running: nobody may take this for "nothing happened"
  CHECK(member(same.entry, "effect") == "\"unknown\"");
  CHECK(stranger.code == Code::approval_missing);
}

TEST_CASE("a store that cannot claim means that nothing runs") {
  auto calls = std::make_shared<std::atomic<int>>(0);
  const Step step = GENERATE(Step::before_claim, Step::after_claim);
  auto store = std::make_shared<SteppedStore>(memory_ledger(), [step](Step at) -> std::optional<Status> {
    if (at == step) return Status(Code::store_failed, "disk full");
    return std::nullopt;
  });
  Executor executor = assemble({.store = store,
                                .log = nullptr,
                                .verifier = std::make_shared<DemoVerifier>(),
                                .hasher = nullptr,
                                .clock = nullptr},
                               echo_table(calls));
  const Outcome outcome = executor.execute({.action = "echo", .payload = {}, .nonce = "n", .approval_artifact = {}});
  CHECK(outcome.code == Code::store_failed);
  CHECK(outcome.effect == Effect::none);
  CHECK(outcome.http == 503);
  CHECK(*calls == 0);
}

TEST_CASE("an outcome that cannot be made durable is in doubt, says so, and is never run again") {
  auto calls = std::make_shared<std::atomic<int>>(0);
  std::atomic<bool> broken{true};
  auto store = std::make_shared<SteppedStore>(memory_ledger(), [&](Step at) -> std::optional<Status> {
    if (at == Step::before_seal && broken) return Status(Code::store_failed, "disk full");
    return std::nullopt;
  });
  Executor executor = assemble({.store = store,
                                .log = nullptr,
                                .verifier = std::make_shared<DemoVerifier>(),
                                .hasher = nullptr,
                                .clock = nullptr},
                               echo_table(calls));
  const Request request{.action = "echo", .payload = {}, .nonce = "n", .approval_artifact = {}};
  const Outcome outcome = executor.execute(request);
  CHECK(outcome.code == Code::store_failed);
  CHECK(outcome.effect == Effect::unknown);
  CHECK(outcome.verdict == Verdict::in_doubt);
  CHECK(outcome.detail.find("in doubt") == 0);
  broken = false;
  CHECK(executor.execute(request).code == Code::in_doubt);
  CHECK(*calls == 1);
}

TEST_CASE("a clock that is set back makes nothing valid again") {
  struct Until final : Verifier {
    using Verifier::verify;
    [[nodiscard]] std::string_view profile() const noexcept override { return "until-noon"; }
    [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp now) const override {
      if (now.micros > noon) return Status(Code::approval_expired, "expired");
      return Approval{"until-noon", std::string(proposal.artifact()), {}};
    }
  };
  auto ledger = memory_ledger();
  auto clock = std::make_shared<SetClock>(noon + 1);
  const auto make = [&] {
    return assemble(
        {.store = ledger, .log = nullptr, .verifier = std::make_shared<Until>(), .hasher = nullptr, .clock = clock},
        echo_table());
  };
  const Request request{.action = "echo", .payload = {}, .nonce = "n", .approval_artifact = R"({"id":"a"})"};
  {
    Executor executor = make();
    CHECK(executor.execute(request).code == Code::approval_expired);
    clock->set(noon - 1);
    CHECK(executor.execute(request).code == Code::approval_expired);
  }
  Executor reopened = make();
  CHECK(reopened.execute(request).code == Code::approval_expired);
}

TEST_CASE("assembly refuses parts that are missing or fail their self test") {
  const auto code = [](Parts parts, Config config = {}) {
    return Executor::assemble(std::move(config), std::move(parts), echo_table()).code();
  };
  const auto demo = std::make_shared<DemoVerifier>();
  CHECK(code({.store = nullptr, .log = nullptr, .verifier = demo, .hasher = nullptr, .clock = nullptr}) ==
        Code::invalid_argument);
  CHECK(code({.store = memory_ledger(), .log = nullptr, .verifier = nullptr, .hasher = nullptr, .clock = nullptr}) ==
        Code::invalid_argument);

  struct Deaf : Hasher {
    [[nodiscard]] std::string_view name() const noexcept override { return "deaf"; }
    void canonical(std::string_view action, std::string_view, std::string& out) const override { out += action; }
    [[nodiscard]] Digest digest(std::string_view bytes) const noexcept override { return jcs_sha256()->digest(bytes); }
  };
  struct Impostor final : Deaf {
    [[nodiscard]] std::string_view name() const noexcept override { return "jcs-sha256"; }
    void canonical(std::string_view action, std::string_view payload, std::string& out) const override {
      out.append(action).append(payload);
    }
  };
  CHECK(code({.store = memory_ledger(),
              .log = nullptr,
              .verifier = demo,
              .hasher = std::make_shared<Deaf>(),
              .clock = nullptr}) == Code::invalid_argument);
  CHECK(code({.store = memory_ledger(),
              .log = nullptr,
              .verifier = demo,
              .hasher = std::make_shared<Impostor>(),
              .clock = nullptr}) == Code::invalid_argument);

  struct Other final : Deaf {
    [[nodiscard]] std::string_view name() const noexcept override { return "other"; }
    void canonical(std::string_view action, std::string_view payload, std::string& out) const override {
      out.append(action).append("\n").append(payload);
    }
  };
  auto ledger = memory_ledger();
  CHECK(code({.store = ledger, .log = nullptr, .verifier = demo, .hasher = nullptr, .clock = nullptr}) == Code::ok);
  CHECK(
      code(
          {.store = ledger, .log = nullptr, .verifier = demo, .hasher = std::make_shared<Other>(), .clock = nullptr}) ==
      Code::store_failed);

  Config deep;
  deep.limits.request.max_depth = 129;
  CHECK(code({.store = memory_ledger(), .log = nullptr, .verifier = demo, .hasher = nullptr, .clock = nullptr}, deep) ==
        Code::invalid_argument);
  Config nameless;
  nameless.tenant = "";
  CHECK(code({.store = memory_ledger(), .log = nullptr, .verifier = demo, .hasher = nullptr, .clock = nullptr},
             nameless) == Code::invalid_argument);
}

TEST_CASE("the handler table takes each action once, and only names that a request can carry") {
  HandlerTable table;
  const auto run = [](const Invocation&) { return HandlerResult::result("1"); };
  CHECK(table.add("ok.name:1/x_-", run).ok());
  CHECK(table.add("ok.name:1/x_-", run).code() == Code::invalid_argument);
  CHECK(table.add("", run).code() == Code::invalid_argument);
  CHECK(table.add("with space", run).code() == Code::invalid_argument);
  CHECK(table.add(std::string(129, 'a'), run).code() == Code::invalid_argument);
  CHECK(table.add("empty", Handler()).code() == Code::invalid_argument);
}

TEST_CASE("an executor keeps the handlers that it was assembled with, whatever becomes of the table") {
  HandlerTable table = table_of([](const Invocation&) { return HandlerResult::result("1"); });
  House house({}, table);
  REQUIRE(table.add("late", [](const Invocation&) { return HandlerResult::result("2"); }).ok());
  CHECK(house.run("n-1", "{}", R"({"id":"a-1"})", "late").code == Code::unknown_action);
  CHECK(house.run("n-2", "{}", R"({"id":"a-2"})", "act").code == Code::ok);
}

TEST_CASE("in demo mode nobody needs an approval, and entries carry none") {
  House house({}, {}, std::make_shared<DemoVerifier>());
  const Outcome outcome = house.run("n-1", "{}", "");
  CHECK(outcome.ok());
  CHECK(member(outcome.entry, "approval") == "null");
  CHECK(house.run("n-1", "{}", "").replayed);
  CHECK(house.run("n-1", R"({"x":1})", "").code == Code::nonce_conflict);
}

TEST_CASE("many at once: each has the meaning of a call of its own, and outcomes keep their order") {
  House house;
  const std::string json = R"({"action":"echo","payload":{"n":2},"nonce":"n-2","approval_artifact":{"id":"a-2"}})";
  const auto parts = [](std::string_view nonce, std::string_view artifact, std::string_view action = "echo") {
    return Call{
        .request = Request{.action = action, .payload = R"({"n":1})", .nonce = nonce, .approval_artifact = artifact},
        .options = {}};
  };
  const std::vector<Call> calls = {
      parts("n-1", R"({"id":"a-1"})"),             // runs
      Call{.request = json, .options = {}},        // runs
      parts("n-1", R"({"id":"a-1"})"),             // equal to the first: one of them runs
      parts("n-3", R"({"id":"a-1"})"),             // the first one's approval
      parts("n-4", ""),                            // no approval
      parts("n-5", R"({"id":"a-5"})", "unknown"),  // no handler
      parts("bad\nnonce", R"({"id":"a-6"})"),      // malformed
      parts("n-2", R"({"id":"a-7"})"),             // another payload under a used nonce
  };
  const std::vector<Outcome> outcomes = house.executor->execute_many(calls);
  REQUIRE(outcomes.size() == calls.size());
  CHECK(outcomes[0].ok());
  CHECK(outcomes[1].ok());
  CHECK(outcomes[1].result == R"({"echo": {"n": 2}})");
  CHECK(outcomes[2].ok());
  CHECK(outcomes[2].receipt == outcomes[0].receipt);
  CHECK(outcomes[0].replayed != outcomes[2].replayed);
  CHECK(outcomes[3].code == Code::approval_spent);
  CHECK(outcomes[4].code == Code::approval_missing);
  CHECK(outcomes[5].code == Code::unknown_action);
  CHECK(outcomes[6].code == Code::malformed_request);
  CHECK(outcomes[7].code == Code::nonce_conflict);
  CHECK(*house.calls == 2);
  CHECK(house.entries() == calls.size());
  for (const Outcome& outcome : outcomes) {
    REQUIRE(outcome.entry_index.has_value());
    CHECK(house.executor->log().read(*outcome.entry_index, 1).value().at(0).json == outcome.entry);
  }
  CHECK(house.executor->execute_many({}).empty());
}

TEST_CASE("handlers of a batch run where the caller lends them a place, each exactly once") {
  House house;
  std::vector<std::string> nonces, artifacts;
  for (int i = 0; i < 16; ++i) {
    nonces.push_back("n-" + std::to_string(i));
    artifacts.push_back("{\"id\":\"" + nonces.back() + "\"}");
  }
  std::vector<Call> calls;
  for (std::size_t i = 0; i < nonces.size(); ++i)
    calls.push_back(
        {.request = Request{.action = "echo", .payload = "{}", .nonce = nonces[i], .approval_artifact = artifacts[i]},
         .options = {}});
  std::vector<std::thread> lent;
  const auto outcomes =
      house.executor->execute_many(calls, [&](std::function<void()> work) { lent.emplace_back(std::move(work)); });
  for (auto& thread : lent) thread.join();
  CHECK(lent.size() == nonces.size());
  CHECK(*house.calls == 16);
  for (const Outcome& outcome : outcomes) CHECK(outcome.ok());
}

TEST_CASE("a lender that throws, or runs a piece twice, changes nothing") {
  House house;
  const Call first{
      .request = Request{.action = "echo", .payload = "{}", .nonce = "a", .approval_artifact = R"({"id":"a"})"},
      .options = {}};
  const Call second{
      .request = Request{.action = "echo", .payload = "{}", .nonce = "b", .approval_artifact = R"({"id":"b"})"},
      .options = {}};
  std::vector<std::function<void()>> kept;
  const auto outcomes = house.executor->execute_many(std::vector<Call>{first, second}, [&](std::function<void()> work) {
    kept.push_back(work);
    if (kept.size() == 1) work();
    throw std::runtime_error("no thread to be had");
  });
  for (const auto& work : kept) work();
  CHECK(outcomes[0].ok());
  CHECK(outcomes[1].ok());
  CHECK(*house.calls == 2);
}

TEST_CASE("two batches that hold each other's nonces both end") {
  House house;
  std::vector<Outcome> forth, back;
  const Call a{
      .request = Request{.action = "echo", .payload = "{}", .nonce = "a", .approval_artifact = R"({"id":"a"})"},
      .options = {}};
  const Call b{
      .request = Request{.action = "echo", .payload = "{}", .nonce = "b", .approval_artifact = R"({"id":"b"})"},
      .options = {}};
  const std::vector<Call> ab{a, b}, ba{b, a};
  std::thread one([&] { forth = house.executor->execute_many(ab); });
  std::thread two([&] { back = house.executor->execute_many(ba); });
  one.join();
  two.join();
  CHECK(forth[0].receipt == back[1].receipt);
  CHECK(forth[1].receipt == back[0].receipt);
  CHECK(forth[0].ok());
  CHECK(forth[1].ok());
  CHECK(*house.calls == 2);
}

TEST_CASE("halt from inside a handler stops the rest of its batch, whose nonces are spent without effect") {
  Executor* self = nullptr;
  int calls = 0;
  House house({}, table_of([&](const Invocation&) {
                ++calls;
                self->halt({"the handler", "a drill"});
                return HandlerResult::result("1");
              }));
  self = &*house.executor;
  const Call first{
      .request = Request{.action = "act", .payload = "{}", .nonce = "a", .approval_artifact = R"({"id":"a"})"},
      .options = {}};
  const Call second{
      .request = Request{.action = "act", .payload = "{}", .nonce = "b", .approval_artifact = R"({"id":"b"})"},
      .options = {}};
  const auto outcomes = self->execute_many(std::vector<Call>{first, second});
  CHECK(outcomes[0].ok());
  CHECK(outcomes[1].code == Code::handler_failed);
  CHECK(outcomes[1].effect == Effect::none);
  self->resume({"alice", "done"});
  CHECK(self->execute(std::get<Request>(second.request)).receipt == outcomes[1].receipt);
  CHECK(calls == 1);
}

TEST_CASE("a stranger burns no nonce: what was refused may still run under it") {
  House house;
  for (const Code code : {Code::approval_malformed, Code::approval_signature_invalid, Code::approval_expired}) {
    house.verifier->say(code);
    CHECK(house.run("n-1").code == code);
  }
  house.verifier->say(Code::ok);
  CHECK(house.run("n-1").ok());
  CHECK(*house.calls == 1);
}

TEST_CASE("what is not remembered any more is found in the store") {
  House house(
      {.tenant = "default", .executor = "openexec", .allowed_actions = {}, .limits = {}},
      table_of([](const Invocation&) { return HandlerResult::result("\"" + std::string(100'000, 'x') + "\""); }));
  std::vector<std::string> receipts;
  for (int i = 0; i < 40; ++i)
    receipts.push_back(house.run("n-" + std::to_string(i), "{}", "{\"id\":" + std::to_string(i) + "}", "act").receipt);
  house.verifier->say(Code::approval_expired);
  for (int i = 0; i < 40; ++i) {
    const Outcome again = house.run("n-" + std::to_string(i), "{}", "{\"id\":" + std::to_string(i) + "}", "act");
    CHECK(again.replayed);
    CHECK(again.receipt == receipts[static_cast<std::size_t>(i)]);
  }
}
