// SPDX-License-Identifier: Apache-2.0
// openexecd under a trust policy: a real server, real clients, SIGHUP, and the rotation drill of docs/operations.md.
#include <signal.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <openexec/openexec.hpp>

#include "support/approvals.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/json.hpp"
#include "support/parts.hpp"
#include "support/plans.hpp"

namespace openexec {
namespace {

using test::Daemon;
using test::HttpAnswer;
using test::HttpClient;
using test::private_key;
using test::text_at;
using test::trusted;

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

struct Place {
  explicit Place(const TrustPolicy& policy) { write(policy.to_json()); }
  /// As an editor that replaces the file.
  void write(std::string_view text) const {
    std::ofstream(path() + ".new") << text;
    std::filesystem::rename(path() + ".new", path());
  }
  [[nodiscard]] std::string path() const { return folder.file("policy.json"); }
  [[nodiscard]] std::vector<std::string> flags() const {
    return {"--db-url", "sqlite:///" + folder.file("ledger.db"), "--trust-policy", path(), "--tenant", "acme"};
  }
  test::TemporaryFolder folder;
};

signing::DsseGrant grant_now(std::string_view token) {
  const Timestamp now = system_clock()->now();
  return {.token_id = std::string(token),
          .tenant_id = "acme",
          .issued_at = now,
          .expires_at = {now.micros + 600 * test::second}};
}

/// A request to echo, with the signatures of these keys under it.
std::string request(std::string_view nonce, const std::vector<int>& keys, const signing::DsseGrant& grant,
                    std::string_view payload = R"({"n":1})") {
  canon::JsonObject json;
  json.text("action", "echo").raw("payload", payload).text("nonce", nonce);
  if (!keys.empty())
    json.raw("approval_artifact", test::approved(test::proposal_of(nonce, payload, "echo"), grant, keys));
  return json.take();
}
std::string request(std::string_view nonce, const std::vector<int>& keys) {
  return request(nonce, keys, grant_now("token-" + std::string(nonce)));
}

std::string code_of(const HttpAnswer& answer) { return text_at(answer.json().root(), "code"); }

/// SIGHUP, and wait for what the log says of it.
std::string reload(const Daemon& daemon) {
  const auto reports = [&] {
    const std::string log = daemon.log();
    return count_of(log, R"("event":"reload)");
  };
  const std::size_t before = reports();
  daemon.signal(SIGHUP);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (reports() == before) {
    if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error("no word of the reload");
    std::this_thread::yield();
  }
  const std::string log = daemon.log();
  const std::size_t at = log.rfind(R"("event":"reload)");
  return log.substr(at, log.find('\n', at) - at);
}

TEST_CASE("Under a trust policy openexecd runs what enough of its keys approved, and refuses the rest by code") {
  const Place place(test::policy_of(test::trusted_up_to(3), 2));
  const Daemon daemon(place.flags());
  CHECK(has(daemon.greeting(), "mode     policy"));
  HttpClient client(daemon.port());
  CHECK(client.get("/ready").status == 200);
  CHECK(text_at(client.get("/health").json().root(), "exec_mode") == "policy");

  const std::string good = request("good", {0, 2});
  const HttpAnswer first = client.post("/execute", good);
  CHECK(first.status == 200);
  CHECK(code_of(first) == "ok");
  CHECK(code_of(client.post("/execute", good)) == "ok");  // a replay

  CHECK(code_of(client.post("/execute", request("none", {}))) == "approval_missing");
  CHECK(code_of(client.post("/execute", request("one", {1}))) == "approval_threshold");
  CHECK(code_of(client.post("/execute", request("twice", {1, 1}))) == "approval_threshold");
  CHECK(code_of(client.post("/execute", request("strangers", {7, 8}))) == "approval_signature_invalid");
  auto grant = grant_now("elsewhere");
  grant.audience = "another";
  CHECK(code_of(client.post("/execute", request("elsewhere", {0, 1}, grant))) == "approval_audience_mismatch");
  grant = grant_now("here");
  grant.audience = "openexecd";
  CHECK(code_of(client.post("/execute", request("here", {0, 1}, grant))) == "ok");
  grant = grant_now("theirs");
  grant.tenant_id = "globex";
  CHECK(code_of(client.post("/execute", request("theirs", {0, 1}, grant))) == "approval_tenant_mismatch");
  grant = grant_now("late");
  grant.issued_at.micros -= 1000 * test::second, grant.expires_at.micros -= 1000 * test::second;
  CHECK(code_of(client.post("/execute", request("late", {0, 1}, grant))) == "approval_expired");
  std::string other = request("other", {0, 1});
  other.replace(other.find(R"({"n":1})"), 7, R"({"n":2})");
  CHECK(code_of(client.post("/execute", other)) == "approval_hash_mismatch");
  CHECK(code_of(client.post("/execute", request("spent", {0, 1}, grant_now("token-good")))) == "approval_spent");
  CHECK_FALSE(has(daemon.log(), "token-good"));
}

TEST_CASE("An executor has the name that it is given, and approvals for another are refused") {
  const Place place(test::policy_of(test::trusted_up_to(1)));
  auto flags = place.flags();
  flags.insert(flags.end(), {"--executor", "payments-1"});
  const Daemon daemon(flags);
  HttpClient client(daemon.port());
  auto grant = grant_now("bound");
  grant.audience = "payments-1";
  CHECK(code_of(client.post("/execute", request("bound", {0}, grant))) == "ok");
  grant = grant_now("loose");
  grant.audience = "openexecd";
  CHECK(code_of(client.post("/execute", request("loose", {0}, grant))) == "approval_audience_mismatch");
}

TEST_CASE("A hostile envelope costs its sender 16 signatures at most, and nobody else an answer") {
  const Place place(test::policy_of(test::trusted_up_to(4)));
  const Daemon daemon(place.flags());
  HttpClient client(daemon.port());
  const Proposal proposal = test::proposal_of("crowd", R"({"n":1})", "echo");
  const std::string statement = signing::dsse_statement(proposal, grant_now("crowd")).value();
  std::vector<test::Signed> crowd;
  for (int number = 0; number < 17; ++number) crowd.push_back({100 + number, "k0"});
  const auto body = [&](const std::string& envelope) {
    return canon::JsonObject()
        .text("action", "echo")
        .raw("payload", R"({"n":1})")
        .text("nonce", "crowd")
        .raw("approval_artifact", envelope)
        .take();
  };
  CHECK(code_of(client.post("/execute", body(test::envelope_around(statement, crowd)))) == "approval_malformed");
  crowd.pop_back();
  CHECK(code_of(client.post("/execute", body(test::envelope_around(statement, crowd)))) ==
        "approval_signature_invalid");
  CHECK(code_of(client.post("/execute", request("honest", {0}))) == "ok");
}

TEST_CASE("What is not configured refuses, and what contradicts itself does not start") {
  const Place place(test::policy_of(test::trusted_up_to(1)));
  {
    const Daemon daemon({"--mode", "policy", "--db-url", "sqlite://", "--tenant", "acme"});
    HttpClient client(daemon.port());
    const HttpAnswer ready = client.get("/ready");
    CHECK(ready.status == 503);
    CHECK(has(ready.body, "OPENEXEC_TRUST_POLICY (--trust-policy) not configured"));
    CHECK_FALSE(has(ready.body, "PUBLIC_KEY"));
    CHECK(has(daemon.greeting(), "REFUSES"));
    CHECK(code_of(client.post("/execute", request("n", {0}))) == "approval_key_missing");
  }
  {
    const Daemon daemon({"--trust-policy", place.path(), "--db-url", "sqlite://"});
    HttpClient client(daemon.port());
    CHECK(client.get("/ready").status == 503);
    CHECK(code_of(client.post("/execute", request("n", {0}))) == "approval_tenant_mismatch");
  }
  const auto refused = [&](std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--db-url", "sqlite://", "--port", "0"});
    const test::Refusal refusal = test::refused_start(flags);
    CHECK(refusal.exit_code == 2);
    return refusal.text;
  };
  CHECK(has(refused({"--trust-policy", place.path(), "--mode", "demo"}), "OPENEXEC_MODE"));
  CHECK(has(refused({"--trust-policy", place.path(), "--mode", "clawshield"}), "OPENEXEC_MODE"));
  CHECK(has(refused({"--trust-policy", place.path(), "--public-key", private_key(0).public_key().to_pem()}),
            "CLAWSHIELD_PUBLIC_KEY"));
  CHECK(has(refused({"--trust-policy", place.folder.file("none")}), "cannot be read"));
  CHECK(has(refused({"--trust-policy", place.folder.file("")}), "cannot be read"));
  place.write("{\n \"keys\": [],\n}");
  CHECK(has(refused({"--trust-policy", place.path()}), "line 3"));
  place.write(R"({"version": 1, "keys": [], "rules": [], "kyes": []})");
  CHECK(has(refused({"--trust-policy", place.path()}), "kyes"));
  for (const std::size_t size : {(std::size_t{1} << 20) + 1, std::size_t{5} << 20}) {  // one limit, and one text for it
    place.write(std::string(size, ' '));
    CHECK(has(refused({"--trust-policy", place.path()}), "over the limit of 1048576 bytes"));
  }
}

TEST_CASE("SIGHUP puts another policy in force, and a bad file leaves the old one and says where it is bad") {
  const Place place(test::policy_of({trusted(0)}));
  const Daemon daemon(place.flags());
  HttpClient client(daemon.port());
  CHECK(code_of(client.post("/execute", request("a", {0}))) == "ok");
  CHECK(code_of(client.post("/execute", request("b", {1}))) == "approval_signature_invalid");

  const TrustPolicy next = test::policy_of({trusted(1)});
  place.write(next.to_json());
  CHECK(code_of(client.post("/execute", request("c", {0}))) == "ok");  // nothing is read before it is told to be
  CHECK(has(reload(daemon), R"("event":"reloaded","in_force":")" + to_hex(next.digest())));
  CHECK(has(reload(daemon), "it was in force already"));
  CHECK(code_of(client.post("/execute", request("d", {1}))) == "ok");
  CHECK(code_of(client.post("/execute", request("e", {0}))) == "approval_signature_invalid");

  for (const char* bad : {"", "{", R"({"keys": [{"id": 7}]})"}) {
    place.write(bad);
    const std::string said = reload(daemon);
    CHECK(has(said, R"("event":"reload_failed")"));
    CHECK(has(said, "policy.json"));
    CHECK(code_of(client.post("/execute", request("f" + std::to_string(std::string_view(bad).size()), {1}))) == "ok");
  }
  std::filesystem::remove(place.path());
  CHECK(has(reload(daemon), "cannot be read"));
  CHECK(code_of(client.post("/execute", request("g", {1}))) == "ok");
  CHECK(client.get("/ready").status == 200);
}

TEST_CASE("Without a trust policy SIGHUP changes nothing and ends nothing") {
  const Daemon daemon({"--db-url", "sqlite://"});
  const std::string said = reload(daemon);
  CHECK(has(said, R"("event":"reloaded")"));
  CHECK(has(said, "no trust policy"));
  CHECK(has(said, R"("needs_restart":"handlers, allow-list)"));
  HttpClient client(daemon.port());
  CHECK(client.get("/health").status == 200);
}

// docs/operations.md, "Changing keys". Approvers sign with the old key until they have the new one; requests come all
// the time, the old key's approvals among them until the last one that was given has been used.
TEST_CASE("The rotation drill: nothing is refused that should run, and nothing runs that should not") {
  constexpr int old_key = 0, new_key = 1, thief = 2;
  const Place place(test::policy_of({trusted(old_key)}));
  const Daemon daemon(place.flags());
  std::atomic<int> signing{old_key}, ran{0}, wrong{0}, stolen{0};
  std::atomic<bool> ends{false};
  std::array<std::atomic<int>, 4> rounds{};
  std::vector<std::thread> clients;
  for (std::size_t number = 0; number < rounds.size(); ++number) {
    clients.emplace_back([&, number] {
      try {
        HttpClient client(daemon.port());
        for (int i = 0; !ends; ++i) {
          const std::string nonce = std::to_string(number) + "-" + std::to_string(i);
          ++(code_of(client.post("/execute", request(nonce, {signing}))) == "ok" ? ran : wrong);
          if (code_of(client.post("/execute", request("stolen-" + nonce, {thief}))) == "ok") ++stolen;
          ++rounds[number];
        }
      } catch (const std::exception&) {
        ++wrong;
      }
    });
  }
  // Every client goes round twice: whatever it had begun before, it has ended.
  const auto let_some_run = [&] {
    for (std::atomic<int>& each : rounds)
      for (const int before = each; each < before + 2 && wrong == 0;) std::this_thread::yield();
  };
  let_some_run();
  // 1. The new key in, beside the old one.
  place.write(test::policy_of({trusted(old_key), trusted(new_key)}).to_json());
  CHECK(has(reload(daemon), R"("event":"reloaded")"));
  let_some_run();
  HttpClient late(daemon.port());
  const std::string given = request("given-before", {old_key});
  // 2. The approvers sign with the new one. An approval that was given before still runs.
  signing = new_key;
  let_some_run();
  CHECK(code_of(late.post("/execute", given)) == "ok");
  const std::string unused = request("given-and-forgotten", {old_key});
  let_some_run();
  // 3. The old key out.
  place.write(test::policy_of({trusted(new_key)}).to_json());
  CHECK(has(reload(daemon), R"("event":"reloaded")"));
  CHECK(code_of(late.post("/execute", unused)) == "approval_signature_invalid");
  CHECK(code_of(late.post("/execute", request("signed-after", {old_key}))) == "approval_signature_invalid");
  CHECK(code_of(late.post("/execute", given)) == "ok");  // what ran is told again: that is no new execution
  let_some_run();
  ends = true;
  for (std::thread& client : clients) client.join();
  CHECK(wrong == 0);
  CHECK(stolen == 0);
  CHECK(ran >= 40);
}

}  // namespace
}  // namespace openexec
