// SPDX-License-Identifier: Apache-2.0
// The caller's bugs: each is told, and none brings anything down.
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <functional>
#include <openexec/ledger.hpp>
#include <utility>
#include <vector>

#include "c.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "table_of.hpp"

using namespace openexec::test::c;

namespace {

using Call = std::pair<const char*, std::function<openexec_code(openexec_error**)>>;

/// Everything that a call may need, of which the tests then leave something out.
struct World {
  Handler handler;
  Config config = demo_config();
  Executor executor;
  Outcome outcome;
  Proposal proposal;
  Log log;
  Cancellation cancellation;
  openexec_request good = request("n-1");
  openexec_digest digest{};
  openexec_hex hex{};
  openexec_code code = 0;
  uint64_t entries = 0;
  openexec_str name{};
  openexec_evidence_trust trust{sizeof trust, {}, {}};
  openexec_evidence* report = nullptr;
  openexec_recovery recovery{sizeof recovery, 0, 0, 0};
  openexec_call call{sizeof call, nullptr, str(R"({"action":"echo","nonce":"n-2"})"), nullptr};
  const openexec_call* calls[1]{&call};
  openexec_order order{sizeof order, OPENEXEC_CONTROL_HALT, 1, {}, {}, str("alice"), str("a drill")};

  World() {
    handler.add_to(config);
    executor = assemble_again();
    REQUIRE(openexec_proposal_create(&good, str("acme"), proposal.out(), nullptr) == OPENEXEC_OK);
    REQUIRE(openexec_executor_log(executor, log.out(), nullptr) == OPENEXEC_OK);
    REQUIRE(openexec_cancellation_create(cancellation.out(), nullptr) == OPENEXEC_OK);
  }
  Executor assemble_again() const { return assemble(config); }
};

int32_t go_on(void*, const openexec_log_line*) { return 0; }
int32_t go_on_with(void*, const openexec_control_name*) { return 0; }

}  // namespace

TEST_CASE("NULL in any place where it may not be is invalid_argument, with a detail that names the place") {
  World w;
  const openexec_str s = str("x");
  openexec_buffer* buffer = nullptr;
  openexec_outcome* outcomes[1] = {nullptr};
  const Call calls[] = {
      {"digest", [&](auto** e) { return openexec_digest_to_hex(nullptr, &w.hex, e); }},
      {"hex", [&](auto** e) { return openexec_digest_to_hex(&w.digest, nullptr, e); }},
      {"digest", [&](auto** e) { return openexec_digest_from_hex(str(std::string(64, 'a')), nullptr, e); }},
      {"code", [&](auto** e) { return openexec_code_from_name(str("ok"), nullptr, e); }},
      {"request", [&](auto** e) { return openexec_proposal_create(nullptr, s, w.proposal.out(), e); }},
      {"proposal", [&](auto** e) { return openexec_proposal_create(&w.good, s, nullptr, e); }},
      {"proposal", [&](auto** e) { return openexec_proposal_create_json(s, s, nullptr, e); }},
      {"proposal", [&](auto** e) { return openexec_proposal_hash(nullptr, OPENEXEC_HASH_ACTION, &w.digest, e); }},
      {"digest", [&](auto** e) { return openexec_proposal_hash(w.proposal, OPENEXEC_HASH_ACTION, nullptr, e); }},
      {"config", [&](auto** e) { return openexec_config_create(nullptr, e); }},
      {"config", [&](auto** e) { return openexec_config_set_tenant(nullptr, s, e); }},
      {"config", [&](auto** e) { return openexec_config_set_executor_name(nullptr, s, e); }},
      {"config", [&](auto** e) { return openexec_config_set_allowed_actions(nullptr, &s, 1, e); }},
      {"actions", [&](auto** e) { return openexec_config_set_allowed_actions(w.config, nullptr, 1, e); }},
      {"config", [&](auto** e) { return openexec_config_set_limit(nullptr, OPENEXEC_LIMIT_IN_FLIGHT, 1, e); }},
      {"config", [&](auto** e) { return openexec_config_set_ledger_url(nullptr, str("sqlite://"), e); }},
      {"config", [&](auto** e) { return openexec_config_set_ledger_path(nullptr, s, e); }},
      {"config", [&](auto** e) { return openexec_config_set_clawshield_verifier(nullptr, {}, s, e); }},
      {"config", [&](auto** e) { return openexec_config_set_demo_verifier(nullptr, e); }},
      {"config", [&](auto** e) { return openexec_config_set_log_key(nullptr, s, e); }},
      {"config", [&](auto** e) { return openexec_config_set_log_origin(nullptr, s, e); }},
      {"config", [&](auto** e) { return openexec_config_set_log_anchor(nullptr, s, e); }},
      {"config", [&](auto** e) { return openexec_config_set_trust_policy(nullptr, {}, e); }},
      {"events", [&](auto** e) { return openexec_config_set_events(w.config, nullptr, e); }},
      {"executor", [&](auto** e) { return openexec_executor_reload_trust_policy(nullptr, s, e); }},
      {"approval", [&](auto** e) { return openexec_verify_trust_policy(s, s, s, &w.good, 0, nullptr, e); }},
      {"report", [&](auto** e) { return openexec_trust_policy_read(s, nullptr, e); }},
      {"log", [&](auto** e) { return openexec_log_verifier_key(nullptr, &buffer, e); }},
      {"key", [&](auto** e) { return openexec_log_verifier_key(w.log, nullptr, e); }},
      {"log", [&](auto** e) { return openexec_log_checkpoint(nullptr, &buffer, e); }},
      {"note", [&](auto** e) { return openexec_log_checkpoint(w.log, nullptr, e); }},
      {"log", [&](auto** e) { return openexec_log_cosigned(nullptr, &buffer, e); }},
      {"note", [&](auto** e) { return openexec_log_cosigned(w.log, nullptr, e); }},
      {"log", [&](auto** e) { return openexec_log_keep_cosigned(nullptr, s, e); }},
      {"log", [&](auto** e) { return openexec_log_prove(nullptr, 0, &buffer, e); }},
      {"proof", [&](auto** e) { return openexec_log_prove(w.log, 0, nullptr, e); }},
      {"log", [&](auto** e) { return openexec_log_consistency(nullptr, 0, 0, &buffer, e); }},
      {"hashes", [&](auto** e) { return openexec_log_consistency(w.log, 0, 0, nullptr, e); }},
      {"log", [&](auto** e) { return openexec_log_resource(nullptr, s, &buffer, e); }},
      {"resource", [&](auto** e) { return openexec_log_resource(w.log, s, nullptr, e); }},
      {"report", [&](auto** e) { return openexec_evidence_verify(s, &w.trust, nullptr, nullptr, e); }},
      {"trust", [&](auto** e) { return openexec_evidence_verify(s, nullptr, nullptr, &w.report, e); }},
      {"report", [&](auto** e) { return openexec_evidence_tree(nullptr, &w.entries, &w.digest, e); }},
      {"report", [&](auto** e) { return openexec_evidence_cosignature(nullptr, 0, &w.name, &w.entries, e); }},
      {"handler", [&](auto** e) { return openexec_config_add_handler(w.config, s, nullptr, e); }},
      {"log", [&](auto** e) { return openexec_config_set_log(w.config, nullptr, e); }},
      {"store", [&](auto** e) { return openexec_config_set_store(w.config, nullptr, e); }},
      {"verifier", [&](auto** e) { return openexec_config_set_verifier(w.config, nullptr, e); }},
      {"hasher", [&](auto** e) { return openexec_config_set_hasher(w.config, nullptr, e); }},
      {"clock", [&](auto** e) { return openexec_config_set_clock(w.config, nullptr, e); }},
      {"config", [&](auto** e) { return openexec_executor_create(nullptr, w.executor.out(), e); }},
      {"executor", [&](auto** e) { return openexec_executor_create(w.config, nullptr, e); }},
      {"cancellation", [&](auto** e) { return openexec_cancellation_create(nullptr, e); }},
      {"cancellation", [&](auto** e) { return openexec_cancellation_cancel(nullptr, e); }},
      {"executor", [&](auto** e) { return openexec_executor_execute(nullptr, &w.good, nullptr, w.outcome.out(), e); }},
      {"request",
       [&](auto** e) { return openexec_executor_execute(w.executor, nullptr, nullptr, w.outcome.out(), e); }},
      {"outcome", [&](auto** e) { return openexec_executor_execute(w.executor, &w.good, nullptr, nullptr, e); }},
      {"executor", [&](auto** e) { return openexec_executor_execute_json(nullptr, s, nullptr, w.outcome.out(), e); }},
      {"outcome", [&](auto** e) { return openexec_executor_execute_json(w.executor, s, nullptr, nullptr, e); }},
      {"executor",
       [&](auto** e) { return openexec_executor_execute_many(nullptr, w.calls, 1, nullptr, nullptr, outcomes, e); }},
      {"calls",
       [&](auto** e) { return openexec_executor_execute_many(w.executor, nullptr, 1, nullptr, nullptr, outcomes, e); }},
      {"outcomes",
       [&](auto** e) { return openexec_executor_execute_many(w.executor, w.calls, 1, nullptr, nullptr, nullptr, e); }},
      {"executor", [&](auto** e) { return openexec_executor_halt(nullptr, e); }},
      {"executor", [&](auto** e) { return openexec_executor_order(nullptr, &w.order, nullptr, e); }},
      {"order", [&](auto** e) { return openexec_executor_order(w.executor, nullptr, nullptr, e); }},
      {"executor", [&](auto** e) { return openexec_executor_controls(nullptr, go_on_with, nullptr, e); }},
      {"visit", [&](auto** e) { return openexec_executor_controls(w.executor, nullptr, nullptr, e); }},
      {"executor", [&](auto** e) { return openexec_executor_resume(nullptr, e); }},
      {"executor", [&](auto** e) { return openexec_executor_ready(nullptr, e); }},
      {"executor", [&](auto** e) { return openexec_executor_recovered(nullptr, &w.recovery, e); }},
      {"recovery", [&](auto** e) { return openexec_executor_recovered(w.executor, nullptr, e); }},
      {"executor", [&](auto** e) { return openexec_executor_recover(nullptr, &w.recovery, e); }},
      {"recovery", [&](auto** e) { return openexec_executor_recover(w.executor, nullptr, e); }},
      {"approval", [&](auto** e) { return openexec_verify_clawshield_v1({}, s, s, {}, s, 0, nullptr, e); }},
      {"canonical", [&](auto** e) { return openexec_canonicalise(str("{}"), OPENEXEC_FORM_JCS, nullptr, e); }},
      {"digest", [&](auto** e) { return openexec_sha256(s, nullptr, e); }},
      {"nonce", [&](auto** e) { return openexec_tool_call_nonce(s, s, s, s, 1, nullptr, e); }},
      {"log", [&](auto** e) { return openexec_log_open(str("sqlite://"), nullptr, e); }},
      {"executor", [&](auto** e) { return openexec_executor_log(nullptr, w.log.out(), e); }},
      {"log", [&](auto** e) { return openexec_executor_log(w.executor, nullptr, e); }},
      {"log", [&](auto** e) { return openexec_log_count(nullptr, &w.entries, e); }},
      {"entries", [&](auto** e) { return openexec_log_count(w.log, nullptr, e); }},
      {"log", [&](auto** e) { return openexec_log_read(nullptr, 0, 1, go_on, nullptr, e); }},
      {"visit", [&](auto** e) { return openexec_log_read(w.log, 0, 1, nullptr, nullptr, e); }},
      {"log", [&](auto** e) { return openexec_log_find(nullptr, &w.digest, 1, go_on, nullptr, e); }},
      {"exec_id", [&](auto** e) { return openexec_log_find(w.log, nullptr, 1, go_on, nullptr, e); }},
      {"visit", [&](auto** e) { return openexec_log_find(w.log, &w.digest, 1, nullptr, nullptr, e); }},
      {"json", [&](auto** e) { return openexec_canonicalise({nullptr, 1}, OPENEXEC_FORM_JCS, &buffer, e); }},
      {"json", [&](auto** e) { return openexec_canonicalise({"x", SIZE_MAX}, OPENEXEC_FORM_JCS, &buffer, e); }},
      {"tenant", [&](auto** e) { return openexec_config_set_tenant(w.config, {nullptr, 5}, e); }},
  };
  int number = 0;
  for (const auto& [place, call] : calls) {
    INFO("case " << number++ << ": " << place);
    w.executor = w.assemble_again();
    REQUIRE(openexec_executor_log(w.executor, w.log.out(), nullptr) == OPENEXEC_OK);
    REQUIRE(openexec_proposal_create(&w.good, str("acme"), w.proposal.out(), nullptr) == OPENEXEC_OK);
    Error error;
    CHECK(call(error.out()) == OPENEXEC_INVALID_ARGUMENT);
    REQUIRE(error != nullptr);
    CHECK(openexec_error_code(error) == OPENEXEC_INVALID_ARGUMENT);
    CHECK(text(openexec_error_detail(error)).find(place) != std::string::npos);
    CHECK(call(nullptr) == OPENEXEC_INVALID_ARGUMENT);
  }
  CHECK(buffer == nullptr);
  CHECK(w.handler.calls == 0);
}

TEST_CASE("What is lent to callbacks refuses NULL as well") {
  CHECK(openexec_sink_write(nullptr, str("x")) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_records_put(nullptr, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_unlogged_put(nullptr, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_lines_put(nullptr, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_approval_set_id(nullptr, str("x")) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_approval_add_key(nullptr, str("x")) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_approval_set_issued_at(nullptr, 0) == OPENEXEC_INVALID_ARGUMENT);
}

TEST_CASE("Accessors answer NULL with nothing that permits") {
  CHECK(openexec_error_code(nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_error_detail(nullptr).size == 0);
  CHECK(openexec_buffer_view(nullptr).size == 0);
  CHECK(openexec_outcome_code(nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_outcome_http(nullptr) == 0);
  CHECK(openexec_outcome_verdict(nullptr) == OPENEXEC_VERDICT_REFUSED);
  CHECK(openexec_outcome_effect(nullptr) == OPENEXEC_EFFECT_NONE);
  CHECK(openexec_outcome_replayed(nullptr) == 0);
  CHECK(openexec_outcome_entry_index(nullptr) == -1);
  for (auto* accessor :
       {openexec_outcome_exec_id, openexec_outcome_action, openexec_outcome_result, openexec_outcome_receipt,
        openexec_outcome_detail, openexec_outcome_entry, openexec_outcome_proof})
    CHECK(accessor(nullptr).size == 0);
  for (auto* accessor : {openexec_proposal_tenant, openexec_proposal_action, openexec_proposal_nonce,
                         openexec_proposal_payload, openexec_proposal_artifact})
    CHECK(accessor(nullptr).size == 0);
  CHECK(openexec_evidence_report_verdict(nullptr) == OPENEXEC_EVIDENCE_FAIL);
  CHECK(openexec_evidence_decided_by(nullptr) == -1);
  CHECK(openexec_evidence_finding(nullptr, OPENEXEC_STEP_PROOF) == OPENEXEC_FINDING_UNREACHED);
  CHECK(openexec_evidence_detail(nullptr, OPENEXEC_STEP_PROOF).size == 0);
  CHECK(openexec_evidence_entry(nullptr).size == 0);
  CHECK(openexec_evidence_origin(nullptr).size == 0);
  CHECK(openexec_evidence_index(nullptr) == -1);
  CHECK(openexec_evidence_cosignatures(nullptr) == 0);
  CHECK(openexec_executor_halted(nullptr) == 1);
  CHECK(openexec_cancellation_cancelled(nullptr) == 0);
  CHECK(openexec_text(nullptr).size == 0);
  CHECK(openexec_has_feature({nullptr, 0}) == 0);
}

TEST_CASE("destroy accepts NULL and a pointer to NULL, nulls the pointer, and may be called again") {
  const auto twice = [](auto destroy, auto handle) {
    destroy(nullptr);
    destroy(&handle);
    CHECK(handle == nullptr);
    destroy(&handle);
  };
  openexec_error* error = nullptr;
  CHECK(openexec_config_set_demo_verifier(nullptr, &error) == OPENEXEC_INVALID_ARGUMENT);
  twice(openexec_error_destroy, error);
  Config held = demo_config();
  openexec_executor* executor = nullptr;
  REQUIRE(openexec_executor_create(held, &executor, nullptr) == OPENEXEC_OK);
  openexec_log* log = nullptr;
  REQUIRE(openexec_executor_log(executor, &log, nullptr) == OPENEXEC_OK);
  twice(openexec_log_destroy, log);
  openexec_outcome* outcome = nullptr;
  const openexec_request what = request("n-1");
  CHECK(openexec_executor_execute(executor, &what, nullptr, &outcome, nullptr) == OPENEXEC_UNKNOWN_ACTION);
  twice(openexec_outcome_destroy, outcome);
  twice(openexec_executor_destroy, executor);
  openexec_config* config = nullptr;
  REQUIRE(openexec_config_create(&config, nullptr) == OPENEXEC_OK);
  twice(openexec_config_destroy, config);
  openexec_buffer* buffer = nullptr;
  REQUIRE(openexec_canonicalise(str("1"), OPENEXEC_FORM_JCS, &buffer, nullptr) == OPENEXEC_OK);
  twice(openexec_buffer_destroy, buffer);
  openexec_proposal* proposal = nullptr;
  REQUIRE(openexec_proposal_create(&what, str("t"), &proposal, nullptr) == OPENEXEC_OK);
  twice(openexec_proposal_destroy, proposal);
  openexec_cancellation* cancellation = nullptr;
  REQUIRE(openexec_cancellation_create(&cancellation, nullptr) == OPENEXEC_OK);
  twice(openexec_cancellation_destroy, cancellation);
}

TEST_CASE("Out parameters are overwritten: handles with NULL on failure, errors with NULL on success") {
  auto* const garbage = reinterpret_cast<openexec_executor*>(8);
  openexec_executor* executor = garbage;
  Error error;
  CHECK(openexec_executor_create(nullptr, &executor, error.out()) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(executor == nullptr);
  openexec_outcome* outcome = reinterpret_cast<openexec_outcome*>(8);
  CHECK(openexec_executor_execute(nullptr, nullptr, nullptr, &outcome, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(outcome == nullptr);
  openexec_error* stale = reinterpret_cast<openexec_error*>(8);
  Config config;
  CHECK(openexec_config_create(config.out(), &stale) == OPENEXEC_OK);
  CHECK(stale == nullptr);
}

namespace {

/// Sizes that are wrong for a struct, whatever it is: `take` is called with a struct of each size. `first`: the size of
/// its first version, where it has grown since.
template <class T>
void check_sizes(const char* what, const T& good, const std::function<openexec_code(const T*, openexec_error**)>& take,
                 std::size_t first = sizeof(T)) {
  INFO(what);
  struct Longer {
    T known;
    char unknown[16] = {};
  } longer{good, {}};
  Error error;
  CHECK(take(&good, error.out()) == OPENEXEC_OK);
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, first - 1, std::size_t{1} << 20, SIZE_MAX}) {
    INFO("size " << size);
    T bad = good;
    bad.size = size;
    CHECK(take(&bad, error.out()) == OPENEXEC_UNSUPPORTED_ABI);
    CHECK(openexec_error_code(error) == OPENEXEC_UNSUPPORTED_ABI);
    CHECK(text(openexec_error_detail(error)).find("size") != std::string::npos);
  }
  T old = good;
  old.size = first;
  CHECK(take(&old, error.out()) == OPENEXEC_OK);
  longer.known.size = sizeof longer;
  CHECK(take(&longer.known, error.out()) == OPENEXEC_OK);
  longer.unknown[9] = 1;
  CHECK(take(&longer.known, error.out()) == OPENEXEC_UNSUPPORTED_ABI);
}

}  // namespace

TEST_CASE("A struct that is too short, or asks for what this library does not know, is unsupported_abi") {
  World w;
  check_sizes<openexec_request>("request", w.good, [&](auto* given, auto** error) {
    return openexec_executor_execute(w.executor, given, nullptr, w.outcome.out(), error);
  });
  check_sizes<openexec_call_options>(
      "options", {sizeof(openexec_call_options), 0, nullptr, {}, 0, 0},
      [&](auto* given, auto** error) {
        return openexec_executor_execute(w.executor, &w.good, given, w.outcome.out(), error);
      },
      offsetof(openexec_call_options, proof));
  check_sizes<openexec_call>("call", w.call, [&](auto* given, auto** error) {
    openexec_outcome* outcome = nullptr;
    const openexec_code code = openexec_executor_execute_many(w.executor, &given, 1, nullptr, nullptr, &outcome, error);
    openexec_outcome_destroy(&outcome);
    return code;
  });
  check_sizes<openexec_recovery>("recovery", w.recovery, [&](auto* given, auto** error) {
    return openexec_executor_recovered(w.executor, const_cast<openexec_recovery*>(given), error);
  });
  int number = 0;
  check_sizes<openexec_handler_table>(
      "handler", w.handler.table(),
      [&](auto* given, auto** error) {
        return openexec_config_add_handler(w.config, str("action-" + std::to_string(++number)), given, error);
      },
      offsetof(openexec_handler_table, cost));
  Store store(openexec::memory_ledger());
  check_sizes<openexec_store_table>(
      "store", store.table(),
      [&](auto* given, auto** error) { return openexec_config_set_store(w.config, given, error); },
      offsetof(openexec_store_table, keeps_terms));
  REQUIRE(openexec_config_set_ledger_url(w.config, str("sqlite://"), nullptr) == OPENEXEC_OK);
  check_sizes<openexec_order>("order", w.order, [&](auto* given, auto** error) {
    return openexec_executor_order(w.executor, given, nullptr, error);
  });
  Verifier verifier;
  check_sizes<openexec_verifier_table>("verifier", verifier.table(), [&](auto* given, auto** error) {
    return openexec_config_set_verifier(w.config, given, error);
  });
  openexec_events_table events{};
  events.size = sizeof events;
  events.on_event = [](void*, const openexec_event*) {};
  check_sizes<openexec_events_table>(
      "events", events, [&](auto* given, auto** error) { return openexec_config_set_events(w.config, given, error); });
  // Nobody's evidence is a no as well: what counts is that the struct was taken, and a report came.
  const auto judged = [&](const openexec_evidence_trust* trust, const openexec_evidence_held* held, auto** error) {
    const openexec_code code = openexec_evidence_verify(str("no proof"), trust, held, &w.report, error);
    const bool reported = w.report != nullptr;
    openexec_evidence_destroy(&w.report);
    return reported ? openexec_code{OPENEXEC_OK} : code;
  };
  check_sizes<openexec_evidence_trust>("trust", w.trust,
                                       [&](auto* given, auto** error) { return judged(given, nullptr, error); });
  openexec_evidence_held held{};
  held.size = sizeof held;
  check_sizes<openexec_evidence_held>("held", held,
                                      [&](auto* given, auto** error) { return judged(&w.trust, given, error); });
  openexec_clock_table clock{};
  clock.size = sizeof clock;
  clock.now_us = [](void*) { return int64_t{0}; };
  check_sizes<openexec_clock_table>(
      "clock", clock, [&](auto* given, auto** error) { return openexec_config_set_clock(w.config, given, error); });
  openexec_hasher_table hasher{};
  hasher.size = sizeof hasher;
  hasher.name = str("mine");
  hasher.canonical = [](void*, const openexec_str*, const openexec_str*, openexec_sink*) {};
  hasher.digest = [](void*, const openexec_str*, openexec_digest*) {};
  check_sizes<openexec_hasher_table>(
      "hasher", hasher, [&](auto* given, auto** error) { return openexec_config_set_hasher(w.config, given, error); });
}

TEST_CASE("Text that is not UTF-8 is refused wherever it enters") {
  World w;
  const openexec_str bad = str("\xc3\x28");
  Error error;
  CHECK(openexec_config_set_tenant(w.config, bad, error.out()) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_config_set_log_origin(w.config, bad, error.out()) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_config_set_log_key(w.config, bad, error.out()) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_config_set_trust_policy(w.config, bad, error.out()) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_config_set_executor_name(w.config, bad, error.out()) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_config_set_allowed_actions(w.config, &bad, 1, error.out()) == OPENEXEC_INVALID_ARGUMENT);
  const openexec_handler_table handler = w.handler.table();
  CHECK(openexec_config_add_handler(w.config, bad, &handler, error.out()) == OPENEXEC_INVALID_ARGUMENT);
  Verifier verifier;
  openexec_verifier_table table = verifier.table();
  table.profile = bad;
  CHECK(openexec_config_set_verifier(w.config, &table, error.out()) == OPENEXEC_INVALID_ARGUMENT);
  for (const openexec_request& what :
       {request("\xc3\x28"), request("n", "{\"a\":\"\xc3\x28\"}"), request("n", "{}", "\xc3\x28"),
        request("n", "{}", "echo", "{\"a\":\"\xed\xa0\x80\"}")})
    CHECK(execute(w.executor, what) == OPENEXEC_MALFORMED_REQUEST);
  CHECK(openexec_executor_execute_json(w.executor, bad, nullptr, w.outcome.out(), nullptr) ==
        OPENEXEC_MALFORMED_REQUEST);
  Buffer buffer;
  CHECK(openexec_canonicalise(str("\"\xff\""), OPENEXEC_FORM_DISPLAY, buffer.out(), nullptr) ==
        OPENEXEC_MALFORMED_REQUEST);
  CHECK(w.handler.calls == 0);
  CHECK(w.handler.closes == 0);
}

TEST_CASE("An order that is none is refused, and changes nothing") {
  World w;
  Error error;
  const auto refused = [&](auto change, const char* member) {
    openexec_order order = w.order;
    change(order);
    INFO(member);
    CHECK(openexec_executor_order(w.executor, &order, w.outcome.out(), error.out()) == OPENEXEC_INVALID_ARGUMENT);
    CHECK(w.outcome == nullptr);
    CHECK(text(openexec_error_detail(error)).find(member) != std::string::npos);
  };
  refused([](auto& order) { order.control = 0; }, "control");
  refused([](auto& order) { order.control = 5; }, "control");
  refused([](auto& order) { order.active = 2; }, "active");
  refused([](auto& order) { order.id = str("a-1"); }, "id");
  refused([](auto& order) { order.control = OPENEXEC_CONTROL_REVOKE_KEY; }, "id");
  refused(
      [](auto& order) {
        order.control = OPENEXEC_CONTROL_REVOKE_KEY;
        order.id = str("k");
        order.active = 0;
      },
      "active");
  refused([](auto& order) { order.who = {}; }, "who");
  refused([](auto& order) { order.why = {}; }, "why");
  refused([](auto& order) { order.who = {nullptr, 3}; }, "who");
  refused([](auto& order) { order.tenant = str("\xff"); }, "tenant");
  CHECK(openexec_executor_halted(w.executor) == 0);
  Config config = demo_config();
  Store store(openexec::memory_ledger());
  openexec_store_table half = store.table();
  half.controls = nullptr;
  CHECK(openexec_config_set_store(config, &half, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  half = store.table();
  half.keeps_terms = 2;
  CHECK(openexec_config_set_store(config, &half, nullptr) == OPENEXEC_INVALID_ARGUMENT);
}

TEST_CASE("Numbers that mean nothing are refused") {
  World w;
  Buffer buffer;
  for (const int32_t nonsense : {-1, 2, 1000}) {
    openexec_call_options options{};
    options.size = sizeof options;
    options.proof = nonsense;
    CHECK(openexec_executor_execute(w.executor, &w.good, &options, w.outcome.out(), nullptr) ==
          OPENEXEC_INVALID_ARGUMENT);
    options.proof = 0;
    options.reserved = nonsense;
    CHECK(openexec_executor_execute(w.executor, &w.good, &options, w.outcome.out(), nullptr) ==
          OPENEXEC_INVALID_ARGUMENT);
  }
  for (const int32_t nonsense : {0, -1, 99, 1000}) {
    CHECK(openexec_config_set_limit(w.config, nonsense, 1, nullptr) == OPENEXEC_INVALID_ARGUMENT);
    CHECK(openexec_proposal_hash(w.proposal, nonsense, &w.digest, nullptr) == OPENEXEC_INVALID_ARGUMENT);
    CHECK(openexec_canonicalise(str("{}"), nonsense, buffer.out(), nullptr) == OPENEXEC_INVALID_ARGUMENT);
  }
  CHECK(openexec_config_set_limit(w.config, OPENEXEC_LIMIT_WAIT_MS, UINT64_MAX, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  openexec_handler_table handler = w.handler.table();
  handler.deadline_ms = -1;
  CHECK(openexec_config_add_handler(w.config, str("late"), &handler, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  const openexec_call_options options{sizeof options, INT64_MAX, nullptr, {}};
  CHECK(openexec_executor_execute(w.executor, &w.good, &options, w.outcome.out(), nullptr) ==
        OPENEXEC_INVALID_ARGUMENT);
  openexec_call both = w.call;
  both.request = &w.good;
  const openexec_call* calls[] = {&both};
  openexec_outcome* outcome = nullptr;
  CHECK(openexec_executor_execute_many(w.executor, calls, 1, nullptr, nullptr, &outcome, nullptr) ==
        OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_config_set_ledger_path(w.config, str(std::string_view("a\0b", 3)), nullptr) ==
        OPENEXEC_INVALID_ARGUMENT);
  openexec_digest digest{};
  for (const char* hex : {"", "abc", "ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD"})
    CHECK(openexec_digest_from_hex(str(hex), &digest, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  openexec_code code = 7;
  CHECK(openexec_code_from_name(str("no_such_code"), &code, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(code == 7);
}

TEST_CASE("An executor that cannot be right is not made") {
  Error error;
  Executor executor;
  const auto refused = [&](const Config& config, openexec_code code, const char* word) {
    CHECK(openexec_executor_create(config, executor.out(), error.out()) == code);
    CHECK(executor == nullptr);
    CHECK(text(openexec_error_detail(error)).find(word) != std::string::npos);
  };
  Config empty;
  must(openexec_config_create(empty.out(), error.out()), error);
  refused(empty, OPENEXEC_INVALID_ARGUMENT, "verifier");
  must(openexec_config_set_demo_verifier(empty, error.out()), error);
  refused(empty, OPENEXEC_INVALID_ARGUMENT, "store");
  must(openexec_config_set_ledger_url(empty, str("oracle://"), error.out()), error);
  CHECK(openexec_executor_create(empty, executor.out(), error.out()) != OPENEXEC_OK);
  must(openexec_config_set_ledger_path(empty, str("/no/such/folder/ledger.db"), error.out()), error);
  refused(empty, OPENEXEC_STORE_FAILED, "");
  const Config deep = demo_config();
  must(openexec_config_set_limit(deep, OPENEXEC_LIMIT_REQUEST_DEPTH, 129, error.out()), error);
  refused(deep, OPENEXEC_INVALID_ARGUMENT, "max_depth");
  CHECK(openexec_config_set_clawshield_verifier(deep, str("no key"), str("acme"), error.out()) ==
        OPENEXEC_INVALID_ARGUMENT);

  const Config shared = demo_config();
  openexec::test::TemporaryFolder folder;
  must(openexec_config_set_ledger_path(shared, str(folder.file("ledger.db")), error.out()), error);
  const Executor first = assemble(shared);
  refused(shared, OPENEXEC_STORE_FAILED, "in use");
}

TEST_CASE("Without a key and without a tenant clawshield-v1 refuses everything") {
  Handler handler;
  const Config config = demo_config();
  handler.add_to(config);
  REQUIRE(openexec_config_set_clawshield_verifier(config, {}, {}, nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  CHECK(execute(executor, request("n-1", "{}", "echo", "{}")) != OPENEXEC_OK);
  CHECK(openexec_executor_ready(executor, nullptr) != OPENEXEC_OK);
  CHECK(handler.calls == 0);
}

TEST_CASE("A handler that executes on its own executor is refused, and another executor serves it") {
  Handler inner;
  const Config other_config = demo_config();
  inner.add_to(other_config);
  const Executor other = assemble(other_config);

  openexec_executor* own = nullptr;
  openexec_code again = -1;
  openexec_code many = -1;
  openexec_code elsewhere = -1;
  Handler handler([&](const openexec_invocation&, openexec_sink* result, openexec_sink*) {
    again = execute(own, request("n-2"));
    const openexec_call call{sizeof call, nullptr, str(R"({"action":"echo","nonce":"n-3"})"), nullptr};
    const openexec_call* calls[] = {&call};
    openexec_outcome* outcome = nullptr;
    many = openexec_executor_execute_many(own, calls, 1, nullptr, nullptr, &outcome, nullptr);
    openexec_outcome_destroy(&outcome);
    elsewhere = execute(other, request("n-2"));
    openexec_sink_write(result, str("1"));
    return openexec_answer{OPENEXEC_ANSWER_RESULT};
  });
  const Config config = demo_config();
  handler.add_to(config);
  const Executor executor = assemble(config);
  own = executor;
  CHECK(execute(executor, request("n-1")) == OPENEXEC_OK);
  CHECK(again == OPENEXEC_INVALID_ARGUMENT);
  CHECK(many == OPENEXEC_INVALID_ARGUMENT);
  CHECK(elsewhere == OPENEXEC_OK);
  CHECK(handler.calls == 1);
  CHECK(inner.calls == 1);
}

TEST_CASE("After a fork the child is refused, and the parent does not notice it") {
  openexec::test::TemporaryFolder folder;
  Handler handler;
  const Config config = demo_config();
  REQUIRE(openexec_config_set_ledger_path(config, str(folder.file("ledger.db")), nullptr) == OPENEXEC_OK);
  handler.add_to(config);
  Executor executor = assemble(config);
  Log log;
  REQUIRE(openexec_executor_log(executor, log.out(), nullptr) == OPENEXEC_OK);
  REQUIRE(execute(executor, request("before")) == OPENEXEC_OK);

  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    openexec_executor* inherited = executor;
    openexec_log* inherited_log = log;
    openexec_outcome* outcome = nullptr;
    openexec_buffer* note = nullptr;
    uint64_t entries = 0;
    const openexec_request what = request("child");
    const bool refused =
        openexec_executor_execute(inherited, &what, nullptr, &outcome, nullptr) == OPENEXEC_INVALID_ARGUMENT &&
        outcome == nullptr && openexec_executor_ready(inherited, nullptr) == OPENEXEC_INVALID_ARGUMENT &&
        openexec_executor_halt(inherited, nullptr) == OPENEXEC_INVALID_ARGUMENT &&
        openexec_executor_reload_trust_policy(inherited, {}, nullptr) == OPENEXEC_INVALID_ARGUMENT &&
        openexec_log_checkpoint(inherited_log, &note, nullptr) == OPENEXEC_INVALID_ARGUMENT &&
        openexec_log_prove(inherited_log, 0, &note, nullptr) == OPENEXEC_INVALID_ARGUMENT &&
        openexec_log_count(inherited_log, &entries, nullptr) == OPENEXEC_INVALID_ARGUMENT;
    openexec_log_destroy(&inherited_log);
    openexec_executor_destroy(&inherited);
    _exit(refused && inherited == nullptr && inherited_log == nullptr && handler.calls == 1 && handler.closes == 0 ? 0
                                                                                                                   : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(execute(executor, request("after")) == OPENEXEC_OK);
  uint64_t entries = 0;
  CHECK(openexec_log_count(log, &entries, nullptr) == OPENEXEC_OK);
  CHECK(entries == 2);
}
