// SPDX-License-Identifier: Apache-2.0
// What C shows of a ledger's log, what it says about evidence, trust policies, and what a listener is told.
#include <mutex>
#include <vector>

#include "c.hpp"
#include "crypto/ed25519.hpp"
#include "support/approvals.hpp"
#include "support/catch.hpp"
#include "support/evidence.hpp"
#include "support/parts.hpp"

using namespace openexec::test::c;
namespace test = openexec::test;

namespace {

std::string held(const Buffer& buffer) { return text(openexec_buffer_view(buffer)); }

/// An executor over a file, whose log has a name and a key of its own.
struct Logged {
  test::TemporaryFolder folder;
  Handler handler;
  Config config = demo_config();
  Executor executor;
  Log log;

  Logged() {
    const std::string key = test::key_of("c").to_pem().value();
    Error error;
    must(openexec_config_set_ledger_path(config, str(folder.file("ledger.db")), error.out()), error);
    must(openexec_config_set_log_key(config, str(key), error.out()), error);
    must(openexec_config_set_log_origin(config, str("log.example/c"), error.out()), error);
    must(openexec_config_set_log_anchor(config, str(folder.file("anchor")), error.out()), error);
    handler.add_to(config);
    executor = assemble(config);
    must(openexec_executor_log(executor, log.out(), error.out()), error);
  }
};

openexec_evidence_trust trust(std::string_view key) { return {sizeof(openexec_evidence_trust), str(key), {}}; }

struct Report {
  openexec_evidence* value = nullptr;
  Error error;
  Report() = default;
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  ~Report() { openexec_evidence_destroy(&value); }
};

}  // namespace

TEST_CASE("An outcome brings its portable receipt, which is genuine by the log's key and nothing else") {
  Logged l;
  openexec_call_options options{};
  options.size = sizeof options;
  options.proof = 1;
  const openexec_request what = request("n-1", R"({"amount":5})");
  Outcome outcome;
  REQUIRE(openexec_executor_execute(l.executor, &what, &options, outcome.out(), nullptr) == OPENEXEC_OK);
  const std::string proof = text(openexec_outcome_proof(outcome));
  REQUIRE_FALSE(proof.empty());

  Buffer key;
  REQUIRE(openexec_log_verifier_key(l.log, key.out(), nullptr) == OPENEXEC_OK);
  CHECK(held(key).substr(0, 14) == "log.example/c+");
  Buffer again;
  REQUIRE(openexec_log_prove(l.log, 0, again.out(), nullptr) == OPENEXEC_OK);
  CHECK(held(again) == proof);

  const std::string log_key = held(key);
  const openexec_evidence_trust whom = trust(log_key);
  openexec_evidence_held mine{};
  mine.size = sizeof mine;
  mine.payload = str(R"({ "amount" : 5 })");
  mine.result = openexec_outcome_result(outcome);
  Report report;
  REQUIRE(openexec_evidence_verify(str(proof), &whom, &mine, &report.value, report.error.out()) == OPENEXEC_OK);
  CHECK(openexec_evidence_report_verdict(report.value) == OPENEXEC_EVIDENCE_PASS);
  CHECK(openexec_evidence_decided_by(report.value) == -1);
  CHECK(openexec_evidence_finding(report.value, OPENEXEC_STEP_LOG_SIGNATURE) == OPENEXEC_FINDING_PASSED);
  CHECK(openexec_evidence_finding(report.value, OPENEXEC_STEP_PAYLOAD) == OPENEXEC_FINDING_PASSED);
  CHECK(openexec_evidence_finding(report.value, OPENEXEC_STEP_NONCE) == OPENEXEC_FINDING_NOT_ASKED);
  CHECK(text(openexec_evidence_entry(report.value)) == text(openexec_outcome_entry(outcome)));
  CHECK(openexec_evidence_index(report.value) == 0);
  CHECK(text(openexec_evidence_origin(report.value)) == "log.example/c");
  uint64_t entries = 0;
  openexec_digest root{};
  REQUIRE(openexec_evidence_tree(report.value, &entries, &root, nullptr) == OPENEXEC_OK);
  CHECK(entries == 1);
}

TEST_CASE("Evidence that is not genuine is a no, with a report that names the step") {
  Logged l;
  REQUIRE(execute(l.executor, request("n-1")) == OPENEXEC_OK);
  Buffer proof;
  REQUIRE(openexec_log_prove(l.log, 0, proof.out(), nullptr) == OPENEXEC_OK);
  const std::string another = test::vkey_of_log();
  const openexec_evidence_trust whom = trust(another);
  Report report;
  CHECK(openexec_evidence_verify(openexec_buffer_view(proof), &whom, nullptr, &report.value, report.error.out()) ==
        OPENEXEC_INVALID_ARGUMENT);
  REQUIRE(report.value != nullptr);
  CHECK(openexec_evidence_report_verdict(report.value) == OPENEXEC_EVIDENCE_FAIL);
  CHECK(openexec_evidence_decided_by(report.value) == OPENEXEC_STEP_LOG_SIGNATURE);
  CHECK(openexec_evidence_detail(report.value, OPENEXEC_STEP_LOG_SIGNATURE).size != 0);
  CHECK(text(openexec_error_detail(report.error)).find("log_signature") != std::string::npos);

  SECTION("no key at all is incomplete, and a malformed one the caller's mistake, without a report") {
    Report second;
    const openexec_evidence_trust nobody{sizeof nobody, {}, {}};
    CHECK(openexec_evidence_verify(openexec_buffer_view(proof), &nobody, nullptr, &second.value, nullptr) ==
          OPENEXEC_INVALID_ARGUMENT);
    CHECK(openexec_evidence_report_verdict(second.value) == OPENEXEC_EVIDENCE_INCOMPLETE);
    openexec_evidence_destroy(&second.value);
    const openexec_evidence_trust garbage = trust("no key");
    CHECK(openexec_evidence_verify(openexec_buffer_view(proof), &garbage, nullptr, &second.value, nullptr) ==
          OPENEXEC_INVALID_ARGUMENT);
    CHECK(second.value == nullptr);
  }
  SECTION("steps that are none have found nothing") {
    for (const int32_t step : {-1, 13, 1000}) {
      CHECK(openexec_evidence_finding(report.value, step) == OPENEXEC_FINDING_UNREACHED);
      CHECK(openexec_evidence_detail(report.value, step).size == 0);
      CHECK(text(openexec_evidence_step_name(step)) == "unknown");
    }
    CHECK(text(openexec_evidence_step_name(OPENEXEC_STEP_LOG_SIGNATURE)) == "log_signature");
    CHECK(text(openexec_evidence_finding_name(OPENEXEC_FINDING_NOT_ASKED)) == "not_asked");
    CHECK(text(openexec_evidence_verdict_name(OPENEXEC_EVIDENCE_PASS)) == "PASS");
  }
}

TEST_CASE("Cosignatures are kept, and are in what is proved from then on") {
  Logged l;
  REQUIRE(execute(l.executor, request("n-1")) == OPENEXEC_OK);
  Buffer note;
  REQUIRE(openexec_log_cosigned(l.log, note.out(), nullptr) == OPENEXEC_OK);
  CHECK(note == nullptr);
  REQUIRE(openexec_log_checkpoint(l.log, note.out(), nullptr) == OPENEXEC_OK);
  Error error;
  CHECK(openexec_log_keep_cosigned(l.log, openexec_buffer_view(note), error.out()) == OPENEXEC_INVALID_ARGUMENT);
  const std::string cosigned = test::SignedLog::cosign(held(note), {"w1.example"});
  REQUIRE(openexec_log_keep_cosigned(l.log, str(cosigned), nullptr) == OPENEXEC_OK);
  REQUIRE(openexec_log_cosigned(l.log, note.out(), nullptr) == OPENEXEC_OK);
  CHECK(held(note) == cosigned);

  Buffer proof;
  Buffer key;
  REQUIRE(openexec_log_prove(l.log, 0, proof.out(), nullptr) == OPENEXEC_OK);
  REQUIRE(openexec_log_verifier_key(l.log, key.out(), nullptr) == OPENEXEC_OK);
  const std::string policy = test::policy_of("1", {"w1.example"});
  const openexec_evidence_trust whom{sizeof whom, openexec_buffer_view(key), str(policy)};
  Report report;
  CHECK(openexec_evidence_verify(openexec_buffer_view(proof), &whom, nullptr, &report.value, nullptr) == OPENEXEC_OK);
  REQUIRE(openexec_evidence_cosignatures(report.value) == 1);
  openexec_str witness{};
  uint64_t time = 0;
  REQUIRE(openexec_evidence_cosignature(report.value, 0, &witness, &time, nullptr) == OPENEXEC_OK);
  CHECK(text(witness) == "w1.example");
  CHECK(time == 1'772'366'400);
  CHECK(openexec_evidence_cosignature(report.value, 1, &witness, &time, nullptr) == OPENEXEC_INVALID_ARGUMENT);
}

TEST_CASE("A log shows its tree: what it grew from, and its tiles") {
  Logged l;
  for (int i = 0; i < 5; ++i) REQUIRE(execute(l.executor, request("n-" + std::to_string(i))) == OPENEXEC_OK);
  Buffer hashes;
  REQUIRE(openexec_log_consistency(l.log, 3, 5, hashes.out(), nullptr) == OPENEXEC_OK);
  CHECK(held(hashes).size() == 4 * 32);
  CHECK(openexec_log_consistency(l.log, 3, 6, hashes.out(), nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(hashes == nullptr);
  Buffer tile;
  REQUIRE(openexec_log_resource(l.log, str("tile/0/000.p/5"), tile.out(), nullptr) == OPENEXEC_OK);
  CHECK(held(tile).size() == 5 * 32);
  REQUIRE(openexec_log_resource(l.log, str("tile/0/0"), tile.out(), nullptr) == OPENEXEC_OK);
  CHECK(tile == nullptr);
  CHECK(openexec_log_prove(l.log, 5, tile.out(), nullptr) == OPENEXEC_INVALID_ARGUMENT);

  SECTION("and beside a running executor, from the file") {
    Log beside;
    REQUIRE(openexec_log_open(str("sqlite:///" + l.folder.file("ledger.db")), beside.out(), nullptr) == OPENEXEC_OK);
    Buffer proof;
    Buffer key;
    REQUIRE(openexec_log_prove(beside, 4, proof.out(), nullptr) == OPENEXEC_OK);
    REQUIRE(openexec_log_verifier_key(beside, key.out(), nullptr) == OPENEXEC_OK);
    const openexec_evidence_trust whom{sizeof whom, openexec_buffer_view(key), {}};
    Report report;
    CHECK(openexec_evidence_verify(openexec_buffer_view(proof), &whom, nullptr, &report.value, nullptr) == OPENEXEC_OK);
  }
}

TEST_CASE("A key, an origin or an anchor that nobody would look at is not taken in silence") {
  Config config = demo_config();
  Executor executor;
  SECTION("by a ledger in memory") {
    REQUIRE(openexec_config_set_log_origin(config, str("log.example/c"), nullptr) == OPENEXEC_OK);
    CHECK(openexec_executor_create(config, executor.out(), nullptr) == OPENEXEC_INVALID_ARGUMENT);
  }
  SECTION("a key that is none is told when the executor is made, and not repeated") {
    test::TemporaryFolder folder;
    REQUIRE(openexec_config_set_ledger_path(config, str(folder.file("ledger.db")), nullptr) == OPENEXEC_OK);
    REQUIRE(openexec_config_set_log_key(config, str("SECRET"), nullptr) == OPENEXEC_OK);
    Error error;
    CHECK(openexec_executor_create(config, executor.out(), error.out()) == OPENEXEC_INVALID_ARGUMENT);
    CHECK(text(openexec_error_detail(error)).find("SECRET") == std::string::npos);
  }
}

namespace {

std::string approved(std::string_view nonce, int key) {
  const auto proposal = openexec::Proposal::parse({"echo", "{}", nonce, {}}, "default").value();
  openexec::signing::DsseGrant grant;
  grant.token_id = "token-" + std::string(nonce) + std::to_string(key);
  grant.tenant_id = "default";
  const auto now = openexec::system_clock()->now();
  grant.issued_at = {now.micros / test::second * test::second};
  grant.expires_at = {grant.issued_at.micros + 300 * test::second};
  return test::envelope_by(openexec::signing::dsse_statement(proposal, grant).value(), {key});
}

}  // namespace

TEST_CASE("A trust policy decides who may approve, until another one is put in force") {
  const std::string first = test::policy_of({test::trusted(0)}).to_json();
  const std::string second = test::policy_of({test::trusted(1)}).to_json();
  Handler handler;
  Config config = demo_config();
  REQUIRE(openexec_config_set_trust_policy(config, str(first), nullptr) == OPENEXEC_OK);
  handler.add_to(config);
  const Executor executor = assemble(config);
  const auto attempt = [&](std::string_view nonce, int key) {
    const std::string artifact = approved(nonce, key);
    return execute(executor, request(nonce, "{}", "echo", artifact));
  };
  CHECK(attempt("n-1", 0) == OPENEXEC_OK);
  CHECK(attempt("n-2", 1) == OPENEXEC_APPROVAL_SIGNATURE_INVALID);

  Error error;
  CHECK(openexec_executor_reload_trust_policy(executor, str("{"), error.out()) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_error_detail(error).size != 0);
  CHECK(attempt("n-3", 0) == OPENEXEC_OK);
  REQUIRE(openexec_executor_reload_trust_policy(executor, str(second), nullptr) == OPENEXEC_OK);
  CHECK(attempt("n-4", 1) == OPENEXEC_OK);
  CHECK(attempt("n-5", 0) == OPENEXEC_APPROVAL_SIGNATURE_INVALID);
  CHECK(handler.calls == 3);
}

TEST_CASE("Without a policy nothing is approved, and only an executor with a policy takes another") {
  Handler handler;
  Config config = demo_config();
  const Config demo = demo_config();
  REQUIRE(openexec_config_set_trust_policy(config, {}, nullptr) == OPENEXEC_OK);
  handler.add_to(config);
  const Executor none = assemble(config);
  CHECK(openexec_executor_ready(none, nullptr) == OPENEXEC_APPROVAL_KEY_MISSING);
  const std::string artifact = approved("n-1", 0);
  CHECK(execute(none, request("n-1", "{}", "echo", artifact)) == OPENEXEC_APPROVAL_KEY_MISSING);
  const std::string policy = test::policy_of({test::trusted(0)}).to_json();
  REQUIRE(openexec_executor_reload_trust_policy(none, str(policy), nullptr) == OPENEXEC_OK);
  CHECK(execute(none, request("n-1", "{}", "echo", artifact)) == OPENEXEC_OK);
  const Executor other = assemble(demo);
  CHECK(openexec_executor_reload_trust_policy(other, str(policy), nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_config_set_trust_policy(config, str("{}"), nullptr) == OPENEXEC_INVALID_ARGUMENT);
}

TEST_CASE("A policy and an approval are judged offline as well") {
  openexec::TrustPolicy::Key unused = test::trusted(1);
  unused.actions = {"mail:*"};
  const openexec::TrustPolicy policy = openexec::TrustPolicy::make({.keys = {test::trusted(0), unused},
                                                                    .rules = {{.actions = {"echo"}, .threshold = 1}}})
                                           .value();
  Buffer buffer;
  REQUIRE(openexec_trust_policy_read(str(policy.to_json()), buffer.out(), nullptr) == OPENEXEC_OK);
  CHECK(held(buffer).find("{\"digest\":\"" + openexec::to_hex(policy.digest()) + "\",\"policy\":{") == 0);
  CHECK(policy.warnings().size() == 1);
  CHECK(held(buffer).find(policy.warnings().at(0).substr(0, 20)) != std::string::npos);
  CHECK(openexec_trust_policy_read(str("{}"), buffer.out(), nullptr) == OPENEXEC_INVALID_ARGUMENT);

  const std::string one = test::policy_of({test::trusted(0)}).to_json();
  const std::string artifact = approved("n-1", 0);
  const openexec_request what = request("n-1", "{}", "echo", artifact);
  const int64_t now = openexec::system_clock()->now().micros;
  REQUIRE(openexec_verify_trust_policy(str(one), str("openexec"), str("default"), &what, now, buffer.out(), nullptr) ==
          OPENEXEC_OK);
  CHECK(held(buffer).find("token-n-10") != std::string::npos);
  CHECK(openexec_verify_trust_policy(str(one), str("openexec"), str("default"), &what, now + 301 * test::second,
                                     buffer.out(), nullptr) == OPENEXEC_APPROVAL_EXPIRED);
  CHECK(buffer == nullptr);
  const openexec_request changed = request("n-1", R"({"a":1})", "echo", artifact);
  CHECK(openexec_verify_trust_policy(str(one), str("openexec"), str("default"), &changed, now, buffer.out(), nullptr) ==
        OPENEXEC_APPROVAL_HASH_MISMATCH);
}

namespace {

/// Writes down what it is told.
struct Listener : Closable {
  struct Told {
    openexec_event_kind kind;
    openexec_code code;
    openexec_verdict verdict;
    std::string exec_id;
    std::string action;
    int64_t entry_index;
  };
  std::mutex mutex;
  std::vector<Told> told;
  bool throws = false;

  void set_on(openexec_config* config) {
    openexec_events_table table{};
    table.size = sizeof table;
    table.self = this;
    table.close = [](void* self) { ++static_cast<Listener*>(self)->closes; };
    table.on_event = [](void* self, const openexec_event* event) {
      auto* listener = static_cast<Listener*>(self);
      {
        const std::lock_guard lock(listener->mutex);
        listener->told.push_back(
            {event->kind, event->code, event->verdict, text(event->exec_id), text(event->action), event->entry_index});
      }
      if (listener->throws) throw std::runtime_error("a listener");
    };
    Error error;
    must(openexec_config_set_events(config, &table, error.out()), error);
  }
};

}  // namespace

TEST_CASE("A listener is told of every answer, with its code and its ids, and its exceptions change nothing") {
  Listener listener;
  listener.throws = true;
  Handler handler;
  std::string exec_id;
  {
    Config config = demo_config();
    listener.set_on(config);
    handler.add_to(config);
    const Executor executor = assemble(config);
    Outcome outcome;
    CHECK(execute(executor, request("n-1"), outcome) == OPENEXEC_OK);
    exec_id = text(openexec_outcome_exec_id(outcome));
    CHECK(execute(executor, request("n-1")) == OPENEXEC_OK);
    CHECK(execute(executor, request("n-2", "{", "echo")) == OPENEXEC_MALFORMED_REQUEST);
    const openexec_request good = request("n-3");
    const openexec_call call{sizeof call, &good, {}, nullptr};
    const openexec_call* calls[] = {&call};
    openexec_outcome* outcomes[1] = {nullptr};
    CHECK(openexec_executor_execute_many(executor, calls, 1, nullptr, nullptr, outcomes, nullptr) == OPENEXEC_OK);
    openexec_outcome_destroy(&outcomes[0]);
    openexec_recovery recovery{};
    recovery.size = sizeof recovery;
    CHECK(openexec_executor_recover(executor, &recovery, nullptr) == OPENEXEC_OK);
  }
  CHECK(listener.closes == 1);
  REQUIRE(listener.told.size() == 7);
  const auto& told = listener.told;
  CHECK(told[0].kind == OPENEXEC_EVENT_OPENED);
  CHECK(told[0].entry_index == -1);
  CHECK((told[1].kind == OPENEXEC_EVENT_ANSWERED && told[1].code == OPENEXEC_OK));
  CHECK(told[1].verdict == OPENEXEC_VERDICT_EXECUTED);
  CHECK(told[1].exec_id == exec_id);
  CHECK(told[1].action == "echo");
  CHECK(told[1].entry_index == 0);
  CHECK(told[2].verdict == OPENEXEC_VERDICT_REPLAYED);
  CHECK(told[3].code == OPENEXEC_MALFORMED_REQUEST);
  CHECK(told[3].exec_id.empty());
  CHECK(told[4].code == OPENEXEC_OK);
  CHECK(told[5].kind == OPENEXEC_EVENT_RECOVERED);
  CHECK(told[6].kind == OPENEXEC_EVENT_CLOSED);
}
