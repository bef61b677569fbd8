// SPDX-License-Identifier: Apache-2.0
// The text that Prometheus reads: its format, and that every measure of an executor is in it.
#include "api/metrics.hpp"

#include <openexec/openexec.hpp>

#include "api/exposition.hpp"
#include "support/catch.hpp"
#include "support/evidence.hpp"
#include "support/moved_clock.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
using service::Exposition;
using service::Metrics;

namespace {

constexpr std::int64_t second = 1'000'000;

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

Request request(std::string_view nonce, std::string_view action = "echo") {
  return {.action = action, .payload = "{}", .nonce = nonce, .approval_artifact = {}};
}

}  // namespace

TEST_CASE("Buckets of a histogram contain each other, and the last contains every value") {
  Exposition out;
  out.histogram("h_seconds", "Help.", {.bounds = {0.001, 0.25, 30}, .counts = {2, 0, 3, 1}, .sum = 40.5});
  CHECK(std::move(out).take() ==
        "# HELP h_seconds Help.\n# TYPE h_seconds histogram\n"
        "h_seconds_bucket{le=\"0.001\"} 2\nh_seconds_bucket{le=\"0.25\"} 2\nh_seconds_bucket{le=\"30\"} 5\n"
        "h_seconds_bucket{le=\"+Inf\"} 6\nh_seconds_sum 40.5\nh_seconds_count 6\n");
}

TEST_CASE("A sum that has grown large still shows what is added to it") {
  Exposition before, after;
  before.histogram("h", "Help.", {.bounds = {1}, .counts = {0, 1}, .sum = 2'592'000.001});
  after.histogram("h", "Help.", {.bounds = {1}, .counts = {0, 1}, .sum = 2'592'000.002});
  const std::string text = std::move(before).take();
  CHECK(has_line(text, "h_sum 2592000.001"));
  CHECK(text != std::move(after).take());
}

TEST_CASE("An age is in seconds") {
  Exposition out;
  out.gauge("age_seconds", "Help.", std::chrono::microseconds(1'500'000));
  CHECK(has_line(std::move(out).take(), "age_seconds 1.5"));
}

TEST_CASE("Before the ledger is open the service's own metrics are there, and nothing of an executor") {
  const Metrics metrics({"echo"});
  const std::string text = metrics.text(nullptr);
  CHECK(has_line(text, "openexec_replays_total 0"));
  CHECK(text.find("openexec_ready") == std::string::npos);
  CHECK(text.find("openexec_ledger") == std::string::npos);
}

TEST_CASE("What an executor and its ledger measured is in the text") {
  TemporaryFolder folder;
  const auto ledger = sqlite_ledger(folder.file("ledger.db")).value();
  const auto clock = std::make_shared<MovedClock>(Timestamp{1'772'366'400 * second});
  HandlerTable table = echo_table();
  REQUIRE(table.add("lost", [](const Invocation&) { return HandlerResult::in_doubt("no word"); }).ok());
  Config config;
  config.limits.max_replays_per_second = 1;
  config.limits.max_refusals_per_second = 1;
  Executor executor = assemble({.store = ledger,
                                .log = nullptr,
                                .verifier = std::make_shared<DemoVerifier>(),
                                .hasher = nullptr,
                                .clock = clock},
                               std::move(table), config);
  const Metrics metrics({"echo", "lost"});
  const std::string empty = metrics.text(&executor);
  CHECK(empty.find("openexec_checkpoint_age_seconds") == std::string::npos);
  CHECK(empty.find("openexec_cosignature_age_seconds") == std::string::npos);

  REQUIRE(executor.execute(request("a")).ok());
  for (int i = 0; i < 3; ++i) REQUIRE(executor.execute(request("a")).replayed);
  for (int i = 0; i < 4; ++i) REQUIRE(executor.execute(request("r", "unheard_of")).verdict == Verdict::refused);
  const Outcome lost = executor.execute(request("b", "lost"));
  REQUIRE(lost.verdict == Verdict::in_doubt);
  REQUIRE(ledger->keep_cosigned(SignedLog::cosign(ledger->checkpoint()->note, {"w1"})).ok());
  clock->pass(12 * second + second / 2);

  const std::string text = metrics.text(&executor);
  for (const char* line :
       {"openexec_suppressed_replays_total 2", "openexec_suppressed_refusals_total 3", "openexec_in_doubt 1",
        "openexec_recovered_in_doubt 0", "openexec_ledger_claims 2", "openexec_log_entries 4",
        "openexec_verification_duration_seconds_count 2", "openexec_claim_to_seal_duration_seconds_count 2",
        "openexec_checkpoint_age_seconds 12.5", "openexec_cosignature_age_seconds 12.5",
        "# TYPE openexec_ledger_batch_operations histogram", "# TYPE openexec_ledger_commit_duration_seconds histogram",
        "# TYPE openexec_ledger_file_bytes gauge", "# TYPE openexec_ledger_wal_bytes gauge"}) {
    INFO(line);
    CHECK(has_line(text, line));
  }
  Digest exec_id{};
  REQUIRE(from_hex(lost.exec_id, exec_id));
  REQUIRE(executor.settle(exec_id, HandlerResult::result("{}"), {.who = "ann", .why = "seen", .tenant = {}}).decides);
  CHECK(has_line(metrics.text(&executor), "openexec_in_doubt 0"));
}
