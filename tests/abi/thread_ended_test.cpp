// SPDX-License-Identifier: Apache-2.0
// A thread that ends inside a callback: by pthread_exit, by a cancellation that it allows, or by one that has to wait.
// Whichever callback it is, the process lives, others go on, and nothing runs twice.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/parts.hpp"
#include "trapped_host.hpp"

using namespace openexec::test::c;

namespace {

openexec_request approved(std::string_view nonce, std::string_view action = "echo") {
  return request(nonce, "{}", action, R"({"id":"a"})");
}
openexec_request approved_by(std::string_view artifact, std::string_view nonce) {
  return request(nonce, "{}", "echo", artifact);
}

void still_works(openexec_executor* executor) {
  for (int i = 0; i < 3; ++i) {
    const std::string nonce = "after-" + std::to_string(i);
    CHECK(execute(executor, approved_by(R"({"id":")" + nonce + "\"}", nonce)) == OPENEXEC_OK);
  }
  CHECK(openexec_executor_halt(executor, nullptr) == OPENEXEC_OK);
  CHECK(openexec_executor_resume(executor, nullptr) == OPENEXEC_OK);
}

std::uint64_t found_in_doubt(Host& host) {
  const Config config = host.config();
  const Executor executor = assemble(config);
  openexec_recovery recovery{sizeof recovery, 0, 0, 0};
  CHECK(openexec_executor_recovered(executor, &recovery, nullptr) == OPENEXEC_OK);
  CHECK(execute(executor, approved("n-1")) == OPENEXEC_IN_DOUBT);
  return recovery.in_doubt;
}

constexpr How ends[] = {How::exits, How::allows_cancellation};

}  // namespace

TEST_CASE("a thread may end in any callback of an attempt; the same nonce is then told the truth") {
  struct Row {
    std::string place;
    openexec_code again;  ///< what the same nonce is answered afterwards
    int runs;             ///< how often its handler ran, both attempts together
    bool lost;            ///< the next opening finds it in doubt
  };
  const std::vector<Row> rows = {
      {"now", OPENEXEC_OK, 1, false},
      {"canonical", OPENEXEC_OK, 1, false},
      {"digest", OPENEXEC_OK, 1, false},
      {"verify", OPENEXEC_OK, 1, false},
      {"before claim", OPENEXEC_OK, 1, false},
      {"after claim", OPENEXEC_IN_DOUBT, 0, true},
      {"monotonic", OPENEXEC_OK, 1, false},
      {"handler", OPENEXEC_IN_DOUBT, 1, true},
      {"before seal", OPENEXEC_IN_DOUBT, 1, true},
      {"after seal", OPENEXEC_OK, 1, false},
      {"tell", OPENEXEC_OK, 1, false},
  };
  for (const Row& row : rows) {
    for (const How how : ends) {
      INFO(row.place << (how == How::exits ? ", pthread_exit" : ", pthread_cancel"));
      Host host;
      {
        const Config config = host.config();
        const Executor executor = assemble(config);
        host.trap.how = how;
        host.trap.armed = row.place;
        CHECK_FALSE(comes_back([&] { (void)execute(executor, approved("n-1")); }));
        CHECK(host.trap.sprung);
        CHECK(execute(executor, approved("n-1")) == row.again);
        CHECK(host.handler.calls == row.runs);
        still_works(executor);
      }
      CHECK(host.store.closes == 1);
      CHECK(host.handler.closes == 1);
      if (!row.lost) continue;
      const int before = host.handler.calls;
      CHECK(found_in_doubt(host) == 1);
      CHECK(found_in_doubt(host) == 0);
      CHECK(host.handler.calls == before);
    }
  }
}

TEST_CASE("a cancellation waits until the call has returned, and nothing is in doubt") {
  for (const std::string place : {"now", "verify", "after claim", "handler", "before seal", "tell"}) {
    INFO(place);
    Host host;
    const Config config = host.config();
    const Executor executor = assemble(config);
    host.trap.how = How::is_cancelled;
    host.trap.armed = place;
    openexec_code code = -1;
    CHECK(comes_back([&] { code = execute(executor, approved("n-1")); }));
    CHECK(host.trap.sprung);
    CHECK(code == OPENEXEC_OK);
    CHECK(host.handler.calls == 1);
    still_works(executor);
  }
}

TEST_CASE("a thread may end in the callbacks of a refusal, an order, a readiness check and a reading") {
  const auto refuses = [](openexec_executor* executor) { (void)execute(executor, approved("n-1", "unheard-of")); };
  const auto orders = [](openexec_executor* executor) { (void)openexec_executor_halt(executor, nullptr); };
  const auto asks = [](openexec_executor* executor) { (void)openexec_executor_ready(executor, nullptr); };
  const auto recovers = [](openexec_executor* executor) {
    openexec_recovery recovery{sizeof recovery, 0, 0, 0};
    (void)openexec_executor_recover(executor, &recovery, nullptr);
  };
  const auto reads = [](openexec_executor* executor) {
    Log log;
    (void)openexec_executor_log(executor, log.out(), nullptr);
    std::uint64_t entries = 0;
    (void)openexec_log_count(log, &entries, nullptr);
    (void)openexec_log_read(
        log, 0, 1, [](void*, const openexec_log_line*) -> int32_t { return 1; }, nullptr, nullptr);
    const openexec_digest none{};
    (void)openexec_log_find(
        log, &none, 1, [](void*, const openexec_log_line*) -> int32_t { return 1; }, nullptr, nullptr);
  };
  struct Row {
    std::string place;
    std::function<void(openexec_executor*)> call;
  };
  const std::vector<Row> rows = {
      {"append", refuses},         {"before find", refuses}, {"after find", refuses},  {"before control", orders},
      {"after control", orders},   {"before ready", asks},   {"verifier ready", asks}, {"before orphans", recovers},
      {"after orphans", recovers}, {"count", reads},         {"read", reads},          {"find line", reads},
  };
  for (const Row& row : rows) {
    INFO(row.place);
    Host host;
    const Config config = host.config();
    const Executor executor = assemble(config);
    host.trap.armed = row.place;
    CHECK_FALSE(comes_back([&] { row.call(executor); }));
    CHECK(host.trap.sprung);
    (void)openexec_executor_resume(executor, nullptr);
    still_works(executor);
  }
}

TEST_CASE("a thread may end while an executor is made; the store can be opened again") {
  for (const std::string place :
       {"canonical", "digest", "before pin", "after pin", "before latest", "before controls", "before orphans",
        "after orphans", "before seal", "after seal", "now", "handler", "tell"}) {
    INFO(place);
    Host host;
    host.trap.armed = "handler";
    {  // an orphan to recover
      const Config config = host.config();
      const Executor executor = assemble(config);
      CHECK_FALSE(comes_back([&] { (void)execute(executor, approved("n-1")); }));
    }
    host.trap.sprung = false;
    host.trap.armed = place;
    const int before = host.handler.calls;
    CHECK_FALSE(comes_back([&] {
      const Config config = host.config();
      Executor executor;
      (void)openexec_executor_create(config, executor.out(), nullptr);
    }));
    CHECK(host.trap.sprung);
    CHECK(found_in_doubt(host) <= 1);
    CHECK(host.handler.calls == before);
  }
}

TEST_CASE("a thread may end when it is told that the executor is closed") {
  Host host;
  const Config config = host.config();
  openexec_executor* made = nullptr;
  REQUIRE(openexec_executor_create(config, &made, nullptr) == OPENEXEC_OK);
  host.trap.armed = "tell closed";
  CHECK_FALSE(comes_back([&] { openexec_executor_destroy(&made); }));
  CHECK(made == nullptr);
}

TEST_CASE("callers that wait for a nonce whose thread ends are told that it is in doubt, in SQLite too") {
  openexec::test::TemporaryFolder folder;
  for (const How how : ends) {
    const std::string path = folder.file(how == How::exits ? "exits.db" : "cancelled.db");
    std::promise<void> entered;
    std::promise<void> leave;
    std::atomic<int> calls{0};
    Handler handler([&](const openexec_invocation&, openexec_sink*, openexec_sink*) {
      ++calls;
      entered.set_value();
      leave.get_future().wait();
      end_this_thread(how);
      return openexec_answer{OPENEXEC_ANSWER_RESULT};
    });
    const auto open = [&] {
      Config config = demo_config();
      handler.add_to(config);
      REQUIRE(openexec_config_set_ledger_path(config, str(path), nullptr) == OPENEXEC_OK);
      return config;
    };
    {
      const Config config = open();
      const Executor executor = assemble(config);
      bool back = true;
      std::thread ending([&] { back = comes_back([&] { (void)execute(executor, request("n-1")); }); });
      entered.get_future().wait();
      std::vector<openexec_code> answers(16, -1);
      std::vector<std::thread> waiting;
      for (openexec_code& answer : answers) waiting.emplace_back([&] { answer = execute(executor, request("n-1")); });
      leave.set_value();
      for (std::thread& thread : waiting) thread.join();
      ending.join();
      CHECK_FALSE(back);
      for (const openexec_code answer : answers) CHECK(answer == OPENEXEC_IN_DOUBT);
      CHECK(execute(executor, request("n-1")) == OPENEXEC_IN_DOUBT);
    }
    const Config config = open();
    const Executor again = assemble(config);  // the ledger is free
    openexec_recovery recovery{sizeof recovery, 0, 0, 0};
    CHECK(openexec_executor_recovered(again, &recovery, nullptr) == OPENEXEC_OK);
    CHECK(recovery.in_doubt == 1);
    CHECK(execute(again, request("n-1")) == OPENEXEC_IN_DOUBT);
    CHECK(calls == 1);
  }
}

namespace {

/// Runs each piece on a thread of its own, and `then` after the last one was handed over.
struct Lender {
  std::vector<std::thread> threads;
  std::size_t expected = 0;
  std::function<void()> then = [] {};

  static void lend(void* self, void (*work)(void*), void* piece) {
    auto* lender = static_cast<Lender*>(self);
    lender->threads.emplace_back([work, piece] { work(piece); });
    if (lender->threads.size() == lender->expected) lender->then();
  }
  void join() {
    for (std::thread& thread : threads) thread.join();
  }
};

}  // namespace

TEST_CASE("a lent thread that ends in a handler leaves its own execution in doubt, and no other") {
  for (const How how : ends) {
    Host host;
    host.in_flight = 3;
    const Config config = host.config();
    const Executor executor = assemble(config);
    host.trap.how = how;
    host.trap.armed = "handler";
    const openexec_request requests[] = {approved_by(R"({"id":"1"})", "n-1"), approved_by(R"({"id":"2"})", "n-2"),
                                         approved_by(R"({"id":"3"})", "n-3")};
    const openexec_call calls[] = {{sizeof(openexec_call), &requests[0], {}, nullptr},
                                   {sizeof(openexec_call), &requests[1], {}, nullptr},
                                   {sizeof(openexec_call), &requests[2], {}, nullptr}};
    const openexec_call* all[] = {&calls[0], &calls[1], &calls[2]};
    openexec_outcome* outcomes[3] = {};
    Lender lender;
    (void)openexec_executor_execute_many(executor, all, 3, Lender::lend, &lender, outcomes, nullptr);
    lender.join();
    int in_doubt = 0;
    int executed = 0;
    for (openexec_outcome*& outcome : outcomes) {
      in_doubt += openexec_outcome_code(outcome) == OPENEXEC_IN_DOUBT ? 1 : 0;
      executed += openexec_outcome_code(outcome) == OPENEXEC_OK ? 1 : 0;
      CHECK(openexec_outcome_entry_index(outcome) >= 0);
      openexec_outcome_destroy(&outcome);
    }
    CHECK(in_doubt == 1);
    CHECK(executed == 2);
    CHECK(host.handler.calls == 3);
    still_works(executor);
  }
}

TEST_CASE("a caller that ends while it lends waits for the pieces that run, and those that have not begun never do") {
  Host host;
  host.in_flight = 2;
  std::promise<void> entered;
  std::promise<void> leave;
  host.inside = [&] {
    entered.set_value();
    leave.get_future().wait();
  };
  const Config config = host.config();
  const Executor executor = assemble(config);
  const openexec_request requests[] = {approved_by(R"({"id":"1"})", "n-1"), approved_by(R"({"id":"2"})", "n-2")};
  const openexec_call calls[] = {{sizeof(openexec_call), &requests[0], {}, nullptr},
                                 {sizeof(openexec_call), &requests[1], {}, nullptr}};
  const openexec_call* all[] = {&calls[0], &calls[1]};
  openexec_outcome* outcomes[2] = {};
  struct Late {
    void (*work)(void*);
    void* piece = nullptr;
    std::thread first;
    std::promise<void>& entered;
    std::promise<void>& leave;
  } late{nullptr, nullptr, {}, entered, leave};
  const auto lend = [](void* self, void (*work)(void*), void* piece) {
    auto* lent = static_cast<Late*>(self);
    if (!lent->first.joinable()) {
      lent->first = std::thread([work, piece] { work(piece); });
      lent->entered.get_future().wait();
      return;
    }
    lent->work = work;
    lent->piece = piece;
    lent->leave.set_value();
    ::pthread_exit(nullptr);
  };
  CHECK_FALSE(
      comes_back([&] { (void)openexec_executor_execute_many(executor, all, 2, lend, &late, outcomes, nullptr); }));
  late.first.join();
  late.work(late.piece);  // too late
  host.inside = nullptr;
  CHECK(host.handler.calls == 1);
  CHECK(execute(executor, requests[0]) == OPENEXEC_IN_DOUBT);
  CHECK(execute(executor, requests[1]) == OPENEXEC_IN_DOUBT);
  CHECK(host.handler.calls == 1);
  still_works(executor);
}

TEST_CASE("the process keeps its own exit code") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Host host;
    const Config config = host.config();
    const Executor executor = assemble(config);
    host.trap.armed = "handler";
    const bool back = comes_back([&] { (void)execute(executor, approved("n-1")); });
    ::_exit(!back && execute(executor, approved("n-1")) == OPENEXEC_IN_DOUBT ? 42 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 42);
}
