// SPDX-License-Identifier: Apache-2.0
// Many threads, many executors, and ends at the wrong moment.
#include <atomic>
#include <future>
#include <set>
#include <thread>
#include <vector>

#include "c.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec::test::c;

namespace {

template <class Work>
void on_threads(int count, Work&& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : threads) thread.join();
}

struct Answer {
  openexec_code code = -1;
  std::string receipt;
};

/// 64 threads, one nonce: one call of the handler, 64 equal receipts.
void one_nonce(openexec_executor* executor, Handler& handler, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const int before = handler.calls;
    const std::string nonce = "round-" + std::to_string(round);
    std::vector<Answer> answers(64);
    on_threads(64, [&](int i) {
      Outcome outcome;
      Answer& answer = answers[static_cast<std::size_t>(i)];
      answer.code = execute(executor, request(nonce, R"({"a":1})"), outcome);
      answer.receipt = text(openexec_outcome_receipt(outcome));
    });
    std::set<std::string> receipts;
    for (const Answer& answer : answers) {
      CHECK(answer.code == OPENEXEC_OK);
      receipts.insert(answer.receipt);
    }
    CHECK(receipts.size() == 1);
    CHECK(handler.calls == before + 1);
  }
}

/// A handler that says when it is entered, and leaves when it may.
struct Door {
  std::promise<void> entered;
  std::promise<void> leave;
  Handler handler{[this](const openexec_invocation&, openexec_sink* result, openexec_sink*) {
    entered.set_value();
    leave.get_future().wait();
    openexec_sink_write(result, str("1"));
    return openexec_answer{OPENEXEC_ANSWER_RESULT};
  }};
};

}  // namespace

TEST_CASE("64 threads with one nonce run the handler once, in memory") {
  Handler handler;
  const Config config = demo_config();
  handler.add_to(config);
  const Executor executor = assemble(config);
  one_nonce(executor, handler, 20);
}

TEST_CASE("64 threads with one nonce run the handler once, in SQLite") {
  openexec::test::TemporaryFolder folder;
  Handler handler;
  const Config config = demo_config();
  handler.add_to(config);
  REQUIRE(openexec_config_set_ledger_path(config, str(folder.file("ledger.db")), nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  one_nonce(executor, handler, 5);
}

TEST_CASE("A handler runs on the thread that called execute") {
  std::thread::id ran;
  Handler handler([&](const openexec_invocation&, openexec_sink* result, openexec_sink*) {
    ran = std::this_thread::get_id();
    openexec_sink_write(result, str("1"));
    return openexec_answer{OPENEXEC_ANSWER_RESULT};
  });
  const Config config = demo_config();
  handler.add_to(config);
  const Executor executor = assemble(config);
  std::thread::id called;
  std::thread([&] {
    called = std::this_thread::get_id();
    (void)execute(executor, request("n-1"));
  }).join();
  CHECK(ran == called);
  CHECK(ran != std::this_thread::get_id());
}

TEST_CASE("1,000 executors are opened and closed, and every part is closed with them") {
  Handler handler;
  Verifier verifier;
  for (int i = 0; i < 1000; ++i) {
    const Config config = demo_config();
    handler.add_to(config);
    verifier.set_on(config);
    const Executor executor = assemble(config);
    Error error;
    if (i % 100 == 0) CHECK(execute(executor, request("n-1", "{}", "echo", "{}")) == OPENEXEC_OK);
  }
  CHECK(handler.closes == 1000);
  CHECK(verifier.closes == 1000);
  CHECK(handler.calls == 10);
}

TEST_CASE("An executor that is destroyed during a call lets it finish, and ends with it") {
  Door door;
  openexec_executor* executor = nullptr;
  {
    const Config config = demo_config();
    door.handler.add_to(config);
    REQUIRE(openexec_executor_create(config, &executor, nullptr) == OPENEXEC_OK);
  }
  openexec_code code = -1;
  std::thread caller([&, inside = executor] { code = execute(inside, request("n-1")); });
  door.entered.get_future().wait();
  openexec_executor_destroy(&executor);
  CHECK(executor == nullptr);
  CHECK(door.handler.closes == 0);
  door.leave.set_value();
  caller.join();
  CHECK(code == OPENEXEC_OK);
  CHECK(door.handler.closes == 1);
}

TEST_CASE("An executor that is closed during a call lets it finish, and refuses every other until it is destroyed") {
  Door door;
  const Config config = demo_config();
  door.handler.add_to(config);
  const Executor executor = assemble(config);
  openexec_code code = -1;
  std::thread caller([&] { code = execute(executor, request("n-1")); });
  door.entered.get_future().wait();
  CHECK(openexec_executor_close(executor, 0, nullptr) == OPENEXEC_IN_PROGRESS);
  CHECK(openexec_executor_close(executor, 1, nullptr) == OPENEXEC_IN_PROGRESS);
  CHECK(execute(executor, request("n-2")) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_executor_halted(executor) == 1);
  CHECK(openexec_executor_ready(executor, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  door.leave.set_value();
  CHECK(openexec_executor_close(executor, 60'000, nullptr) == OPENEXEC_OK);
  caller.join();
  CHECK(code == OPENEXEC_OK);
  CHECK(execute(executor, request("n-1")) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_executor_halted(executor) == 1);
  Log log;
  CHECK(openexec_executor_log(executor, log.out(), nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_executor_close(executor, -1, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_executor_close(nullptr, 0, nullptr) == OPENEXEC_INVALID_ARGUMENT);
}

TEST_CASE("Of threads that call while others close, each is answered, and the parts are closed once") {
  for (int round = 0; round < 50; ++round) {
    Handler handler;
    Config config = demo_config();
    handler.add_to(config);
    const Executor executor = assemble(config);
    config = Config();
    std::atomic<int> executed{0};
    std::atomic<int> others{0};
    on_threads(8, [&](int thread) {
      if (thread == 7) (void)openexec_executor_close(executor, 0, nullptr);
      const openexec_code code = execute(executor, request(std::to_string(thread)));
      if (code == OPENEXEC_OK) ++executed;
      if (code != OPENEXEC_OK && code != OPENEXEC_INVALID_ARGUMENT) ++others;
    });
    CHECK(openexec_executor_close(executor, 60'000, nullptr) == OPENEXEC_OK);
    CHECK(others == 0);
    CHECK(handler.closes == 1);
    CHECK(handler.calls == executed);
  }
}

TEST_CASE("A reader that is closed while others read ends with the last of them") {
  const Config config = demo_config();
  const Executor executor = assemble(config);
  Log log;
  REQUIRE(openexec_executor_log(executor, log.out(), nullptr) == OPENEXEC_OK);
  std::atomic<int> others{0};
  on_threads(8, [&](int thread) {
    std::uint64_t entries = 0;
    if (thread == 3 && openexec_log_close(log, nullptr) != OPENEXEC_OK) ++others;
    const openexec_code code = openexec_log_count(log, &entries, nullptr);
    if (code != OPENEXEC_OK && code != OPENEXEC_INVALID_ARGUMENT) ++others;
  });
  CHECK(others == 0);
  std::uint64_t entries = 0;
  CHECK(openexec_log_close(log, nullptr) == OPENEXEC_OK);
  CHECK(openexec_log_count(log, &entries, nullptr) == OPENEXEC_INVALID_ARGUMENT);
  CHECK(openexec_log_close(nullptr, nullptr) == OPENEXEC_INVALID_ARGUMENT);
}

TEST_CASE("A handler may destroy the executor that runs it") {
  openexec_executor* executor = nullptr;
  Handler handler([&](const openexec_invocation& call, openexec_sink* result, openexec_sink*) {
    openexec_executor_destroy(&executor);
    openexec_sink_write(result, call.payload);
    return openexec_answer{OPENEXEC_ANSWER_RESULT};
  });
  {
    const Config config = demo_config();
    handler.add_to(config);
    REQUIRE(openexec_executor_create(config, &executor, nullptr) == OPENEXEC_OK);
  }
  Outcome outcome;
  CHECK(execute(executor, request("n-1", R"({"a":1})"), outcome) == OPENEXEC_OK);
  CHECK(executor == nullptr);
  CHECK(handler.closes == 1);
  CHECK(text(openexec_outcome_result(outcome)) == R"({"a": 1})");
}

TEST_CASE("Whatever begins after halt has returned is refused, on every thread") {
  Handler handler;
  const Config config = demo_config();
  handler.add_to(config);
  REQUIRE(openexec_config_set_limit(config, OPENEXEC_LIMIT_REFUSALS_PER_SECOND, 1'000'000, nullptr) == OPENEXEC_OK);
  const Executor executor = assemble(config);
  std::atomic<bool> halted{false};
  std::atomic<int> started{0};
  std::atomic<int> too_late{0};
  std::atomic<int> executed{0};
  std::thread halter([&] {
    while (started < 50) std::this_thread::yield();
    (void)openexec_executor_halt(executor, nullptr);
    halted = true;
  });
  on_threads(8, [&](int thread) {
    for (int i = 0; i < 200; ++i) {
      ++started;
      const bool after = halted;
      const openexec_code code = execute(executor, request("n-" + std::to_string(thread) + "-" + std::to_string(i)));
      if (code == OPENEXEC_OK) ++executed;
      if (after && code != OPENEXEC_HALTED) ++too_late;
    }
  });
  halter.join();
  CHECK(too_late == 0);
  CHECK(handler.calls == executed);
  CHECK(execute(executor, request("after")) == OPENEXEC_HALTED);
}

TEST_CASE("A handler may halt its executor, and the others of its batch do not start") {
  openexec_executor* own = nullptr;
  Handler handler([&](const openexec_invocation&, openexec_sink* result, openexec_sink*) {
    (void)openexec_executor_halt(own, nullptr);
    openexec_sink_write(result, str("1"));
    return openexec_answer{OPENEXEC_ANSWER_RESULT};
  });
  const Config config = demo_config();
  handler.add_to(config);
  const Executor executor = assemble(config);
  own = executor;
  const openexec_request first = request("n-1");
  const openexec_request second = request("n-2");
  const openexec_call calls[] = {{sizeof(openexec_call), &first, {}, nullptr},
                                 {sizeof(openexec_call), &second, {}, nullptr}};
  const openexec_call* pointers[] = {&calls[0], &calls[1]};
  openexec_outcome* outcomes[2];
  CHECK(openexec_executor_execute_many(executor, pointers, 2, nullptr, nullptr, outcomes, nullptr) != OPENEXEC_OK);
  CHECK(openexec_outcome_code(outcomes[0]) == OPENEXEC_OK);
  CHECK(openexec_outcome_code(outcomes[1]) == OPENEXEC_HANDLER_FAILED);
  CHECK(openexec_outcome_effect(outcomes[1]) == OPENEXEC_EFFECT_NONE);
  CHECK(handler.calls == 1);
  for (openexec_outcome*& outcome : outcomes) openexec_outcome_destroy(&outcome);
}

TEST_CASE("Many at once are answered in order, each as if it had been alone") {
  Handler handler;
  const Config config = demo_config();
  handler.add_to(config);
  const Executor executor = assemble(config);
  const openexec_request first = request("n-1", R"({"a":1})");
  const openexec_request conflicting = request("n-1", R"({"a":2})");
  const openexec_request unknown = request("n-3", "{}", "nobody");
  const openexec_call calls[] = {{sizeof(openexec_call), &first, {}, nullptr},
                                 {sizeof(openexec_call), nullptr, str(R"({"action":"echo","nonce":"n-2"})"), nullptr},
                                 {sizeof(openexec_call), &first, {}, nullptr},
                                 {sizeof(openexec_call), &unknown, {}, nullptr},
                                 {sizeof(openexec_call), nullptr, str("no json"), nullptr},
                                 {sizeof(openexec_call), &conflicting, {}, nullptr}};
  constexpr std::size_t count = std::size(calls);
  const openexec_call* pointers[count];
  for (std::size_t i = 0; i < count; ++i) pointers[i] = &calls[i];
  openexec_outcome* outcomes[count];

  SECTION("on this thread") {
    CHECK(openexec_executor_execute_many(executor, pointers, count, nullptr, nullptr, outcomes, nullptr) ==
          OPENEXEC_UNKNOWN_ACTION);
  }
  SECTION("where they are lent to") {
    std::vector<std::thread> pool;
    const openexec_callback_executor lend = [](void* self, void (*run)(void*), void* work) {
      static_cast<std::vector<std::thread>*>(self)->emplace_back(run, work);
    };
    CHECK(openexec_executor_execute_many(executor, pointers, count, lend, &pool, outcomes, nullptr) ==
          OPENEXEC_UNKNOWN_ACTION);
    for (std::thread& thread : pool) thread.join();
    CHECK(pool.size() == 2);
  }
  const openexec_code expected[] = {OPENEXEC_OK,
                                    OPENEXEC_OK,
                                    OPENEXEC_OK,
                                    OPENEXEC_UNKNOWN_ACTION,
                                    OPENEXEC_MALFORMED_REQUEST,
                                    OPENEXEC_NONCE_CONFLICT};
  for (std::size_t i = 0; i < count; ++i) {
    INFO("call " << i);
    CHECK(openexec_outcome_code(outcomes[i]) == expected[i]);
    CHECK(openexec_outcome_replayed(outcomes[i]) == (i == 2 ? 1 : 0));
    openexec_outcome_destroy(&outcomes[i]);
  }
  CHECK(handler.calls == 2);
  CHECK(openexec_executor_execute_many(executor, nullptr, 0, nullptr, nullptr, nullptr, nullptr) == OPENEXEC_OK);
}

TEST_CASE("Counts of many threads equal the log's") {
  Handler handler;
  const Config config = demo_config();
  handler.add_to(config);
  const Executor executor = assemble(config);
  constexpr int threads = 8;
  constexpr int rounds = 50;
  std::atomic<int> executed{0};
  std::atomic<int> replayed{0};
  std::atomic<int> refused{0};
  on_threads(threads, [&](int thread) {
    for (int i = 0; i < rounds; ++i) {
      const std::string nonce = std::to_string(thread) + "-" + std::to_string(i / 2);
      Outcome outcome;
      const openexec_code code = execute(executor, request(nonce, i % 10 == 9 ? R"({"other":1})" : "{}"), outcome);
      if (code != OPENEXEC_OK)
        ++refused;
      else if (openexec_outcome_replayed(outcome) == 1)
        ++replayed;
      else
        ++executed;
    }
  });
  CHECK(executed == handler.calls);
  CHECK(refused == threads * rounds / 10);
  Log log;
  REQUIRE(openexec_executor_log(executor, log.out(), nullptr) == OPENEXEC_OK);
  struct Counted {
    int executed = 0, replayed = 0, refused = 0;
  } counted;
  const openexec_visit count = [](void* self, const openexec_log_line* line) {
    auto* counts = static_cast<Counted*>(self);
    const std::string entry = text(line->json);
    counts->executed += entry.find(R"("verdict":"executed")") != std::string::npos;
    counts->replayed += entry.find(R"("verdict":"replayed")") != std::string::npos;
    counts->refused += entry.find(R"("verdict":"refused")") != std::string::npos;
    return int32_t{0};
  };
  REQUIRE(openexec_log_read(log, 0, UINT64_MAX, count, &counted, nullptr) == OPENEXEC_OK);
  CHECK(counted.executed == executed);
  CHECK(counted.replayed == replayed);
  CHECK(counted.refused == refused);
}
