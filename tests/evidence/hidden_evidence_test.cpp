// SPDX-License-Identifier: Apache-2.0
// Attack: refusals that are sent in advance hide what became of an execution, and stand in for its evidence.
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>
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

using test::at;
using test::HttpAnswer;
using test::HttpClient;
using test::TemporaryFolder;
using test::text_at;

/// A ledger in which one execution was refused so many times before it was approved, and once more afterwards.
class Flooded {
 public:
  explicit Flooded(std::size_t refusals, std::string action = "act") : action_(std::move(action)) {
    auto ledger = sqlite_ledger(path()).value();
    HandlerTable table;
    REQUIRE(table.add("act", [](const Invocation&) { return HandlerResult::result("1"); }).ok());
    Config config;
    config.tenant = "acme";
    config.limits.max_refusals_per_second = 1'000'000;
    Executor executor = test::assemble({.store = ledger,
                                        .log = nullptr,
                                        .verifier = test::dsse_verifier(test::policy_of(test::trusted_up_to(1), 1)),
                                        .hasher = nullptr,
                                        .clock = std::make_shared<test::SetClock>(test::noon.micros)},
                                       std::move(table), config);
    const Request unapproved{.action = action_, .payload = "{}", .nonce = "n", .approval_artifact = {}};
    const std::vector<Call> calls(refusals, Call{unapproved, {}});
    for (const Outcome& outcome : executor.execute_many(calls)) REQUIRE(outcome.entry_index);
    const std::string artifact = test::approved(test::proposal_of("n", "{}", action_), test::grant_of("token"));
    const Outcome outcome =
        executor.execute({.action = action_, .payload = "{}", .nonce = "n", .approval_artifact = artifact});
    exec_id = outcome.exec_id;
    executed = outcome.ok();
    (void)executor.execute(unapproved);
    key = ledger->verifier_key();
  }
  [[nodiscard]] std::string path() const { return folder_.file("ledger.db"); }
  [[nodiscard]] std::string url() const { return "sqlite:///" + path(); }

  std::string exec_id;
  std::string key;
  bool executed = false;

 private:
  std::string action_;
  TemporaryFolder folder_;
};

struct Said {
  int exit_code = 0;
  std::string text;
};

Said run(const std::string& command) {
  Said said;
  FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    said.text.append(buffer.data(), got);
  said.exit_code = WEXITSTATUS(::pclose(pipe));
  return said;
}

EvidenceReport verified(const std::string& proof, const std::string& key) {
  return verify_evidence(proof, {.log_key = key, .policy = {}}).value();
}

std::vector<std::int64_t> indexes(canon::View answer) {
  std::vector<std::int64_t> found;
  for (const auto [unused, entry] : at(answer, "entries")) found.push_back(at(entry, "index").integer());
  return found;
}

TEST_CASE("Refusals sent in advance hide no execution from GET /receipts") {
  const Flooded flooded(101);
  REQUIRE(flooded.executed);
  const test::Daemon daemon({"--db-url", flooded.url(), "--tenant", "acme", "--mode", "demo"});
  HttpClient client(daemon.port());
  const std::string path = "/receipts/" + flooded.exec_id;

  const EvidenceReport report = verified(client.get(path + "?format=tlog-proof").body, flooded.key);
  CHECK(report.verdict == EvidenceVerdict::pass);
  REQUIRE(report.entry.has_value());
  CHECK(report.entry->verdict == Verdict::executed);

  const HttpAnswer listed = client.get(path);
  const canon::Document document = listed.json();
  CHECK(text_at(at(at(document.root(), "outcome"), "entry"), "verdict") == "executed");
  CHECK(at(at(document.root(), "outcome"), "index").integer() == 101);
  CHECK(indexes(document.root()).front() == 102);
}

TEST_CASE("The entries of an execution are listed newest first, page by page, each once") {
  const Flooded flooded(230);
  const test::Daemon daemon({"--db-url", flooded.url(), "--tenant", "acme", "--mode", "demo"});
  HttpClient client(daemon.port());
  const std::string path = "/receipts/" + flooded.exec_id;
  std::vector<std::int64_t> seen;
  std::string page = path + "?limit=70";
  for (int pages = 0;; ++pages) {
    REQUIRE(pages < 10);
    const canon::Document document = client.get(page).json();
    CHECK(at(at(document.root(), "outcome"), "index").integer() == 230);
    for (const std::int64_t index : indexes(document.root())) seen.push_back(index);
    const auto next = document.root().find("next");
    if (!next) break;
    page = path + "?limit=70&before=" + std::to_string(next->integer());
  }
  std::vector<std::int64_t> all;
  for (std::int64_t index = 231; index >= 0; --index) all.push_back(index);
  CHECK(seen == all);
  CHECK(indexes(client.get(path).json().root()).size() == 100);
  for (const char* query :
       {"limit=0", "limit=101", "limit=x", "limit=", "before=-1", "before=x", "index=x", "before=99999999999999999999"})
    CHECK(client.get(path + "?" + query).status == 422);
}

TEST_CASE("An execution without an outcome has no proof of one: a refusal does not stand in for it") {
  const Flooded flooded(3, "nobody");
  REQUIRE_FALSE(flooded.executed);
  const test::Daemon daemon({"--db-url", flooded.url(), "--tenant", "acme", "--mode", "demo"});
  HttpClient client(daemon.port());
  const std::string path = "/receipts/" + flooded.exec_id;
  const HttpAnswer none = client.get(path + "?format=tlog-proof");
  CHECK(none.status == 404);
  CHECK(text_at(at(none.json().root(), "error"), "code") == "no_outcome");
  CHECK(at(client.get(path).json().root(), "outcome").is(canon::Type::null));

  // An entry that is named is proven, whatever it says; one of another execution is not.
  const EvidenceReport report = verified(client.get(path + "?format=tlog-proof&index=1").body, flooded.key);
  CHECK(report.verdict == EvidenceVerdict::pass);
  CHECK(report.index == 1);
  CHECK(client.get(path + "?format=tlog-proof&index=99").status == 404);
  CHECK(client.get("/receipts/" + std::string(64, 'a') + "?format=tlog-proof&index=1").status == 404);
}

TEST_CASE("openexec log proof proves the outcome, however many refusals stand in front of it, or nothing") {
  const Flooded flooded(1001);
  const std::string log = std::string(OPENEXEC_CLI) + " log ";
  const Said proof = run(log + "proof --ledger " + flooded.url() + " " + flooded.exec_id);
  CHECK(proof.exit_code == 0);
  const EvidenceReport report = verified(proof.text, flooded.key);
  CHECK(report.verdict == EvidenceVerdict::pass);
  REQUIRE(report.entry.has_value());
  CHECK(report.entry->verdict == Verdict::executed);
  CHECK(run(log + "show --json --ledger " + flooded.url() + " " + flooded.exec_id).text.find(R"("executed")") !=
        std::string::npos);

  const Flooded refused(2, "nobody");
  const Said none = run(log + "proof --ledger " + refused.url() + " " + refused.exec_id + " 2>&1");
  CHECK(none.exit_code == 1);
  CHECK(none.text.find("no outcome") != std::string::npos);
}

}  // namespace
}  // namespace openexec
