// SPDX-License-Identifier: Apache-2.0
// Every code of docs/formats.md, section 8, that can leave over HTTP, and the service's own limits, with parts that say
// what they are told.
#include <set>
#include <thread>

#include <openexec/openexec.hpp>
#include <openexec/service.hpp>

#include "support/catch.hpp"
#include "support/gate.hpp"
#include "support/http.hpp"
#include "support/json.hpp"
#include "support/moved_clock.hpp"
#include "support/parts.hpp"

namespace openexec {
namespace {

using test::HttpAnswer;
using test::HttpClient;

struct Host {
  explicit Host(ServiceOptions options = {}, Limits limits = {}) {
    HandlerTable table = test::echo_table();
    const auto add = [&table](const char* name, Handler handler) { REQUIRE(table.add(name, std::move(handler)).ok()); };
    add("fail", [](const Invocation&) { return HandlerResult::failed("because"); });
    add("broken", [](const Invocation&) { return HandlerResult::result("{"); });
    add("throw", [](const Invocation&) -> HandlerResult { throw 1; });
    add("bytes", [](const Invocation&) { return HandlerResult::failed("\xff\xfe"); });
    add("wait", [this](const Invocation&) {
      gate.pass();
      return HandlerResult::result("{}");
    });
    HandlerTable::Row checked{[](const Invocation&) { return HandlerResult::result("{}"); }, nullptr};
    checked.schema = PayloadSchema::compile(R"({"minProperties":1})").value();
    REQUIRE(table.add("checked", std::move(checked)).ok());
    add("unlisted", [](const Invocation&) { return HandlerResult::result("{}"); });
    Config config;
    config.limits = limits;
    config.allowed_actions = {"echo", "fail", "broken", "throw", "bytes", "wait", "nobody", "checked"};
    auto ledger = memory_ledger();
    store = std::make_shared<test::SteppedStore>(ledger, [this](test::Step) -> std::optional<Status> {
      if (store_fails) return Status(Code::store_failed, "the disk is full");
      return std::nullopt;
    });
    executor.emplace(
        test::assemble({.store = store, .log = ledger, .verifier = verifier, .hasher = nullptr, .clock = clock},
                       std::move(table), config));
    options.port = 0;
    auto started = Service::start(*executor, std::move(options));
    if (!started.ok()) throw std::runtime_error(started.status().detail());
    service.emplace(*std::move(started));
  }

  std::string body(const std::string& action, const std::string& nonce, const std::string& artifact = "") {
    const std::string id = artifact.empty() ? "id-" + nonce : artifact;
    return R"({"action":")" + action + R"(","payload":{},"nonce":")" + nonce + R"(","approval_artifact":{"id":")" + id +
           "\"}}";
  }
  HttpAnswer execute(const std::string& body) { return HttpClient(service->port()).post("/execute", body); }

  test::Gate gate;
  std::atomic<bool> store_fails{false};
  std::shared_ptr<test::SteppedStore> store;
  std::shared_ptr<test::ScriptedVerifier> verifier = std::make_shared<test::ScriptedVerifier>();
  std::shared_ptr<test::MovedClock> clock = std::make_shared<test::MovedClock>(Timestamp{1'772'366'400'000'000});
  std::optional<Executor> executor;
  std::optional<Service> service;
};

std::string code_of(const HttpAnswer& answer) { return test::text_at(answer.json().root(), "code"); }

TEST_CASE("Every code reaches HTTP with its status, in the shape of an execution, and only ok approves") {
  Host host({}, {.max_wait = std::chrono::milliseconds(1)});
  std::set<Code> seen;
  const auto expect = [&](Code code, int status, const HttpAnswer& answer) {
    CAPTURE(name(code), answer.body);
    const canon::Document document = answer.json();
    CHECK(answer.status == status);
    CHECK(code_of(answer) == name(code));
    CHECK(test::at(document.root(), "approved").boolean() == (code == Code::ok));
    CHECK(document.root().size() == (code == Code::ok ? 10 : 11));  // detail
    CHECK(test::at(document.root(), "entry").is(canon::Type::null) ==
          test::at(document.root(), "receipt").is(canon::Type::null));
    const std::string effect = test::text_at(document.root(), "effect");
    const bool may_have_run = kind(code) == Kind::doubt || code == Code::in_progress;
    CHECK(effect == (code == Code::ok ? "confirmed" : may_have_run ? "unknown" : "none"));
    if (code != Code::ok) {
      CHECK(test::text_at(test::at(document.root(), "result"), "error") == name(code));
    }
    const canon::View receipt = test::at(document.root(), "receipt");
    if (receipt.is(canon::Type::string)) {
      const canon::View id = test::at(document.root(), "id");
      CHECK(verify_receipt(id.is(canon::Type::string) ? id.string() : "",
                           canon::display(test::at(document.root(), "result")), receipt.string())
                .ok());
    }
    seen.insert(code);
  };

  expect(Code::ok, 200, host.execute(host.body("echo", "1")));
  expect(Code::ok, 200, host.execute(host.body("echo", "1")));
  expect(Code::malformed_request, 400, host.execute("{"));
  expect(Code::malformed_request, 422, host.execute("{}"));
  const std::size_t limit = RequestLimits{}.max_bytes;
  const HttpAnswer large = host.execute(std::string(limit + 1, ' '));
  expect(Code::malformed_request, 413, large);
  CHECK(test::at(large.json().root(), "receipt").is(canon::Type::string));  // it reached the boundary
  const HttpAnswer huge = host.execute(std::string(2 * limit + 1, ' '));
  expect(Code::malformed_request, 413, huge);
  CHECK(test::at(huge.json().root(), "receipt").is(canon::Type::null));  // it did not

  expect(Code::nonce_conflict, 422, host.execute(host.body("fail", "1", "id-1b")));
  expect(Code::approval_spent, 403, host.execute(host.body("echo", "2", "id-1")));
  expect(Code::action_not_allowed, 403, host.execute(host.body("unlisted", "3")));
  expect(Code::unknown_action, 400, host.execute(host.body("nobody", "3")));
  expect(Code::payload_schema, 422, host.execute(host.body("checked", "3")));
  expect(Code::handler_failed, 500, host.execute(host.body("fail", "4")));
  expect(Code::handler_failed, 500, host.execute(host.body("bytes", "5")));
  const HttpAnswer broken = host.execute(host.body("broken", "6"));
  CHECK(broken.status == 200);
  CHECK(broken.body.find(R"("result":{"text": "{"},)") != std::string::npos);
  CHECK(test::text_at(broken.json().root(), "result_form") == "text");
  expect(Code::in_doubt, 409, host.execute(host.body("throw", "7")));
  expect(Code::in_doubt, 409, host.execute(host.body("throw", "7")));

  for (const Code code :
       {Code::approval_missing, Code::approval_malformed, Code::approval_key_missing, Code::approval_hash_mismatch,
        Code::approval_tenant_mismatch, Code::approval_expired, Code::approval_not_yet_valid,
        Code::approval_signature_invalid, Code::approval_threshold, Code::approval_policy_mismatch,
        Code::approval_audience_mismatch, Code::approval_constraint, Code::approval_key_revoked}) {
    host.verifier->say(code);
    expect(code, 403, host.execute(host.body("echo", "8")));
  }
  host.verifier->say(Code::ok);

  host.clock->move(7'200'000'000);
  expect(Code::clock_suspect, 503, host.execute(host.body("echo", "9")));
  CHECK(HttpClient(host.service->port()).get("/ready").status == 503);
  host.clock->move(-7'200'000'000);
  CHECK(HttpClient(host.service->port()).get("/ready").status == 200);

  host.executor->halt({"alice", "a drill"});
  expect(Code::halted, 503, host.execute(host.body("echo", "9")));
  CHECK(HttpClient(host.service->port()).get("/ready").status == 503);
  host.executor->resume({"alice", "done"});
  CHECK(HttpClient(host.service->port()).get("/ready").status == 200);

  HttpClient first(host.service->port());
  REQUIRE(first.send(
      test::http_request("POST", "/execute", host.body("wait", "10"), {{"Content-Type", "application/json"}})));
  host.gate.wait_until_entered();
  expect(Code::in_progress, 409, host.execute(host.body("wait", "10")));
  host.gate.release();
  expect(Code::ok, 200, *first.receive());

  host.store_fails = true;
  expect(Code::store_failed, 503, host.execute(host.body("echo", "11")));
  host.store_fails = false;
  expect(Code::ok, 200, host.execute(host.body("echo", "11")));

  // overloaded has a test of its own, below. result_invalid is told by ledgers of earlier versions alone.
  for (const CodeInfo& info : all_codes())
    if (info.http != 0 && info.code != Code::overloaded && info.code != Code::result_invalid) {
      CAPTURE(info.name);
      CHECK(seen.count(info.code) == 1);
    }
}

TEST_CASE("When every worker is busy and the queue is full, the next execution is 429, and reading goes on") {
  Host host({.workers = 1, .queue = 1});
  HttpClient running(host.service->port());
  const test::Headers json{{"Content-Type", "application/json"}};
  REQUIRE(running.send(test::http_request("POST", "/execute", host.body("wait", "1"), json)));
  host.gate.wait_until_entered();
  HttpClient queued(host.service->port());
  REQUIRE(queued.send(test::http_request("POST", "/execute", host.body("echo", "2"), json)));
  // Answers leave in the order in which requests are seen, so this one says that the one before was taken.
  HttpClient prober(host.service->port());
  HttpAnswer answer = prober.post("/execute", host.body("echo", "3"));
  CHECK(answer.status == 429);
  CHECK(code_of(answer) == "overloaded");
  CHECK(answer.headers.at("retry-after") == "1");
  CHECK(test::at(answer.json().root(), "receipt").is(canon::Type::null));
  CHECK(prober.get("/ready").status == 200);
  CHECK(prober.get("/health").status == 200);

  host.gate.release();
  CHECK(running.receive()->status == 200);
  CHECK(queued.receive()->status == 200);
  CHECK(prober.post("/execute", host.body("echo", "3")).status == 200);  // nothing ran before
}

TEST_CASE("An execution that outlasts the request's deadline goes on, and its client may ask again") {
  Host host({.request_deadline = std::chrono::milliseconds(300)});
  HttpClient client(host.service->port());
  const HttpAnswer early = client.post("/execute", host.body("wait", "1"));
  CHECK(early.status == 409);
  CHECK(code_of(early) == "in_progress");
  CHECK(early.closes());
  host.gate.release();
  const HttpAnswer late = host.execute(host.body("wait", "1"));
  CHECK(late.status == 200);
  CHECK(test::at(late.json().root(), "replayed").boolean());
}

TEST_CASE("Until it serves, the service answers that it starts") {
  auto service = Service::listen({.port = 0, .mode = "demo"});
  REQUIRE(service.ok());
  HttpClient client(service->port());
  CHECK(client.get("/ready").body == R"({"ready":false,"reasons":["starting"]})");
  CHECK(client.get("/ready").status == 503);
  CHECK(client.get("/health").body == R"({"status":"starting"})");
  CHECK(client.get("/health").status == 503);
  CHECK(client.get("/receipts/" + std::string(64, 'a')).status == 503);
  // Executions wait for the start.
  HttpClient early(service->port());
  REQUIRE(early.send(test::http_request("POST", "/execute", R"({"action":"echo","nonce":"1"})",
                                        {{"Content-Type", "application/json"}})));
  CHECK(HttpClient(service->port()).get("/ready").status == 503);

  Executor executor =
      test::assemble({.store = memory_ledger(), .verifier = std::make_shared<DemoVerifier>()}, test::echo_table());
  REQUIRE(service->serve(executor).ok());
  CHECK_FALSE(service->serve(executor).ok());
  CHECK(client.get("/ready").status == 200);
  CHECK(client.get("/health").body.find(R"("status":"healthy")") != std::string::npos);
  const auto waited = early.receive();
  REQUIRE(waited);
  CHECK(waited->status == 200);
  const HttpAnswer again = client.post("/execute", R"({"action":"echo","nonce":"1"})");
  CHECK(again.status == 200);
  CHECK(test::at(again.json().root(), "replayed").boolean());
  REQUIRE(executor.halt({.who = "test", .why = "test"}).ok());
  CHECK(client.get("/health").status == 503);
  CHECK(client.get("/health").body.find(R"("status":"halted")") != std::string::npos);
  CHECK(service->drain() == 0);
  CHECK(service->drain() == 0);
}

TEST_CASE("An execution waits for a start that does not come within its time limit, or until the service drains") {
  auto service =
      Service::listen({.port = 0, .mode = "demo", .request_deadline = std::chrono::milliseconds(300), .queue = 1});
  REQUIRE(service.ok());
  const std::string request = test::http_request("POST", "/execute", R"({"action":"echo","nonce":"1"})",
                                                 {{"Content-Type", "application/json"}});
  HttpClient late(service->port());
  REQUIRE(late.send(request));
  const auto answer = late.receive();
  REQUIRE(answer);
  CHECK(answer->status == 409);
  CHECK(code_of(*answer) == "in_progress");
  HttpClient beyond(service->port());
  CHECK(beyond.post("/execute", R"({"action":"echo","nonce":"2"})").status == 429);
  CHECK(service->drain() == 0);
}

TEST_CASE("A port that has another user is no wrong option: the code tells the two apart") {
  const auto first = Service::listen({.port = 0, .mode = "demo"});
  REQUIRE(first.ok());
  const auto refused = [](ServiceOptions options) {
    options.mode = "demo";
    return Service::listen(std::move(options)).status();
  };
  const Status taken = refused({.port = first->port()});
  CHECK(taken.code() == Code::overloaded);
  CHECK(taken.detail().starts_with("cannot listen on 127.0.0.1 port "));
  const Status metrics = refused({.port = 0, .metrics_host = "127.0.0.1", .metrics_port = first->port()});
  CHECK(metrics.code() == Code::overloaded);
  CHECK(metrics.detail().starts_with("metrics: cannot listen on "));
  CHECK(refused({.port = 0, .metrics_host = "example.com", .metrics_port = 0}).code() == Code::invalid_argument);
}

TEST_CASE("Options that cannot be are named") {
  const auto refusal = [](ServiceOptions options) {
    options.port = 0;
    auto service = Service::listen(std::move(options));
    REQUIRE_FALSE(service.ok());
    CHECK(service.code() == Code::invalid_argument);
    return service.status().detail();
  };
  CHECK(refusal({.host = "localhost.example"}).find("host") != std::string::npos);
  CHECK(refusal({.host = ""}).find("host") != std::string::npos);
  CHECK(refusal({.header_deadline = std::chrono::milliseconds(0)}).find("header_deadline") != std::string::npos);
  CHECK(refusal({.max_connections = 0}).find("max_connections") != std::string::npos);
  CHECK(refusal({.max_connections = 100'000'000}).find("open files") != std::string::npos);
  CHECK(refusal({.workers = 0}).find("workers") != std::string::npos);
}

TEST_CASE("64 clients with one nonce get one execution and 64 equal receipts") {
  Host host;
  constexpr std::size_t clients = 64;
  std::vector<std::string> receipts(clients);
  std::vector<int> replayed(clients);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < clients; ++i) {
    threads.emplace_back([&, i] {
      const HttpAnswer answer = host.execute(host.body("echo", "same"));
      const canon::Document document = answer.json();
      receipts[i] = test::text_at(document.root(), "receipt");
      replayed[i] = test::at(document.root(), "replayed").boolean() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::set<std::string>(receipts.begin(), receipts.end()).size() == 1);
  CHECK(std::count(replayed.begin(), replayed.end(), 0) == 1);
}

}  // namespace
}  // namespace openexec
