// SPDX-License-Identifier: Apache-2.0
// Parts behind tables: who owns them, what they can say, and what becomes of those that misbehave.
#include "support/parts.hpp"

#include <cstddef>
#include <functional>
#include <openexec/ledger.hpp>
#include <stdexcept>
#include <vector>

#include "c.hpp"
#include "support/approvals.hpp"
#include "support/catch.hpp"
#include "support/split_store.hpp"
#include "table_of.hpp"

using namespace openexec::test::c;

namespace {

openexec_clock_table clock_at(std::atomic<int64_t>& now_us) {
  openexec_clock_table table{};
  table.size = sizeof table;
  table.self = &now_us;
  table.now_us = [](void* self) { return static_cast<std::atomic<int64_t>*>(self)->load(); };
  return table;
}

std::vector<std::string> entries_of(openexec_executor* executor) {
  Log log;
  std::vector<std::string> entries;
  REQUIRE(openexec_executor_log(executor, log.out(), nullptr) == OPENEXEC_OK);
  const openexec_visit keep = [](void* self, const openexec_log_line* line) {
    static_cast<std::vector<std::string>*>(self)->push_back(text(line->json));
    return int32_t{0};
  };
  REQUIRE(openexec_log_read(log, 0, UINT64_MAX, keep, &entries, nullptr) == OPENEXEC_OK);
  return entries;
}

}  // namespace

TEST_CASE("Each part is closed exactly once, when the config and the last executor are gone") {
  Handler handler;
  Verifier verifier;
  Store store(openexec::memory_ledger());
  {
    Executor first;
    Executor second;
    {
      const Config config = demo_config();
      handler.add_to(config);
      verifier.set_on(config);
      store.set_on(config);
      first = assemble(config);
      second = assemble(config);
    }
    CHECK(handler.closes + verifier.closes + store.closes == 0);
    first = Executor();
    CHECK(handler.closes + verifier.closes + store.closes == 0);
    CHECK(execute(second, request("n-1", "{}", "echo", "{}")) == OPENEXEC_OK);
  }
  CHECK(handler.closes == 1);
  CHECK(verifier.closes == 1);
  CHECK(store.closes == 1);
}

TEST_CASE("A part that is replaced is closed, and one whose setter failed stays its owner's") {
  Verifier replaced;
  Verifier refused;
  Store store(openexec::memory_ledger());
  Handler handler;
  {
    const Config config = demo_config();
    replaced.set_on(config);
    REQUIRE(openexec_config_set_demo_verifier(config, nullptr) == OPENEXEC_OK);
    CHECK(replaced.closes == 1);

    openexec_verifier_table table = refused.table();
    table.verify = nullptr;
    CHECK(openexec_config_set_verifier(config, &table, nullptr) == OPENEXEC_INVALID_ARGUMENT);
    openexec_store_table callbacks = store.table();
    callbacks.seal = nullptr;
    Error error;
    CHECK(openexec_config_set_store(config, &callbacks, error.out()) == OPENEXEC_INVALID_ARGUMENT);
    CHECK(text(openexec_error_detail(error)) == "store.seal: NULL");
    const openexec_handler_table row = handler.table();
    CHECK(openexec_config_add_handler(config, str("not a name!"), &row, nullptr) == OPENEXEC_INVALID_ARGUMENT);
    handler.add_to(config);
    CHECK(openexec_config_add_handler(config, str("echo"), &row, nullptr) == OPENEXEC_INVALID_ARGUMENT);
    CHECK(handler.closes == 0);
  }
  CHECK(refused.closes == 0);
  CHECK(store.closes == 0);
  CHECK(replaced.closes == 1);
  CHECK(handler.closes == 1);
}

TEST_CASE("A store is its own log, or the outbox of another, and never half of either") {
  const Config config = demo_config();
  Store own(openexec::memory_ledger());
  openexec_store_table callbacks = own.table();
  own.its_log.close = callbacks.close;
  CHECK(openexec_config_set_store(config, &callbacks, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  own.its_log.close = nullptr;
  own.its_log.find = nullptr;
  CHECK(openexec_config_set_store(config, &callbacks, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  callbacks.log = nullptr;
  callbacks.logged = nullptr;
  CHECK(openexec_config_set_store(config, &callbacks, nullptr) == OPENEXEC_INVALID_ARGUMENT);

  // Apart: the entries arrive in the other log, and the outbox is empty afterwards.
  Handler handler;
  Store apart(std::make_shared<openexec::test::SplitStore>());
  std::shared_ptr<openexec::ReceiptLog> elsewhere = openexec::memory_ledger();
  openexec_log_table log = log_table();
  log.self = &elsewhere;
  handler.add_to(config);
  apart.set_on(config);
  Executor none;
  CHECK(openexec_executor_create(config, none.out(), nullptr) == OPENEXEC_INVALID_ARGUMENT);
  REQUIRE(openexec_config_set_log(config, &log, nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  Outcome outcome;
  CHECK(execute(executor, request("n-1"), outcome) == OPENEXEC_OK);
  CHECK(openexec_outcome_entry_index(outcome) == 0);
  CHECK(elsewhere->size().value() == 1);
  CHECK(apart.inner->unlogged().value().empty());
  CHECK(entries_of(executor).front() == text(openexec_outcome_entry(outcome)));
}

TEST_CASE("A store that misbehaves permits nothing") {
  using openexec_claim_callback = decltype(openexec_store_table::claim);
  const auto refused = [](openexec_claim_callback claim) {
    Handler handler;
    Store store(openexec::memory_ledger());
    const Config config = demo_config();
    handler.add_to(config);
    openexec_store_table callbacks = store.table();
    callbacks.claim = claim;
    REQUIRE(openexec_config_set_store(config, &callbacks, nullptr) == OPENEXEC_OK);
    const Executor executor = assemble(config);
    Outcome outcome;
    CHECK(execute(executor, request("n-1"), outcome) == OPENEXEC_STORE_FAILED);
    CHECK(openexec_outcome_effect(outcome) == OPENEXEC_EFFECT_NONE);
    CHECK(handler.calls == 0);
  };
  // It succeeds, and says nothing.
  refused([](void*, const openexec_claim*, openexec_claim_answer*, openexec_records*, openexec_sink*) {
    return openexec_code{OPENEXEC_OK};
  });
  // It answers what means nothing.
  refused([](void*, const openexec_claim*, openexec_claim_answer* claimed, openexec_records*, openexec_sink*) {
    *claimed = 5;
    return openexec_code{OPENEXEC_OK};
  });
  // It says fresh, and fails.
  refused([](void*, const openexec_claim*, openexec_claim_answer* claimed, openexec_records*, openexec_sink*) {
    *claimed = OPENEXEC_CLAIM_FRESH;
    return openexec_code{-7};
  });
  // It throws.
  refused([](void*, const openexec_claim*, openexec_claim_answer* claimed, openexec_records*,
             openexec_sink*) -> openexec_code {
    *claimed = OPENEXEC_CLAIM_FRESH;
    throw std::runtime_error("no database");
  });
  // It says that the nonce exists, without a record.
  refused([](void*, const openexec_claim*, openexec_claim_answer* claimed, openexec_records*, openexec_sink*) {
    *claimed = OPENEXEC_CLAIM_EXISTS;
    return openexec_code{OPENEXEC_OK};
  });
  // With a record that cannot be; and with two.
  refused([](void*, const openexec_claim*, openexec_claim_answer* claimed, openexec_records* existing, openexec_sink*) {
    *claimed = OPENEXEC_CLAIM_EXISTS;
    openexec_record record{};
    record.size = sizeof record;
    record.state = OPENEXEC_STATE_SEALED;
    record.code = OPENEXEC_HALTED;
    (void)openexec_records_put(existing, &record);
    return openexec_code{OPENEXEC_OK};
  });
  refused([](void*, const openexec_claim* claim, openexec_claim_answer* claimed, openexec_records* existing,
             openexec_sink*) {
    *claimed = OPENEXEC_CLAIM_EXISTS;
    openexec_record record{};
    record.size = sizeof record;
    record.exec_id = claim->exec_id;
    record.state = OPENEXEC_STATE_SEALED;
    record.effect = OPENEXEC_EFFECT_CONFIRMED;
    record.result = str("1");
    record.entry = -1;
    if (openexec_records_put(existing, &record) != OPENEXEC_OK) return openexec_code{OPENEXEC_INVALID_ARGUMENT};
    (void)openexec_records_put(existing, &record);
    return openexec_code{OPENEXEC_OK};
  });
}

TEST_CASE("A store that loses a seal leaves the nonce in doubt, and its handler is never run again") {
  Handler handler;
  Store store(openexec::memory_ledger());
  const Config config = demo_config();
  handler.add_to(config);
  openexec_store_table callbacks = store.table();
  callbacks.seal = [](void*, const openexec_seal*, int64_t*, openexec_sink*) -> openexec_code { throw 1; };
  REQUIRE(openexec_config_set_store(config, &callbacks, nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  Outcome outcome;
  CHECK(execute(executor, request("n-1"), outcome) == OPENEXEC_STORE_FAILED);
  CHECK(openexec_outcome_verdict(outcome) == OPENEXEC_VERDICT_IN_DOUBT);
  CHECK(openexec_outcome_effect(outcome) == OPENEXEC_EFFECT_UNKNOWN);
  CHECK(execute(executor, request("n-1"), outcome) != OPENEXEC_OK);
  CHECK(handler.calls == 1);
}

TEST_CASE("A log that gives lines out of order, or more than were asked for, is not believed") {
  const auto read_with = [](decltype(openexec_log_table::read) read) {
    Store store(openexec::memory_ledger());
    const Config config = demo_config();
    const openexec_store_table callbacks = store.table();
    store.its_log.read = read;
    REQUIRE(openexec_config_set_store(config, &callbacks, nullptr) == OPENEXEC_OK);
    const Executor executor = assemble(config);
    Log log;
    REQUIRE(openexec_executor_log(executor, log.out(), nullptr) == OPENEXEC_OK);
    return openexec_log_read(
        log, 0, 2, [](void*, const openexec_log_line*) { return int32_t{0}; }, nullptr, nullptr);
  };
  CHECK(read_with([](void*, uint64_t, uint64_t, openexec_lines*, openexec_sink*) {
          return openexec_code{OPENEXEC_OK};
        }) == OPENEXEC_OK);
  CHECK(read_with([](void*, uint64_t, uint64_t, openexec_lines* lines, openexec_sink*) {
          const openexec_log_line line{sizeof line, 7, {}, str("{}")};
          return openexec_lines_put(lines, &line);
        }) == OPENEXEC_STORE_FAILED);
  CHECK(read_with([](void*, uint64_t first, uint64_t count, openexec_lines* lines, openexec_sink*) {
          for (uint64_t i = first; i <= first + count; ++i) {
            const openexec_log_line line{sizeof line, i, {}, str("{}")};
            (void)openexec_lines_put(lines, &line);
          }
          return openexec_code{OPENEXEC_OK};
        }) == OPENEXEC_STORE_FAILED);
}

TEST_CASE("A verifier that misbehaves approves nothing") {
  const auto answer = [](decltype(openexec_verifier_table::verify) verify) {
    Handler handler;
    Verifier verifier;
    const Config config = demo_config();
    handler.add_to(config);
    openexec_verifier_table table = verifier.table();
    table.verify = verify;
    REQUIRE(openexec_config_set_verifier(config, &table, nullptr) == OPENEXEC_OK);
    const Executor executor = assemble(config);
    const openexec_code code = execute(executor, request("n-1", "{}", "echo", "{}"));
    CHECK(handler.calls == 0);
    return code;
  };
  // Zero, without a word about whom: what a callback that does nothing returns.
  CHECK(answer([](void*, const openexec_proposal*, int64_t, openexec_approval*, openexec_sink*) {
          return openexec_code{0};
        }) == OPENEXEC_APPROVAL_MALFORMED);
  CHECK(answer([](void*, const openexec_proposal*, int64_t, openexec_approval* approval, openexec_sink*) {
          (void)openexec_approval_set_id(approval, str("\xff"));
          return openexec_code{OPENEXEC_OK};
        }) == OPENEXEC_APPROVAL_MALFORMED);
  CHECK(answer([](void*, const openexec_proposal*, int64_t, openexec_approval* approval, openexec_sink*) {
          (void)openexec_approval_add_key(approval, {});
          (void)openexec_approval_set_id(approval, str("id"));
          return openexec_code{OPENEXEC_OK};
        }) == OPENEXEC_APPROVAL_MALFORMED);
  CHECK(answer([](void*, const openexec_proposal*, int64_t, openexec_approval* approval, openexec_sink*) {
          (void)openexec_approval_set_id(approval, str("id"));
          return openexec_code{1};
        }) == OPENEXEC_APPROVAL_SIGNATURE_INVALID);
  CHECK(answer(
            [](void*, const openexec_proposal*, int64_t, openexec_approval* approval, openexec_sink*) -> openexec_code {
              (void)openexec_approval_set_id(approval, str("id"));
              throw std::runtime_error("no");
            }) == OPENEXEC_APPROVAL_SIGNATURE_INVALID);
}

TEST_CASE("A verifier sees the proposal, and its approval is in the receipt with its keys in order") {
  Handler handler;
  openexec_verifier_table table{};
  table.size = sizeof table;
  table.profile = str("mine");
  std::string seen;
  table.self = &seen;
  table.verify = [](void* self, const openexec_proposal* proposal, int64_t now_us, openexec_approval* approval,
                    openexec_sink*) {
    openexec_digest hash{};
    openexec_hex hex{};
    if (openexec_proposal_hash(proposal, OPENEXEC_HASH_PARAMETERS, &hash, nullptr) != OPENEXEC_OK ||
        openexec_digest_to_hex(&hash, &hex, nullptr) != OPENEXEC_OK)
      return openexec_code{OPENEXEC_APPROVAL_MALFORMED};
    for (const openexec_str part :
         {openexec_proposal_tenant(proposal), openexec_proposal_action(proposal), openexec_proposal_nonce(proposal),
          openexec_proposal_payload(proposal), openexec_proposal_artifact(proposal), openexec_text(hex.text)})
      *static_cast<std::string*>(self) += text(part) + "\n";
    *static_cast<std::string*>(self) += std::to_string(now_us);
    (void)openexec_approval_add_key(approval, str("zoe"));
    (void)openexec_approval_add_key(approval, str("ada"));
    return openexec_approval_set_id(approval, str("grant-7"));
  };
  std::atomic<int64_t> now_us{1'772'366'400'000'000};
  const openexec_clock_table clock = clock_at(now_us);
  const Config config = demo_config();
  handler.add_to(config);
  REQUIRE(openexec_config_set_tenant(config, str("acme"), nullptr) == OPENEXEC_OK);
  REQUIRE(openexec_config_set_executor_name(config, str("boundary-1"), nullptr) == OPENEXEC_OK);
  REQUIRE(openexec_config_set_verifier(config, &table, nullptr) == OPENEXEC_OK);
  REQUIRE(openexec_config_set_clock(config, &clock, nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  Outcome outcome;
  CHECK(execute(executor, request("n-1", R"({"b": 1.0, "a": 2})", "echo", R"({"by": "both"})"), outcome) ==
        OPENEXEC_OK);
  CHECK(seen ==
        "acme\necho\nn-1\n{\"a\":2,\"b\":1}\n{\"by\":\"both\"}\n"
        "d3626ac30a87e6f7a6428233b3c68299976865fa5508e4267c5415c76af7a772\n1772366400000000");
  const std::string entry = text(openexec_outcome_entry(outcome));
  CHECK(entry.find(R"("id":"grant-7","keys":["ada","zoe"],"profile":"mine")") != std::string::npos);
  CHECK(entry.find(R"("executor":"boundary-1")") != std::string::npos);
  CHECK(entry.find(R"("observed_at":"2026-03-01T12:00:00.000000Z")") != std::string::npos);
}

namespace {

constexpr int64_t floor_us = 1'772'366'400'000'000;

/// Says that the approval was issued as long after the floor as the artifact's number says, or nothing where it has
/// none.
openexec_code says_when(void*, const openexec_proposal* proposal, int64_t, openexec_approval* approval,
                        openexec_sink*) {
  const std::string artifact = text(openexec_proposal_artifact(proposal));
  if (const std::size_t at = artifact.find(':'); at != std::string::npos)
    (void)openexec_approval_set_issued_at(approval, floor_us + std::stoll(artifact.substr(at + 1)));
  return openexec_approval_set_id(approval, str(artifact));
}

}  // namespace

TEST_CASE("A store with a floor takes approvals that were issued after it, and none whose age nobody says") {
  Handler handler;
  Store store(openexec::memory_ledger());
  openexec_store_table callbacks = store.table();
  callbacks.floor = [](void*, int64_t* at, openexec_sink*) {
    *at = floor_us;
    return openexec_code{OPENEXEC_OK};
  };
  Verifier verifier;
  openexec_verifier_table judge = verifier.table();
  judge.verify = says_when;
  const Config config = demo_config();
  handler.add_to(config);
  REQUIRE(openexec_config_set_store(config, &callbacks, nullptr) == OPENEXEC_OK);
  Executor none;
  CHECK(openexec_executor_create(config, none.out(), nullptr) == OPENEXEC_STORE_FAILED);  // demo: nothing has an age
  REQUIRE(openexec_config_set_verifier(config, &judge, nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  CHECK(execute(executor, request("n-1", "{}", "echo", R"({"issued":-1})")) == OPENEXEC_APPROVAL_SPENT);
  CHECK(execute(executor, request("n-2", "{}", "echo", R"({"issued":0})")) == OPENEXEC_APPROVAL_SPENT);
  CHECK(execute(executor, request("n-3", "{}", "echo", "{}")) == OPENEXEC_APPROVAL_SPENT);
  CHECK(handler.calls == 0);
  CHECK(execute(executor, request("n-4", "{}", "echo", R"({"issued":1})")) == OPENEXEC_OK);
  CHECK(handler.calls == 1);
}

TEST_CASE("A store that cannot tell its floor serves no executor, and one without a floor asks for no age") {
  Handler handler;
  Store store(openexec::memory_ledger());
  openexec_store_table callbacks = store.table();
  Verifier verifier;
  openexec_verifier_table judge = verifier.table();
  judge.verify = says_when;
  const Config config = demo_config();
  handler.add_to(config);
  REQUIRE(openexec_config_set_verifier(config, &judge, nullptr) == OPENEXEC_OK);
  SECTION("a failure") {
    callbacks.floor = [](void*, int64_t*, openexec_sink*) { return openexec_code{OPENEXEC_STORE_FAILED}; };
    REQUIRE(openexec_config_set_store(config, &callbacks, nullptr) == OPENEXEC_OK);
    Executor none;
    CHECK(openexec_executor_create(config, none.out(), nullptr) == OPENEXEC_STORE_FAILED);
  }
  SECTION("none, or no callback for it") {
    if (GENERATE(false, true)) callbacks.floor = nullptr;
    REQUIRE(openexec_config_set_store(config, &callbacks, nullptr) == OPENEXEC_OK);
    CHECK(execute(assemble(config), request("n-1", "{}", "echo", "{}")) == OPENEXEC_OK);
  }
}

TEST_CASE("A handler that throws in C++ leaves its nonce in doubt") {
  Handler handler([](const openexec_invocation&, openexec_sink*, openexec_sink*) -> openexec_answer {
    throw std::runtime_error("halfway");
  });
  const Config config = demo_config();
  handler.add_to(config);
  const Executor executor = assemble(config);
  CHECK(execute(executor, request("n-1")) == OPENEXEC_IN_DOUBT);
  CHECK(execute(executor, request("n-1")) == OPENEXEC_IN_DOUBT);
  CHECK(handler.calls == 1);
}

TEST_CASE("A result over its limit is told to the handler, and kept as its beginning, its length and its hash") {
  std::vector<openexec_code> written;
  Handler handler([&](const openexec_invocation&, openexec_sink* result, openexec_sink*) {
    written.push_back(openexec_sink_write(result, str("12345678")));
    written.push_back(openexec_sink_write(result, str("9012")));
    written.push_back(openexec_sink_write(result, str("3")));
    return openexec_answer{OPENEXEC_ANSWER_RESULT};
  });
  const Config config = demo_config();
  handler.add_to(config);
  REQUIRE(openexec_config_set_limit(config, OPENEXEC_LIMIT_RESULT_BYTES, 10, nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  Outcome outcome;
  CHECK(execute(executor, request("n-1"), outcome) == OPENEXEC_OK);
  CHECK(openexec_outcome_effect(outcome) == OPENEXEC_EFFECT_CONFIRMED);
  CHECK(openexec_outcome_result_form(outcome) == OPENEXEC_RESULT_TEXT);
  CHECK(
      text(openexec_outcome_result(outcome)) ==
      R"({"length": 13, "sha256": "bca2b41a2b25e137c83fee346af7bd1e0f52bd560583ca07a1b42f9944c5c50b", "text": "1234567890", "truncated": true})");
  CHECK(written == std::vector<openexec_code>{OPENEXEC_OK, OPENEXEC_OVERLOADED, OPENEXEC_OVERLOADED});
}

TEST_CASE("A handler with retry_none runs again after it said that nothing happened, and is told which attempt it is") {
  openexec_handler_table table{};
  table.size = sizeof table;
  table.run = [](void*, const openexec_invocation* call, openexec_sink* result, openexec_sink*) {
    if (call->attempt < 3) return openexec_answer{OPENEXEC_ANSWER_FAILED_NO_EFFECT};
    (void)openexec_sink_write(result, str("3"));
    return openexec_answer{OPENEXEC_ANSWER_RESULT};
  };
  for (const uint32_t retry_none : {0U, 2U}) {
    const Config config = demo_config();
    table.retry_none = retry_none;
    REQUIRE(openexec_config_add_handler(config, str("try"), &table, nullptr) == OPENEXEC_OK);
    const Executor executor = assemble(config);
    for (uint32_t attempt = 1; attempt <= 3; ++attempt) {
      Outcome outcome;
      const bool last = retry_none != 0 && attempt == 3;
      CHECK(execute(executor, request("n-1", "{}", "try"), outcome) == (last ? OPENEXEC_OK : OPENEXEC_HANDLER_FAILED));
      CHECK(openexec_outcome_attempt(outcome) == (retry_none == 0 ? 1 : attempt));
      CHECK(openexec_outcome_may_retry(outcome) == (retry_none != 0 && !last ? 1 : 0));
      CHECK(openexec_outcome_replayed(outcome) == (retry_none == 0 && attempt > 1 ? 1 : 0));
    }
  }
  CHECK(openexec_outcome_attempt(nullptr) == 1);
  CHECK(openexec_outcome_may_retry(nullptr) == 0);
}

TEST_CASE("A store behind the C ABI keeps one attempt, and takes no handler that wants more") {
  Store store(openexec::memory_ledger());
  const Config config = demo_config();
  store.set_on(config);
  openexec_handler_table table{};
  table.size = sizeof table;
  table.run = [](void*, const openexec_invocation*, openexec_sink*, openexec_sink*) {
    return openexec_answer{OPENEXEC_ANSWER_FAILED_NO_EFFECT};
  };
  table.retry_none = 1;
  REQUIRE(openexec_config_add_handler(config, str("try"), &table, nullptr) == OPENEXEC_OK);
  openexec_executor* none = nullptr;
  Error error;
  CHECK(openexec_executor_create(config, &none, error.out()) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(text(openexec_error_detail(error)).find("retry_none") != std::string::npos);
  CHECK(none == nullptr);
}

TEST_CASE("An explanation that is not UTF-8 is not shown, and does not change the answer") {
  Handler handler([](const openexec_invocation&, openexec_sink*, openexec_sink* detail) {
    openexec_sink_write(detail, str("\xff\xfe"));
    return openexec_answer{OPENEXEC_ANSWER_FAILED_NO_EFFECT};
  });
  const Config config = demo_config();
  handler.add_to(config);
  const Executor executor = assemble(config);
  Outcome outcome;
  CHECK(execute(executor, request("n-1"), outcome) == OPENEXEC_HANDLER_FAILED);
  CHECK(text(openexec_outcome_detail(outcome)).find("UTF-8") != std::string::npos);
}

TEST_CASE("An invocation carries what was approved, the execution's id, the deadline and the cancellation") {
  openexec_invocation seen{};
  std::string payload;
  std::string exec_id;
  int32_t cancelled_before = -1;
  int32_t cancelled_after = -1;
  Cancellation cancellation;
  REQUIRE(openexec_cancellation_create(cancellation.out(), nullptr) == OPENEXEC_OK);
  Handler handler([&](const openexec_invocation& call, openexec_sink* result, openexec_sink*) {
    seen = call;
    payload = text(call.payload);
    exec_id = text(call.exec_id);
    cancelled_before = openexec_cancellation_cancelled(call.cancellation);
    REQUIRE(openexec_cancellation_cancel(cancellation, nullptr) == OPENEXEC_OK);
    cancelled_after = openexec_cancellation_cancelled(call.cancellation);
    openexec_sink_write(result, str("1"));
    return openexec_answer{OPENEXEC_ANSWER_RESULT};
  });
  struct Time {
    int64_t monotonic_ns = 5'000;
  } time;
  openexec_clock_table clock{};
  clock.size = sizeof clock;
  clock.self = &time;
  clock.now_us = [](void*) { return int64_t{0}; };
  clock.monotonic_ns = [](void* self) { return static_cast<Time*>(self)->monotonic_ns; };
  const Config config = demo_config();
  openexec_handler_table row = handler.table();
  row.deadline_ms = 7;
  REQUIRE(openexec_config_add_handler(config, str("echo"), &row, nullptr) == OPENEXEC_OK);
  REQUIRE(openexec_config_set_clock(config, &clock, nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  const openexec_call_options options{sizeof options, 0, cancellation, str("n-1")};
  const openexec_request without_nonce = request("", R"({"z": 1, "a": [true]})");
  Outcome outcome;
  CHECK(openexec_executor_execute(executor, &without_nonce, &options, outcome.out(), nullptr) == OPENEXEC_OK);
  CHECK(seen.size == sizeof seen);
  CHECK(payload == R"({"a":[true],"z":1})");
  CHECK(exec_id == text(openexec_outcome_exec_id(outcome)));
  CHECK(seen.deadline_ns == 7'005'000);
  CHECK(cancelled_before == 0);
  CHECK(cancelled_after == 1);
  const openexec_request another = request("n-2", "{}");
  CHECK(openexec_executor_execute(executor, &another, &options, outcome.out(), nullptr) == OPENEXEC_MALFORMED_REQUEST);
}

TEST_CASE("A host's clock gives the time in which failed verifications of a trust policy come back") {
  struct Time {
    std::atomic<int64_t> monotonic_ns{5'000};
  } time;
  openexec_clock_table clock{};
  clock.size = sizeof clock;
  clock.self = &time;
  clock.now_us = [](void*) { return openexec::test::noon.micros; };
  clock.monotonic_ns = [](void* self) { return static_cast<Time*>(self)->monotonic_ns.load(); };
  const std::string policy = openexec::test::policy_of(openexec::test::trusted_up_to(64)).to_json();
  Handler handler;
  const Config config = demo_config();
  handler.add_to(config);
  REQUIRE(openexec_config_set_tenant(config, str("acme"), nullptr) == OPENEXEC_OK);
  REQUIRE(openexec_config_set_trust_policy(config, str(policy), nullptr) == OPENEXEC_OK);
  REQUIRE(openexec_config_set_clock(config, &clock, nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  const auto forged = [&](int number) {
    const std::vector<openexec::test::Signed> signers(16, {300, ""});
    const std::string artifact = openexec::test::envelope_around(std::to_string(number), signers);
    return execute(executor, request("n-1", "{}", "echo", artifact));
  };
  for (int number = 0; number < 3; ++number) CHECK(forged(number) == OPENEXEC_APPROVAL_SIGNATURE_INVALID);
  CHECK(forged(3) == OPENEXEC_OVERLOADED);
  time.monotonic_ns += 2'000'000'000;
  CHECK(forged(3) == OPENEXEC_APPROVAL_SIGNATURE_INVALID);
  CHECK(handler.calls == 0);
}

TEST_CASE("A hasher of one's own names requests, and a ledger opens only under the name it was written with") {
  openexec::test::TemporaryFolder folder;
  Handler handler;
  const Config config = demo_config();
  handler.add_to(config);
  REQUIRE(openexec_config_set_ledger_path(config, str(folder.file("ledger.db")), nullptr) == OPENEXEC_OK);
  openexec_hasher_table hasher{};
  hasher.size = sizeof hasher;
  hasher.name = str("mine-1");
  hasher.canonical = [](void*, const openexec_str* action, const openexec_str* payload, openexec_sink* bytes) {
    openexec_sink_write(bytes, *action);
    openexec_sink_write(bytes, str("\n"));
    openexec_sink_write(bytes, *payload);
  };
  hasher.digest = [](void*, const openexec_str* bytes, openexec_digest* digest) {
    (void)openexec_sha256(*bytes, digest, nullptr);
  };
  REQUIRE(openexec_config_set_hasher(config, &hasher, nullptr) == OPENEXEC_OK);
  {
    const Executor executor = assemble(config);
    Outcome outcome;
    CHECK(execute(executor, request("n-1"), outcome) == OPENEXEC_OK);
    openexec_digest digest{};
    openexec_hex hex{};
    REQUIRE(openexec_sha256(str("echo\n{}"), &digest, nullptr) == OPENEXEC_OK);
    REQUIRE(openexec_digest_to_hex(&digest, &hex, nullptr) == OPENEXEC_OK);
    CHECK(text(openexec_outcome_entry(outcome)).find(hex.text) != std::string::npos);
  }
  hasher.name = str("mine-2");
  REQUIRE(openexec_config_set_hasher(config, &hasher, nullptr) == OPENEXEC_OK);
  Executor executor;
  CHECK(openexec_executor_create(config, executor.out(), nullptr) == OPENEXEC_STORE_FAILED);
  hasher.digest = [](void*, const openexec_str*, openexec_digest*) {};
  REQUIRE(openexec_config_set_hasher(config, &hasher, nullptr) == OPENEXEC_OK);
  Error error;
  CHECK(openexec_executor_create(config, executor.out(), error.out()) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(text(openexec_error_detail(error)).find("self test") != std::string::npos);
}

TEST_CASE("An interrupted execution is in doubt after a restart, until a reconcile function knows") {
  auto inner = std::make_shared<openexec::test::SplitStore>();
  std::shared_ptr<openexec::ReceiptLog> log = openexec::memory_ledger();
  openexec_log_table elsewhere = log_table();
  elsewhere.self = &log;
  Handler handler;
  Store store(inner);
  // A claim without a seal, as a process leaves it that dies in its handler.
  {
    const Config config = demo_config();
    handler.add_to(config);
    openexec_store_table callbacks = store.table();
    callbacks.seal = [](void*, const openexec_seal*, int64_t*, openexec_sink*) {
      return openexec_code{OPENEXEC_STORE_FAILED};
    };
    REQUIRE(openexec_config_set_store(config, &callbacks, nullptr) == OPENEXEC_OK);
    REQUIRE(openexec_config_set_log(config, &elsewhere, nullptr) == OPENEXEC_OK);
    const Executor executor = assemble(config);
    CHECK(execute(executor, request("n-1")) == OPENEXEC_STORE_FAILED);
    CHECK(execute(executor, request("n-2", R"({"b":1})")) == OPENEXEC_STORE_FAILED);
  }
  inner->restart();

  struct Asked {
    int calls = 0;
  } asked;
  openexec_handler_table row = handler.table();
  row.self = &asked;
  row.close = nullptr;
  row.run = [](void*, const openexec_invocation*, openexec_sink*, openexec_sink*) { return openexec_answer{0}; };
  row.reconcile = [](void* self, const openexec_settlement* settlement, openexec_sink* result, openexec_sink*) {
    if (settlement->size != sizeof *settlement || settlement->exec_id.size != 64) return openexec_answer{0};
    if (++static_cast<Asked*>(self)->calls == 2) return openexec_answer{OPENEXEC_ANSWER_FAILED};  // does not know
    openexec_sink_write(result, str(R"({"found":true})"));
    return openexec_answer{OPENEXEC_ANSWER_RESULT};
  };
  const Config config = demo_config();
  store.set_on(config);
  REQUIRE(openexec_config_set_log(config, &elsewhere, nullptr) == OPENEXEC_OK);
  REQUIRE(openexec_config_add_handler(config, str("echo"), &row, nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  openexec_recovery found{sizeof found, 9, 9, 9};
  CHECK(openexec_executor_recovered(executor, &found, nullptr) == OPENEXEC_OK);
  CHECK(found.in_doubt == 2);
  CHECK(found.settled == 1);
  Outcome outcome;
  CHECK(execute(executor, request("n-1"), outcome) == OPENEXEC_OK);
  CHECK(text(openexec_outcome_result(outcome)) == R"({"found": true})");
  CHECK(openexec_outcome_replayed(outcome) == 1);
  CHECK(execute(executor, request("n-2", R"({"b":1})")) == OPENEXEC_IN_DOUBT);
  CHECK(handler.calls == 2);
  CHECK(openexec_executor_recover(executor, &found, nullptr) == OPENEXEC_OK);
  CHECK(found.in_doubt == 0);
}

TEST_CASE("The log is read in order, from an execution, and after the executor is gone") {
  openexec::test::TemporaryFolder folder;
  Handler handler;
  const Config config = demo_config();
  handler.add_to(config);
  REQUIRE(openexec_config_set_ledger_path(config, str(folder.file("ledger.db")), nullptr) == OPENEXEC_OK);
  Executor executor = assemble(config);
  Outcome outcome;
  for (int i = 0; i < 300; ++i)
    CHECK(execute(executor, request("n-" + std::to_string(i % 100)), outcome) == OPENEXEC_OK);
  Log log;
  REQUIRE(openexec_executor_log(executor, log.out(), nullptr) == OPENEXEC_OK);
  executor = Executor();

  struct Seen {
    std::vector<uint64_t> indexes;
    std::size_t enough = SIZE_MAX;
    static int32_t keep(void* self, const openexec_log_line* line) {
      auto* seen = static_cast<Seen*>(self);
      seen->indexes.push_back(line->index);
      return seen->indexes.size() >= seen->enough;
    }
  };
  uint64_t entries = 0;
  CHECK(openexec_log_count(log, &entries, nullptr) == OPENEXEC_OK);
  CHECK(entries == 300);
  Seen all;
  CHECK(openexec_log_read(log, 0, UINT64_MAX, Seen::keep, &all, nullptr) == OPENEXEC_OK);
  REQUIRE(all.indexes.size() == 300);
  for (std::size_t i = 0; i < all.indexes.size(); ++i) CHECK(all.indexes[i] == i);
  Seen some;
  CHECK(openexec_log_read(log, 290, 5, Seen::keep, &some, nullptr) == OPENEXEC_OK);
  CHECK(some.indexes == std::vector<uint64_t>{290, 291, 292, 293, 294});
  Seen few{{}, 3};
  CHECK(openexec_log_read(log, 10, 100, Seen::keep, &few, nullptr) == OPENEXEC_OK);
  CHECK(few.indexes == std::vector<uint64_t>{10, 11, 12});
  openexec_digest exec_id{};
  REQUIRE(openexec_digest_from_hex(openexec_outcome_exec_id(outcome), &exec_id, nullptr) == OPENEXEC_OK);
  Seen one;
  CHECK(openexec_log_find(log, &exec_id, 10, Seen::keep, &one, nullptr) == OPENEXEC_OK);
  CHECK(one.indexes == std::vector<uint64_t>{99, 199, 299});

  log = Log();
  const std::string url = "sqlite:///" + folder.file("ledger.db");
  Log archive;
  REQUIRE(openexec_log_open(str(url), archive.out(), nullptr) == OPENEXEC_OK);
  Seen again;
  CHECK(openexec_log_read(archive, 0, 1000, Seen::keep, &again, nullptr) == OPENEXEC_OK);
  CHECK(again.indexes == all.indexes);
  CHECK(openexec_log_open(str("sqlite:////no/such/ledger.db"), archive.out(), nullptr) == OPENEXEC_STORE_FAILED);
}

TEST_CASE("An order takes effect, leaves its receipt, and is there for the next executor of the same store") {
  Handler handler;
  Store store(openexec::memory_ledger());
  const Config config = demo_config();
  handler.add_to(config);
  store.set_on(config);
  const openexec_order halt{sizeof halt, OPENEXEC_CONTROL_HALT, 1, {}, {}, str("alice"), str("a drill")};
  openexec_order resume = halt;
  resume.active = 0;
  openexec_order revoke = halt;
  revoke.control = OPENEXEC_CONTROL_REVOKE_KEY;
  revoke.id = str("k-1");
  Outcome outcome;
  {
    const Executor executor = assemble(config);
    REQUIRE(openexec_executor_order(executor, &halt, outcome.out(), nullptr) == OPENEXEC_OK);
    CHECK(openexec_outcome_verdict(outcome) == OPENEXEC_VERDICT_CONTROL);
    CHECK(openexec_verify_receipt({}, openexec_outcome_result(outcome), openexec_outcome_receipt(outcome), nullptr) ==
          OPENEXEC_OK);
    CHECK(text(openexec_outcome_entry(outcome)).find(R"("who":"alice","why":"a drill")") != std::string::npos);
    CHECK(openexec_outcome_entry_index(outcome) == 0);
    REQUIRE(openexec_executor_order(executor, &revoke, nullptr, nullptr) == OPENEXEC_OK);
    CHECK(execute(executor, request("n-1")) == OPENEXEC_HALTED);
  }
  const Executor executor = assemble(config);
  CHECK(openexec_executor_halted(executor) == 1);
  std::string standing;
  const openexec_visit_control tell = [](void* self, const openexec_control_name* name) {
    *static_cast<std::string*>(self) += std::to_string(name->control) + text(name->id) + " ";
    return int32_t{0};
  };
  REQUIRE(openexec_executor_controls(executor, tell, &standing, nullptr) == OPENEXEC_OK);
  CHECK(standing == "1 3k-1 ");
  REQUIRE(openexec_executor_order(executor, &resume, nullptr, nullptr) == OPENEXEC_OK);
  CHECK(execute(executor, request("n-2")) == OPENEXEC_OK);
  CHECK(handler.calls == 1);
}

TEST_CASE("A store of the first version of its table keeps no orders and no terms, and says so") {
  Handler handler;
  Store store(openexec::memory_ledger());
  const Config config = demo_config();
  handler.add_to(config);
  openexec_store_table table = store.table();
  table.size = offsetof(openexec_store_table, keeps_terms);
  REQUIRE(openexec_config_set_store(config, &table, nullptr) == OPENEXEC_OK);
  const openexec_order halt{sizeof halt, OPENEXEC_CONTROL_HALT, 1, {}, {}, str("alice"), str("a drill")};
  Outcome outcome;
  const Executor executor = assemble(config);
  REQUIRE(openexec_executor_order(executor, &halt, outcome.out(), nullptr) == OPENEXEC_OK);
  CHECK(text(openexec_outcome_detail(outcome)).find("as long as this executor") != std::string::npos);
  CHECK(execute(executor, request("n-1")) == OPENEXEC_HALTED);
  CHECK(openexec_executor_halted(assemble(config)) == 0);
}
