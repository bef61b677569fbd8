// SPDX-License-Identifier: Apache-2.0
// Every endpoint of openexecd over a real socket, in both modes.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <openexec/openexec.hpp>

#include "crypto/ed25519.hpp"
#include "signing/clawshield.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/json.hpp"
#include "support/parts.hpp"

namespace openexec {
namespace {

using test::Daemon;
using test::HttpAnswer;
using test::HttpClient;
using test::text_at;

const std::vector<std::string> in_memory{"--db-url", "sqlite://"};
constexpr const char* hello = R"({"action": "echo", "payload": {"msg":"hello world"}, "nonce":"unique-1"})";

std::string code_of(const HttpAnswer& answer) { return text_at(answer.json().root(), "code"); }
std::string error_of(const HttpAnswer& answer) {
  const canon::Document document = answer.json();
  return text_at(test::at(document.root(), "error"), "code");
}
bool is_approved(const HttpAnswer& answer) { return test::at(answer.json().root(), "approved").boolean(); }
bool is_null(const HttpAnswer& answer, std::string_view member) {
  return test::at(answer.json().root(), member).is(canon::Type::null);
}
/// The body of an execution's answer, as a replay with that entry tells it.
std::string told_again(std::string body, int entry) {
  for (const auto& [was, is] : {std::pair<std::string, std::string>{"\"replayed\":false", "\"replayed\":true"},
                                {"\"verdict\":\"executed\"", "\"verdict\":\"replayed\""}})
    body.replace(body.find(was), was.size(), is);
  return body.replace(body.find("\"entry\":"), body.npos, "\"entry\":" + std::to_string(entry) + "}");
}

TEST_CASE("In demo mode the service says so, and runs what it is given") {
  Daemon daemon(in_memory);
  HttpClient client(daemon.port());
  CHECK(daemon.greeting().find("NO APPROVAL IS VERIFIED") != std::string::npos);
  CHECK(daemon.log().find("no approval is verified") != std::string::npos);
  CHECK(daemon.log().find("\"port\":" + std::to_string(daemon.port())) != std::string::npos);

  CHECK(client.get("/").body ==
        R"({"service":"OpenExec","status":"running","version":")" + std::string(version()) + "\"}");
  CHECK(client.get("/health").body == R"({"status":"healthy","exec_mode":"demo","signature_verification":"disabled",)"
                                      R"("restriction":"open","warning":"No execution allow-list configured"})");
  CHECK(client.get("/ready").body == R"({"ready":true})");
  const HttpAnswer metadata = client.get("/version");
  CHECK(text_at(metadata.json().root(), "version") == version());
  CHECK(text_at(metadata.json().root(), "timestamp").ends_with('Z'));

  const HttpAnswer answer = client.post("/execute", hello);
  CHECK(answer.status == 200);
  CHECK(answer.headers.at("content-type") == "application/json");
  CHECK(answer.headers.at("cache-control") == "no-store");
  const canon::Document document = answer.json();
  const canon::View root = document.root();
  CHECK(root.size() == 10);
  CHECK(text_at(root, "verdict") == "executed");
  CHECK(text_at(root, "effect") == "confirmed");
  CHECK(canon::jcs(test::at(root, "entry")) == "0");
  CHECK(text_at(root, "action") == "echo");
  CHECK(text_at(root, "code") == "ok");
  CHECK(test::at(root, "approved").boolean());
  CHECK_FALSE(test::at(root, "replayed").boolean());
  // The very bytes that the receipt covers.
  CHECK(answer.body.find(R"("result":{"echo": {"msg": "hello world"}},)") != std::string::npos);
  CHECK(text_at(root, "receipt") == receipt_of(text_at(root, "id"), R"({"echo": {"msg": "hello world"}})"));

  const HttpAnswer replay =
      client.post("/execute", R"({"nonce":"unique-1","action":"echo","payload":{"msg":"hello world"}})");
  CHECK(replay.status == 200);
  CHECK(replay.body == told_again(answer.body, 1));

  CHECK(
      client.post("/execute", R"({"action":"add","payload":{"a":2,"b":3},"nonce":"sum"})").body.find("{\"sum\": 5}") !=
      std::string::npos);
  // A tool call carries its arguments as a JSON text.
  CHECK(code_of(client.post("/execute", R"({"action":"add","payload":"{\"a\":2,\"b\":3}","nonce":"sum-2"})")) == "ok");
}

TEST_CASE("A refusal answers in the shape of an execution, with its receipt") {
  Daemon daemon(in_memory, {{"OPENEXEC_ALLOWED_ACTIONS", "echo, send_email"}});
  HttpClient client(daemon.port());
  CHECK(client.get("/health").body.find(R"("restriction":"restricted","allow_list":["echo","send_email"])") !=
        std::string::npos);

  const HttpAnswer refused = client.post("/execute", R"({"action":"add","payload":{"a":1,"b":2},"nonce":"n"})");
  CHECK(refused.status == 403);
  CHECK(code_of(refused) == "action_not_allowed");
  CHECK_FALSE(is_approved(refused));
  const canon::Document document = refused.json();
  CHECK(text_at(document.root(), "receipt") ==
        receipt_of(text_at(document.root(), "id"), R"({"error": "action_not_allowed"})"));
  CHECK_FALSE(text_at(document.root(), "detail").empty());

  const HttpAnswer listed = client.post("/execute", R"({"action":"send_email","payload":{},"nonce":"n2"})");
  CHECK(listed.status == 400);
  CHECK(text_at(listed.json().root(), "detail").find("Unknown action: send_email") != std::string::npos);

  for (const auto& [body, status] :
       {std::pair{"", 400}, std::pair{"{", 400}, std::pair{"[]", 422}, std::pair{"{}", 422},
        std::pair{R"({"action":"echo","nonce":"n","x":1})", 400}, std::pair{R"({"action":"echo"})", 422},
        std::pair{R"({"action":1,"nonce":"n"})", 422}}) {
    CAPTURE(body);
    const HttpAnswer malformed = client.post("/execute", body);
    CHECK(malformed.status == status);
    CHECK(code_of(malformed) == "malformed_request");
    CHECK_FALSE(is_approved(malformed));
    CHECK(is_null(malformed, "id"));
    CHECK(is_null(malformed, "action"));
    CHECK(text_at(malformed.json().root(), "receipt") == receipt_of("", R"({"error": "malformed_request"})"));
  }
}

TEST_CASE("An allow-list that is set and empty allows nothing") {
  Daemon daemon(in_memory, {{"OPENEXEC_ALLOWED_ACTIONS", ""}});
  HttpClient client(daemon.port());
  CHECK(client.get("/health").body.find(R"("restriction":"restricted","allow_list":[])") != std::string::npos);
  CHECK(code_of(client.post("/execute", hello)) == "action_not_allowed");
}

TEST_CASE("An Idempotency-Key stands in for the nonce, and never for another one") {
  Daemon daemon(in_memory);
  HttpClient client(daemon.port());
  const HttpAnswer first = client.post("/execute", hello);
  const std::string without = R"({"action": "echo", "payload": {"msg":"hello world"}})";

  const HttpAnswer by_header = client.post("/execute", without, {{"Idempotency-Key", "\"unique-1\""}});
  CHECK(by_header.status == 200);
  CHECK(test::at(by_header.json().root(), "replayed").boolean());
  CHECK(text_at(by_header.json().root(), "id") == text_at(first.json().root(), "id"));
  CHECK(client.post("/execute", hello, {{"idempotency-key", "\"unique-1\""}}).status == 200);

  CHECK(client.post("/execute", without, {{"Idempotency-Key", "unique-1"}}).json().root().size() == 10);
  CHECK(client.post("/execute", hello, {{"Idempotency-Key", "unique-1"}}).status == 200);
  const HttpAnswer two = client.post("/execute", hello, {{"Idempotency-Key", "unique-2"}});
  for (const char* named : {"Idempotency-Key", "member nonce", "--idempotency-key ignore"})
    CHECK(text_at(two.json().root(), "detail").find(named) != std::string::npos);

  for (const char* bad : {"\"unique-2\"", "unique-2", "\"unique-1\";p=1", "unique-1, unique-1",
                          "\"unique-1\", \"unique-1\"", "\"unique-1"}) {
    CAPTURE(bad);
    const HttpAnswer answer = client.post("/execute", hello, {{"Idempotency-Key", bad}});
    CHECK(answer.status == 400);
    CHECK(code_of(answer) == "malformed_request");
    CHECK_FALSE(is_null(answer, "receipt"));  // it reached the boundary
  }
  CHECK(client.post("/execute", without, {{"Idempotency-Key", "\"unique-1\""}, {"Idempotency-Key", "\"unique-1\""}})
            .status == 400);
  CHECK(client.post("/execute", without, {{"Idempotency-Key", "\"unique"}, {"Idempotency-Key", "-1\""}}).status == 400);
  CHECK(client.post("/execute", without, {{"Idempotency-Key", "\"\""}}).status == 400);
  CHECK(client.post("/execute", without).status == 422);
}

TEST_CASE("A service told to ignore Idempotency-Key takes the nonce from the body alone") {
  Daemon daemon({"--db-url", "sqlite://", "--idempotency-key", "ignore"});
  HttpClient client(daemon.port());
  CHECK(client.post("/execute", hello, {{"Idempotency-Key", "of-the-gateway"}}).status == 200);
  CHECK(client.post("/execute", R"({"action":"echo"})", {{"Idempotency-Key", "of-the-gateway"}}).status == 422);
}

TEST_CASE("Every payload of the table has its answer over HTTP") {
  Daemon daemon(in_memory);
  HttpClient client(daemon.port());
  const canon::Document table = test::read_json(test::vectors() / "payloads.json");
  std::size_t cases = 0;
  for (const auto [unused, row] : test::at(table.root(), "cases")) {
    const std::string json(text_at(row, "json"));
    INFO(text_at(row, "id"));
    const HttpAnswer answer = client.post("/execute", R"({"action":"echo","nonce":")" + std::to_string(++cases) + '"' +
                                                          (json.empty() ? "" : ",\"payload\":" + json) + "}");
    CHECK(answer.status == (row.find("payload") ? 200 : test::at(row, "http").integer()));
    if (!row.find("payload")) continue;
    const canon::Document told = answer.json();
    CHECK(canon::jcs(test::at(test::at(told.root(), "result"), "echo")) == text_at(row, "payload"));
  }
  CHECK(cases > 0);
}

TEST_CASE("One flag raises the limit of a body and of a request") {
  Daemon daemon({"--db-url", "sqlite://", "--body-limit", "4000000"});
  HttpClient client(daemon.port());
  const auto of_size = [](std::size_t size) {
    return R"({"action":"add","nonce":"large","payload":{"a":1,"b":2,"pad":")" + std::string(size, 'x') + "\"}}";
  };
  CHECK(client.post("/execute", of_size(3'500'000)).body.find("{\"sum\": 3}") != std::string::npos);
  CHECK(client.post("/execute", of_size(4'000'000)).status == 413);
}

TEST_CASE("A name that breaks its rule is 400; only a missing or mistyped field is 422") {
  Daemon daemon(in_memory);
  HttpClient client(daemon.port());
  CHECK(client.post("/execute", R"({"action":"no blanks","nonce":"n"})").status == 400);
  CHECK(client.post("/execute", R"({"action":"","nonce":"n"})").status == 400);
  CHECK(client.post("/execute", R"({"action":"echo","nonce":"\u0001"})").status == 400);
  CHECK(client.post("/execute", R"({"action":"echo","nonce":1})").status == 422);
}

TEST_CASE("A receipt verifies in any spacing of its result, and with nothing else") {
  Daemon daemon(in_memory);
  HttpClient client(daemon.port());
  const HttpAnswer executed = client.post("/execute", hello);
  const canon::Document document = executed.json();
  const std::string id = text_at(document.root(), "id");
  const std::string receipt = text_at(document.root(), "receipt");
  const auto verify = [&](const std::string& exec_id, const std::string& result, const std::string& hash) {
    const HttpAnswer answer = client.post(
        "/receipts/verify", R"({"exec_id":)" + exec_id + R"(,"result":)" + result + R"(,"receipt":")" + hash + "\"}");
    CHECK(answer.status == 200);
    return answer.body;
  };
  const std::string quoted_id = "\"" + id + "\"";
  const std::string yes = R"({"valid":true,"recorded":true,"index":0,"verdict":"executed","code":"ok"})";
  const std::string unrecorded = R"({"valid":true,"recorded":false,"index":null,"verdict":null,"code":null})";
  const std::string no = R"({"valid":false,"recorded":false,"index":null,"verdict":null,"code":null})";
  CHECK(verify(quoted_id, R"("{\"echo\": {\"msg\": \"hello world\"}}")", receipt) == yes);
  CHECK(verify(quoted_id, R"("{\"echo\":{\"msg\":\n\"hello world\"}}")", receipt) == yes);
  CHECK(verify(quoted_id, R"({"echo":{"msg":"hello world"}})", receipt) == yes);  // the value itself
  CHECK(verify(quoted_id, R"("{\"echo\":{\"msg\":\"hello World\"}}")", receipt) == no);
  CHECK(verify(quoted_id, R"("not JSON")", receipt) == no);
  CHECK(verify(quoted_id, R"("{\"echo\":{\"msg\":\"hello world\"}}")", std::string(64, '0')) == no);
  CHECK(verify("\"" + std::string(64, 'a') + "\"", R"("{\"echo\":{\"msg\":\"hello world\"}}")", receipt) == no);
  CHECK(verify("null", R"("{\"error\":\"malformed_request\"}")", receipt_of("", R"({"error": "malformed_request"})")) ==
        unrecorded);

  // A receipt that somebody made of an execution that never was, and one of an answer that this execution never got.
  const std::string never(64, 'a');
  CHECK(verify("\"" + never + "\"", "1", receipt_of(never, "1")) == unrecorded);
  CHECK(verify(quoted_id, "2", receipt_of(id, "2")) == unrecorded);
  // A refusal's receipt is recorded as what it is.
  const canon::Document refused = client.post("/execute", R"({"action":"nobody","payload":{},"nonce":"r"})").json();
  CHECK(verify("\"" + text_at(refused.root(), "id") + "\"", R"({"error":"unknown_action"})",
               text_at(refused.root(), "receipt")) ==
        R"({"valid":true,"recorded":true,"index":1,"verdict":"refused","code":"unknown_action"})");

  CHECK(client.post("/receipts/verify", "nonsense").status == 400);
  for (const char* body : {"[]", "{}", R"({"exec_id":1,"result":"1","receipt":"a"})",
                           R"({"exec_id":"a","receipt":"a"})", R"({"exec_id":"a","result":"1","receipt":null})"}) {
    CAPTURE(body);
    const HttpAnswer answer = client.post("/receipts/verify", body);
    CHECK(answer.status == 422);
    CHECK(error_of(answer) == "invalid_field");
  }
}

TEST_CASE("A recorded result is the same result when a client has rewritten its numbers") {
  Daemon daemon(in_memory);
  HttpClient client(daemon.port());
  const canon::Document done =
      client.post("/execute", R"({"action":"echo","payload":{"total":10.0,"large":1e16},"nonce":"t"})").json();
  const std::string id = text_at(done.root(), "id");
  const std::string receipt = text_at(done.root(), "receipt");
  const auto verify = [&](const std::string& exec_id, const std::string& result, const std::string& hash) {
    return client
        .post("/receipts/verify",
              R"({"exec_id":")" + exec_id + R"(","result":)" + result + R"(,"receipt":")" + hash + "\"}")
        .body;
  };
  const std::string yes = R"({"valid":true,"recorded":true,"index":0,"verdict":"executed","code":"ok"})";
  const std::string no = R"({"valid":false,"recorded":false,"index":null,"verdict":null,"code":null})";
  CHECK(verify(id, R"({"echo":{"total":10.0,"large":1e16}})", receipt) == yes);
  CHECK(verify(id, R"({"echo":{"large":10000000000000000,"total":10}})", receipt) == yes);  // as JavaScript writes it
  CHECK(verify(id, R"("{\"echo\":{\"large\":10000000000000000,\"total\":1e1}}")", receipt) == yes);
  CHECK(verify(id, R"({"echo":{"large":10000000000000000,"total":11}})", receipt) == no);
  CHECK(verify(id, R"({"echo":{"large":1e16}})", receipt) == no);
  // Where nothing is recorded there is no value to compare with: the bytes decide.
  const std::string never(64, 'a');
  CHECK(verify(never, R"({"total":10})", receipt_of(never, R"({"total": 10.0})")) == no);
  CHECK(verify(never, R"({"total":10.0})", receipt_of(never, R"({"total": 10.0})")).find(R"("valid":true)") !=
        std::string::npos);
}

TEST_CASE("The log entries of an execution can be read by its id, newest first and bounded") {
  Daemon daemon({"--db-url", "sqlite://", "--max-replays-per-second", "1000"});
  HttpClient client(daemon.port());
  const std::string id = text_at(client.post("/execute", hello).json().root(), "id");
  client.post("/execute", hello);

  const HttpAnswer answer = client.get("/receipts/" + id + "?format=json");
  CHECK(answer.status == 200);
  const canon::Document document = answer.json();
  CHECK(text_at(document.root(), "exec_id") == id);
  const canon::View entries = test::at(document.root(), "entries");
  REQUIRE(entries.size() == 2);
  std::vector<std::string> verdicts;
  for (const auto& [key, line] : entries) {
    CHECK(test::at(line, "index").integer() == 1 - static_cast<std::int64_t>(verdicts.size()));
    CHECK(text_at(line, "leaf_hash").size() == 64);
    const canon::View entry = test::at(line, "entry");
    CHECK(text_at(entry, "exec_id") == id);
    CHECK_FALSE(entry.find("payload"));
    CHECK_FALSE(entry.find("result"));
    verdicts.push_back(text_at(entry, "verdict"));
  }
  CHECK(verdicts == std::vector<std::string>{"replayed", "executed"});

  for (int i = 0; i < 110; ++i) client.post("/execute", hello);
  const canon::Document many = client.get("/receipts/" + id).json();
  CHECK(test::at(many.root(), "entries").size() == 100);
  CHECK(test::at(many.root(), "next").integer() == 12);

  client.post("/execute", "malformed");
  for (const std::string& unknown : {std::string(64, 'a'), std::string(64, '0'), std::string(63, 'a'),
                                     std::string(64, 'A'), std::string(), std::string("../etc/passwd"), id + "/"}) {
    CAPTURE(unknown);
    const HttpAnswer none = client.get("/receipts/" + unknown);
    CHECK(none.status == 404);
    CHECK(error_of(none) == "not_found");
  }
}

TEST_CASE("Wrong paths, methods and types are told apart") {
  Daemon daemon(in_memory);
  HttpClient client(daemon.port());
  for (const char* path : {"/nothing", "/execute/", "/Execute", "/health/x", "/receipts", "*", "//", "/%65xecute"}) {
    CAPTURE(path);
    const HttpAnswer answer = client.get(path);
    CHECK(answer.status == 404);
    CHECK(error_of(answer) == "not_found");
    for (const char* known : {"GET /health", "POST /execute", "GET /receipts/...", "POST /receipts/verify"})
      CHECK(answer.body.find(known) != std::string::npos);
  }
  for (const char* path : {"/", "/health", "/ready", "/version", "/receipts/abc"}) {
    CAPTURE(path);
    for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"}) {
      HttpClient other(daemon.port());
      const HttpAnswer answer = other.request(method, path);
      CHECK(answer.status == 405);
      CHECK(answer.headers.at("allow") == "GET, HEAD, OPTIONS");
    }
    const HttpAnswer options = client.request("OPTIONS", path);
    CHECK(options.status == 204);
    CHECK(options.headers.at("allow") == "GET, HEAD, OPTIONS");
  }
  for (const char* path : {"/execute", "/receipts/verify"}) {
    CAPTURE(path);
    const HttpAnswer answer = client.get(path);
    CHECK(answer.status == 405);
    CHECK(answer.headers.at("allow") == "POST, OPTIONS");
  }
  CHECK(client.request("OPTIONS", "*").status == 204);
  CHECK(client.get("http://localhost/health").status == 200);
  CHECK(client.get("/health?verbose=1").status == 200);

  const HttpAnswer whole = client.get("/health");
  const HttpAnswer head = client.request("HEAD", "/health");
  CHECK(head.status == 200);
  CHECK(head.headers.at("content-length") == std::to_string(whole.body.size()));
  CHECK(client.get("/health").body == whole.body);  // nothing of HEAD's body is in the way

  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                           "application/json; charset=latin1", "application/json; charset=utf-8; x=y", ""}) {
    CAPTURE(type);
    HttpClient other(daemon.port());
    const HttpAnswer answer = other.request("POST", "/execute", hello, {{"Content-Type", type}});
    CHECK(answer.status == 415);
    CHECK(code_of(answer) == "malformed_request");
    CHECK(is_null(answer, "receipt"));  // it never reached the boundary
    CHECK_FALSE(is_approved(answer));
  }
  HttpClient missing(daemon.port());
  CHECK(missing.request("POST", "/execute", hello).status == 415);
  HttpClient verify(daemon.port());
  CHECK(error_of(verify.request("POST", "/receipts/verify", "{}", {{"Content-Type", "text/plain"}})) ==
        "unsupported_media_type");
  HttpClient zipped(daemon.port());
  CHECK(zipped.post("/execute", hello, {{"Content-Encoding", "gzip"}}).status == 415);
  for (const char* type : {"application/json", "Application/JSON", "application/json;charset=UTF-8",
                           "application/json ; charset=\"utf-8\"", "application/json; charset=utf8"}) {
    CAPTURE(type);
    CHECK(client.request("POST", "/execute", hello, {{"Content-Type", type}}).status == 200);
  }
}

struct Approver {
  crypto::PrivateKey key = *crypto::PrivateKey::generate();
  std::string tenant = "tenant-id";

  [[nodiscard]] std::string approve(const std::string& action, const std::string& payload) const {
    const auto proposal = Proposal::parse({.action = action, .payload = payload, .nonce = "any"}, tenant);
    const Timestamp now = system_clock()->now();
    return *signing::sign_clawshield_v1(key, *proposal,
                                        {.tenant_id = tenant,
                                         .approval_id = signing::uuid_v4(),
                                         .issued_at = now,
                                         .expires_at = {now.micros + 600'000'000}});
  }
  /// As an environment variable can carry it, in one line.
  [[nodiscard]] std::string public_key() const {
    std::string pem = key.public_key().to_pem();
    for (std::size_t at = 0; (at = pem.find('\n', at)) != pem.npos;) pem.replace(at, 1, "\\n");
    return pem;
  }
};

std::string request(const std::string& payload, const std::string& nonce, const std::string& artifact) {
  return R"({"action":"echo","payload":)" + payload + R"(,"nonce":")" + nonce + R"(","approval_artifact":)" + artifact +
         "}";
}

TEST_CASE("In clawshield mode nothing runs without its own approval, which runs once, across a restart") {
  const Approver approver;
  const test::TemporaryFolder folder;
  const test::Environment environment{{"OPENEXEC_MODE", "clawshield"},
                                      {"CLAWSHIELD_PUBLIC_KEY", approver.public_key()},
                                      {"CLAWSHIELD_TENANT_ID", approver.tenant},
                                      {"OPENEXEC_DB_URL", "sqlite:///" + folder.file("ledger.db")}};
  const std::string artifact = approver.approve("echo", R"({"n":1})");
  std::string executed;
  {
    Daemon daemon({}, environment);
    HttpClient client(daemon.port());
    CHECK(client.get("/health").body.find(R"("exec_mode":"clawshield","signature_verification":"enabled")") !=
          std::string::npos);
    CHECK(client.get("/ready").status == 200);
    CHECK(daemon.greeting().find("NO APPROVAL") == std::string::npos);

    const HttpAnswer missing = client.post("/execute", R"({"action":"echo","payload":{"n":1},"nonce":"a"})");
    CHECK(missing.status == 403);
    CHECK(code_of(missing) == "approval_missing");
    const HttpAnswer ran = client.post("/execute", request(R"({"n":1})", "a", artifact));
    CHECK(ran.status == 200);
    CHECK(is_approved(ran));
    executed = ran.body;
    const HttpAnswer changed = client.post("/execute", request(R"({"n":2})", "b", artifact));
    CHECK(changed.status == 403);
    CHECK(code_of(changed) == "approval_hash_mismatch");
    CHECK(text_at(changed.json().root(), "detail").find("hash mismatch") != std::string::npos);
    const HttpAnswer spent = client.post("/execute", request(R"({"n":1})", "b", artifact));
    CHECK(spent.status == 403);
    CHECK(code_of(spent) == "approval_spent");
    CHECK(daemon.terminate() == 0);
    CHECK(daemon.log().find("\"nonce\"") == std::string::npos);
    CHECK(daemon.log().find(approver.tenant) == std::string::npos);
  }
  Daemon daemon({}, environment);
  HttpClient client(daemon.port());
  const HttpAnswer replay = client.post("/execute", request(R"({"n":1})", "a", artifact));
  CHECK(replay.body == told_again(executed, 4));
  CHECK(code_of(client.post("/execute", request(R"({"n":1})", "b", artifact))) == "approval_spent");
}

TEST_CASE("The log is one strict JSON object a line, and nothing that a client sent is in it") {
  const Approver approver;
  Daemon daemon(in_memory, {{"OPENEXEC_MODE", "clawshield"},
                            {"CLAWSHIELD_PUBLIC_KEY", approver.public_key()},
                            {"CLAWSHIELD_TENANT_ID", approver.tenant}});
  HttpClient client(daemon.port());
  const std::string artifact = approver.approve("echo", R"({"x":"secret-payload"})");
  CHECK(
      client.post("/execute?key=secret-query", request(R"({"x":"secret-payload"})", "secret-nonce", artifact)).status ==
      200);
  CHECK(client.post("/execute", request(R"({"x":"secret-payload"})", "secret-nonce-2", artifact)).status == 403);
  CHECK(client.post("/execute", "secret-garbage").status == 400);
  CHECK(client.post("/execute", "{}", {{"Idempotency-Key", "\"secret-key\""}, {"Authorization", "secret-token"}})
            .status == 422);
  CHECK(client.get("/secret-path").status == 404);
  CHECK(client.get("/receipts/secret-id").status == 404);
  CHECK(client.post("/receipts/verify", R"({"exec_id":"secret-id","result":"1","receipt":"secret"})").status == 200);
  CHECK(HttpClient(daemon.port()).request("secret-method", "/").status == 405);
  CHECK(daemon.terminate() == 0);

  const std::string log = daemon.log();
  CHECK(log.find("secret") == std::string::npos);
  CHECK(log.find(text_at(test::parse_json(artifact).root(), "signature")) == std::string::npos);
  std::istringstream lines(log);
  std::size_t requests = 0;
  for (std::string line; std::getline(lines, line);) {
    const canon::Document document = test::parse_json(line);
    CHECK(text_at(document.root(), "time").ends_with('Z'));
    if (text_at(document.root(), "event") != "request") continue;
    ++requests;
    CHECK(text_at(document.root(), "peer") == "127.0.0.1");
    CHECK_FALSE(text_at(document.root(), "path").empty());  // "unknown" where a client put in what it liked
    CHECK(document.root().find("duration_us").has_value());
  }
  CHECK(requests == 8);
  CHECK(log.find(R"("action":"echo","verdict":"executed","effect":"confirmed","replayed":false)") != std::string::npos);
  CHECK(log.find(R"("action":"echo","verdict":"refused","effect":"none","replayed":false)") != std::string::npos);
  CHECK(log.find(R"("path":"unknown")") != std::string::npos);
}

TEST_CASE("What is not configured refuses, and readiness says why") {
  const Approver approver;
  const std::string artifact = approver.approve("echo", "{}");
  {
    Daemon daemon(in_memory, {{"OPENEXEC_MODE", "clawshield"}, {"CLAWSHIELD_TENANT_ID", approver.tenant}});
    HttpClient client(daemon.port());
    const HttpAnswer ready = client.get("/ready");
    CHECK(ready.status == 503);
    CHECK(ready.body.find("CLAWSHIELD_PUBLIC_KEY not configured") != std::string::npos);
    const HttpAnswer answer = client.post("/execute", request("{}", "n", artifact));
    CHECK(code_of(answer) == "approval_key_missing");
    CHECK(text_at(answer.json().root(), "detail").find("CLAWSHIELD_PUBLIC_KEY not configured") != std::string::npos);
    CHECK(client.get("/health").status == 503);
    CHECK(client.get("/health").body.find(R"("status":"not_ready")") != std::string::npos);
  }
  Daemon daemon(in_memory, {{"OPENEXEC_MODE", "clawshield"}, {"CLAWSHIELD_PUBLIC_KEY", approver.public_key()}});
  HttpClient client(daemon.port());
  CHECK(client.get("/ready").body.find("CLAWSHIELD_TENANT_ID not configured") != std::string::npos);
  CHECK(code_of(client.post("/execute", request("{}", "n", artifact))) == "approval_tenant_mismatch");
}

TEST_CASE("Settings that are wrong stop the start, and say what to do") {
  const auto refused = [](const std::vector<std::string>& flags, const test::Environment& environment, int exit_code,
                          const std::string& says) {
    const test::Refusal refusal = test::refused_start(flags, environment);
    CAPTURE(flags, refusal.text);
    CHECK(refusal.exit_code == exit_code);
    CHECK(refusal.text.find(says) != std::string::npos);
    std::istringstream lines(refusal.text);
    std::size_t told = 0;
    for (std::string line; std::getline(lines, line);)
      if (text_at(test::parse_json(line).root(), "event") == (exit_code == 2 ? "settings_refused" : "failed")) ++told;
    CHECK(told == 1);
  };
  refused(in_memory, {{"OPENEXEC_MODE", "production"}}, 2, "OPENEXEC_MODE");
  refused(in_memory, {{"OPENEXEC_MODE", ""}}, 2, "clawshield");
  refused(in_memory, {{"OPENEXEC_MODE", "Demo"}}, 2, "demo");
  refused({"--db-url", "sqlite://", "--mode", "x"}, {{"OPENEXEC_MODE", "demo"}}, 2, "x\\\"; set it");  // the flag wins
  refused(in_memory, {{"OPENEXEC_MODE", "clawshield"}, {"CLAWSHIELD_PUBLIC_KEY", "nonsense"}}, 2,
          "CLAWSHIELD_PUBLIC_KEY (--public-key): ");
  refused({"--no\n\x1b[2J{\"event\":\"serving\"}"}, {}, 2, "\\u001b");
  refused(in_memory, {{"OPENEXEC_ADMIN_UIDS", "alice"}}, 2, "OPENEXEC_ADMIN_UIDS");
  const test::TemporaryFolder folder;
  refused({"--db-url", "sqlite:///" + folder.file("ledger.db")}, {{"OPENEXEC_LOG_KEY", "nonsense"}}, 2,
          "OPENEXEC_LOG_KEY");
  for (const char* name : {"acme ", "\tacme", "acme\xc2\xa0",
                           "\xe2\x80\x8b"
                           "acme",
                           "acme\xef\xbb\xbf", "\"acme\"", "'acme'", "acme\xff", "\n"}) {
    refused({"--mode", "demo", "--db-url", "sqlite://", "--tenant", name}, {}, 2, "CLAWSHIELD_TENANT_ID (--tenant): ");
    refused(in_memory, {{"OPENEXEC_EXECUTOR", name}}, 2, "OPENEXEC_EXECUTOR (--executor): ");
  }
  refused({"--mode", "demo", "--db-url", "sqlite://", "--tenant", std::string(256, 'a')}, {}, 2,
          "CLAWSHIELD_TENANT_ID");
  refused(in_memory, {{"OPENEXEC_EXECUTOR", ""}}, 2, "OPENEXEC_EXECUTOR (--executor): ");
  for (const char* flag :
       {"--port", "--workers", "--queue", "--max-connections", "--body-limit", "--large-body-budget",
        "--max-refusals-per-second", "--max-replays-per-second", "--idle-timeout-ms", "--admin-uids"})
    for (const char* number : {"-1", "", "0x10", "1.5", "1e3", "+1", " 1", "99999999999999999999"}) {
      CAPTURE(flag, number);
      refused({"--db-url", "sqlite://", std::string(flag) + "=" + number}, {}, 2, flag);
    }
  for (const char* at : {"example.org:9464", "127.0.0.1:99999", "127.0.0.1", ":", "127.0.0.1:"})
    refused({"--db-url", "sqlite://", "--metrics-listen", at}, {}, 2, "--metrics-listen: ");
  refused(in_memory, {{"OPENEXEC_ADMIN_SOCKET", "/no/such/folder/admin"}}, 1,
          "OPENEXEC_ADMIN_SOCKET (--admin-socket): ");
  refused(in_memory, {{"OPENEXEC_ALLOWED_ACTIONS", "echo,send mail"}}, 2,
          "OPENEXEC_ALLOWED_ACTIONS (--allowed-actions): name 2");
  refused({"--db-url", "sqlite://", "--allowed-hosts", "http://x"}, {}, 2, "OPENEXEC_ALLOWED_HOSTS");
  refused({"--no-such-flag"}, {}, 2, "no-such-flag");
  refused({"--port", "65536"}, {}, 2, "port");
  refused({"--db-url", "sqlite:///" + folder.file("anchored.db")}, {{"OPENEXEC_LOG_ANCHOR", "/no/such/folder/x"}}, 1,
          "OPENEXEC_LOG_ANCHOR (--log-anchor)");
  refused({"--db-url", "sqlite:///" + folder.file("named.db")}, {{"OPENEXEC_LOG_ORIGIN", "two words"}}, 2,
          "OPENEXEC_LOG_ORIGIN (--log-origin): ");
  refused(in_memory, {{"OPENEXEC_HANDLERS", folder.file("none")}, {"OPENEXEC_MODE", "demo"}}, 2,
          "OPENEXEC_HANDLERS (--handlers): ");
  refused(in_memory, {{"OPENEXEC_TRUST_POLICY", folder.file("none")}}, 2, "OPENEXEC_TRUST_POLICY (--trust-policy): ");
  refused({"--db-url", "postgres://somewhere"}, {}, 2, "OPENEXEC_DB_URL");
  refused({"--db-url", "sqlite:////no/such/folder/x.db"}, {}, 1, "OPENEXEC_DB_URL");
  refused({"--db-url", "sqlite://", "--host", "example.com"}, {}, 2, "--host");
  refused({"--db-url", "sqlite://", "--workers", "0"}, {}, 2, "--workers");
  refused({"--db-url", "sqlite://", "--max-connections", "100000000"}, {}, 2, "--max-connections");
  Daemon daemon(in_memory);
  refused({"--db-url", "sqlite://", "--port", std::to_string(daemon.port())}, {}, 1, "--port: cannot listen");
  refused({"--db-url", "sqlite://", "--metrics-listen", "127.0.0.1:" + std::to_string(daemon.port())}, {}, 1,
          "--metrics-listen: metrics: cannot listen");
}

TEST_CASE("A key between quotes and blanks is taken as what it is") {
  const Approver approver;
  for (const std::string& key : {"\"" + approver.public_key() + "\"", "'" + approver.public_key() + "'\n",
                                 "  " + approver.key.public_key().to_pem() + "\n \t"}) {
    Daemon daemon(
        in_memory,
        {{"OPENEXEC_MODE", "clawshield"}, {"CLAWSHIELD_PUBLIC_KEY", key}, {"CLAWSHIELD_TENANT_ID", approver.tenant}});
    HttpClient client(daemon.port());
    CHECK(client.post("/execute", request("{}", "n", approver.approve("echo", "{}"))).status == 200);
    std::istringstream lines(daemon.log());
    for (std::string line; std::getline(lines, line);) CHECK_NOTHROW(test::parse_json(line));
  }
}

TEST_CASE("A name on the allow-list that has no handler ends the start, and is warned about in demo mode") {
  const std::string says =
      "OPENEXEC_ALLOWED_ACTIONS (--allowed-actions): no handler is registered for send_emial, charge";
  const test::Environment typo{{"OPENEXEC_ALLOWED_ACTIONS", "echo,send_emial,charge"}};
  for (const char* mode : {"clawshield", "policy"}) {
    CAPTURE(mode);
    const test::TemporaryFolder folder;
    const std::string handlers = folder.file("handlers.json");
    std::ofstream(handlers) << R"({"send_email": {"argv": ["/bin/cat"]}})";
    const std::vector<std::string> flags{
        "--db-url", "sqlite:///" + folder.file("ledger.db"), "--mode", mode, "--tenant", "acme", "--handlers",
        handlers};
    const test::Refusal refusal = test::refused_start(flags, typo);
    CHECK(refusal.exit_code == 2);
    CHECK(refusal.text.find(R"("event":"settings_refused","detail":")" + says) != std::string::npos);
    CHECK(refusal.text.find("OPENEXEC_HANDLERS") != std::string::npos);
    CHECK(std::count(refusal.text.begin(), refusal.text.end(), '\n') == 1);
    CHECK_FALSE(std::filesystem::exists(folder.file("ledger.db")));
    std::vector<std::string> flag = flags;
    flag.insert(flag.end(), {"--allowed-actions", "send_emial,charge"});
    CHECK(test::refused_start(flag, {{"OPENEXEC_ALLOWED_ACTIONS", "echo"}}).text.find(says) != std::string::npos);
    const Daemon good(flags, {{"OPENEXEC_ALLOWED_ACTIONS", "send_email,add"}});
    CHECK(good.log().find("no handler") == std::string::npos);
  }
  const Daemon demo(in_memory, typo);
  CHECK(demo.log().find(R"("event":"warning","detail":")" + says) != std::string::npos);
}

TEST_CASE("Demo mode is never reached by forgetting the mode") {
  const Approver approver;
  const test::TemporaryFolder folder;
  const std::string handlers = folder.file("handlers.json");
  std::ofstream(handlers) << R"({"cat": {"argv": ["/bin/cat"]}})";
  struct Case {
    std::vector<std::string> flags;
    test::Environment environment;
    std::string names;
  };
  const Case cases[] = {
      {{"--public-key", approver.public_key()}, {}, "CLAWSHIELD_PUBLIC_KEY (--public-key)"},
      {{}, {{"CLAWSHIELD_PUBLIC_KEY", "nonsense"}}, "CLAWSHIELD_PUBLIC_KEY (--public-key)"},
      {{"--tenant", "acme"}, {}, "CLAWSHIELD_TENANT_ID (--tenant)"},
      {{}, {{"CLAWSHIELD_TENANT_ID", "acme"}}, "CLAWSHIELD_TENANT_ID (--tenant)"},
      {{"--handlers", handlers}, {}, "OPENEXEC_HANDLERS (--handlers)"},
      {{}, {{"OPENEXEC_HANDLERS", folder.file("none")}}, "OPENEXEC_HANDLERS (--handlers)"},
      {{"--host", "0.0.0.0"}, {}, "--host"},
      {{"--host", "::"}, {}, "--host"},
      {{"--host", "192.0.2.1"}, {}, "--host"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.flags);
    std::vector<std::string> flags = in_memory;
    flags.insert(flags.end(), c.flags.begin(), c.flags.end());
    const test::Refusal refusal = test::refused_start(flags, c.environment);
    CHECK(refusal.exit_code == 2);
    for (const std::string& says : {c.names, std::string("--mode demo"), std::string("--mode clawshield")})
      CHECK(refusal.text.find(says) != std::string::npos);
    CHECK(refusal.text.find("nonsense") == std::string::npos);
  }
  const test::Refusal all = test::refused_start({"--tenant", "acme", "--handlers", handlers, "--host", "0.0.0.0"},
                                                {{"CLAWSHIELD_PUBLIC_KEY", "x"}});
  for (const char* name : {"CLAWSHIELD_PUBLIC_KEY", "CLAWSHIELD_TENANT_ID", "OPENEXEC_HANDLERS", "--host"})
    CHECK(all.text.find(name) != std::string::npos);

  for (const char* host : {"127.0.0.1", "127.1.2.3", "localhost"})
    CHECK(Daemon({"--db-url", "sqlite://", "--host", host}).greeting().find("demo") != std::string::npos);
  CHECK(Daemon({"--db-url", "sqlite://", "--mode", "demo", "--tenant", "acme", "--handlers", handlers})
            .greeting()
            .find("demo") != std::string::npos);
}

TEST_CASE("A ledger that has spent approvals is served in demo mode only where the mode was named, with a warning") {
  const Approver approver;
  const test::TemporaryFolder folder;
  const std::vector<std::string> flags{"--db-url", "sqlite:///" + folder.file("ledger.db")};
  { CHECK(HttpClient(Daemon(flags).port()).post("/execute", hello).status == 200); }
  { const Daemon still_demo(flags); }
  {
    const Daemon daemon(flags, {{"OPENEXEC_MODE", "clawshield"},
                                {"CLAWSHIELD_PUBLIC_KEY", approver.public_key()},
                                {"CLAWSHIELD_TENANT_ID", approver.tenant}});
    HttpClient client(daemon.port());
    CHECK(client.post("/execute", request(R"({"n":1})", "approved", approver.approve("echo", R"({"n":1})"))).status ==
          200);
  }
  const test::Refusal refusal = test::refused_start(flags);
  CHECK(refusal.exit_code == 2);
  CHECK(refusal.text.find("has spent approvals") != std::string::npos);
  CHECK(refusal.text.find("--mode demo") != std::string::npos);
  const Daemon named(flags, {{"OPENEXEC_MODE", "demo"}});
  CHECK(named.log().find("has spent approvals") != std::string::npos);
}

TEST_CASE("A service told that its ledger must exist makes none") {
  const test::TemporaryFolder folder;
  std::vector<std::string> flags{"--db-url", "sqlite:///" + folder.file("ledger.db"), "--ledger-must-exist"};
  const test::Refusal refusal = test::refused_start(flags);
  CHECK(refusal.exit_code == 1);
  CHECK(refusal.text.find("must exist") != std::string::npos);
  CHECK(std::filesystem::is_empty(folder.file("")));
  { const Daemon makes({flags[0], flags[1]}); }
  const Daemon daemon(flags);
}

TEST_CASE("A second openexecd on one ledger is told who holds it") {
  const test::TemporaryFolder folder;
  const std::vector<std::string> flags{"--db-url", "sqlite:///" + folder.file("ledger.db")};
  Daemon first(flags);
  const test::Refusal refusal = test::refused_start(flags);
  CAPTURE(refusal.text);
  CHECK(refusal.exit_code == 1);
  CHECK(refusal.text.find("in use by process " + std::to_string(first.pid())) != std::string::npos);
}

}  // namespace
}  // namespace openexec
