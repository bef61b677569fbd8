// SPDX-License-Identifier: Apache-2.0
// kill -9 at each named step of the pipeline, then reopen through the ordinary path.
#include <openexec/openexec.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <fstream>

#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/vectors.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

enum class Kill { before_claim, after_claim, in_handler, after_handler, after_seal, before_reply };

/// What an attempt that died there must have left.
struct Expectation {
  Kill at;
  const char* name;
  int calls;            // handler calls before the restart
  bool fresh;           // the nonce may still run
  Code code;            // what a second attempt is told
  const char* verdict;  // of the first entry after the restart
};

constexpr Expectation expectations[] = {
    {Kill::before_claim, "before claim", 0, true, Code::ok, "\"executed\""},
    {Kill::after_claim, "after claim", 0, false, Code::in_doubt, "\"in_doubt\""},
    {Kill::in_handler, "in the handler", 1, false, Code::in_doubt, "\"in_doubt\""},
    {Kill::after_handler, "after the handler", 1, false, Code::in_doubt, "\"in_doubt\""},
    {Kill::after_seal, "after seal", 1, false, Code::ok, "\"executed\""},
    {Kill::before_reply, "before reply", 1, false, Code::ok, "\"executed\""},
};

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  std::abort();
}

/// Handler calls are counted in a file, which survives the process: one byte each.
void count_call(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::write(fd, "x", 1) != 1) std::abort();
  ::close(fd);
}
std::size_t calls(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {}).size();
}

constexpr Request request{
    .action = "act", .payload = R"({"n":1})", .nonce = "n-1", .approval_artifact = R"({"id":"a-1"})"};

/// Who approved it, as its entry says.
const std::string approved_by = R"({"digest":")" + to_hex(crypto::sha256(request.approval_artifact)) +
                                R"(","id":"{\"id\":\"a-1\"}","keys":["key-1"],"profile":"scripted"})";

Result<Executor> open(const std::string& path, const std::string& counter, std::optional<Kill> kill,
                      Reconcile reconcile = nullptr) {
  Result<std::shared_ptr<Ledger>> ledger = sqlite_ledger(path);
  if (!ledger.ok()) return ledger.status();
  auto store = std::make_shared<SteppedStore>(*ledger, [kill](Step step) -> std::optional<Status> {
    if (kill == Kill::before_claim && step == Step::before_claim) die();
    if (kill == Kill::after_claim && step == Step::after_claim) die();
    if (kill == Kill::after_handler && step == Step::before_seal) die();
    if (kill == Kill::after_seal && step == Step::after_seal) die();
    return std::nullopt;
  });
  HandlerTable table;
  const Handler run = [=](const Invocation&) {
    count_call(counter);
    if (kill == Kill::in_handler) die();
    return HandlerResult::result(R"({"done":true})");
  };
  if (Status added = table.add("act", HandlerTable::Row{run, std::move(reconcile)}); !added.ok()) return added;
  return Executor::assemble({},
                            {.store = store,
                             .log = nullptr,
                             .verifier = std::make_shared<ScriptedVerifier>(),
                             .hasher = nullptr,
                             .clock = nullptr},
                            std::move(table));
}

/// Runs one attempt in a process of its own, which dies at `kill`.
void run_and_die(const std::string& path, const std::string& counter, Kill kill) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Result<Executor> executor = open(path, counter, kill);
    if (!executor.ok()) ::_exit(3);
    (void)executor->execute(request);
    if (kill == Kill::before_reply) die();
    ::_exit(4);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGKILL);
}

std::string member_of(const LogLine& line, std::string_view name) {
  const auto document = canon::parse(line.json);
  return canon::jcs(*document->root().find(name));
}
std::string verdict_of(const LogLine& line) { return member_of(line, "verdict"); }

}  // namespace

TEST_CASE("after kill -9 at any step the handler ran at most once, and the state and its receipt are there") {
  for (const Expectation& expected : expectations) {
    INFO("killed " << expected.name);
    TemporaryFolder folder;
    const std::string ledger = folder.file("ledger.db"), counter = folder.file("calls");
    run_and_die(ledger, counter, expected.at);
    CHECK(calls(counter) == static_cast<std::size_t>(expected.calls));

    Result<Executor> reopened = open(ledger, counter, std::nullopt);
    REQUIRE(reopened.ok());
    const bool orphan = expected.code == Code::in_doubt;
    CHECK(reopened->recovered().in_doubt == (orphan ? 1U : 0U));

    const Outcome again = reopened->execute(request);
    CHECK(again.code == expected.code);
    CHECK(again.replayed == !expected.fresh);
    CHECK(calls(counter) == static_cast<std::size_t>(expected.calls + (expected.fresh ? 1 : 0)));
    CHECK(calls(counter) <= 1);

    const auto lines = reopened->log().read(0, 10).value();
    REQUIRE_FALSE(lines.empty());
    CHECK(verdict_of(lines.front()) == expected.verdict);
    CHECK(member_of(lines.front(), "approval") == approved_by);
    CHECK(verify_receipt(again.exec_id, again.result, again.receipt).ok());
    if (!expected.fresh) {
      REQUIRE(lines.size() == 2);
      CHECK(member_of(lines[1], "prior") == "0");
      CHECK(member_of(lines[0], "receipt") == "\"" + again.receipt + "\"");
      // The approval was spent with the nonce.
      Request other = request;
      other.nonce = "n-2";
      CHECK(reopened->execute(other).code == Code::approval_spent);
    }
  }
}

TEST_CASE("recovering twice equals recovering once") {
  TemporaryFolder folder;
  const std::string ledger = folder.file("ledger.db"), counter = folder.file("calls");
  run_and_die(ledger, counter, Kill::in_handler);
  Result<Executor> reopened = open(ledger, counter, std::nullopt);
  REQUIRE(reopened.ok());
  CHECK(reopened->recovered().in_doubt == 1);
  CHECK(reopened->recover().value().in_doubt == 0);
  CHECK(reopened->log().size().value() == 1);
}

TEST_CASE("a reconcile function settles what died, without running it") {
  struct Case {
    HandlerResult says;
    Code code;
    std::size_t settled;
  };
  const Case cases[] = {{HandlerResult::result(R"({"done":true})"), Code::ok, 1},
                        {HandlerResult::failed("it never arrived", Effect::none), Code::handler_failed, 1},
                        {HandlerResult::in_doubt("who knows"), Code::in_doubt, 0}};
  for (const Case& test : cases) {
    TemporaryFolder folder;
    const std::string ledger = folder.file("ledger.db"), counter = folder.file("calls");
    run_and_die(ledger, counter, Kill::after_handler);
    std::string asked;
    Result<Executor> reopened = open(ledger, counter, std::nullopt, [&](const Settlement& settlement) {
      asked = settlement.exec_id;
      return test.says;
    });
    REQUIRE(reopened.ok());
    CHECK(reopened->recovered().in_doubt == 1);
    CHECK(reopened->recovered().settled == test.settled);
    const Outcome again = reopened->execute(request);
    CHECK(again.code == test.code);
    CHECK(again.exec_id == asked);
    CHECK(calls(counter) == 1);
    if (test.settled == 1) {
      const auto lines = reopened->log().read(0, 10).value();
      REQUIRE(lines.size() == 3);
      CHECK(verdict_of(lines[0]) == "\"in_doubt\"");
      CHECK(canon::jcs(*canon::parse(lines[1].json)->root().find("prior")) == "0");
    }
  }
}

TEST_CASE("one approval and many nonces execute once across restarts") {
  TemporaryFolder folder;
  const std::string ledger = folder.file("ledger.db"), counter = folder.file("calls");
  for (int round = 0; round < 3; ++round) {
    Result<Executor> executor = open(ledger, counter, std::nullopt);
    REQUIRE(executor.ok());
    for (int i = 0; i < 20; ++i) {
      const std::string nonce = std::to_string(round) + "-" + std::to_string(i);
      Request next = request;
      next.nonce = nonce;
      const Outcome outcome = executor->execute(next);
      CHECK(outcome.code == (round == 0 && i == 0 ? Code::ok : Code::approval_spent));
    }
  }
  CHECK(calls(counter) == 1);
}

namespace {

/// One place in a run of attempts: the n-th time that a step is reached.
struct Place {
  Step step = Step::before_claim;
  int time = 0;          // 1: the first
  int handler_call = 0;  // instead of a step: in this call of the handler
};

void mark(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  ::close(fd);
}

constexpr std::uint32_t retries = 2;

/// Its handler says that nothing happened, and marks where it begins and ends in a file that survives the process.
Result<Executor> open_retrying(const std::string& path, const std::string& marks, const Place& place) {
  Result<std::shared_ptr<Ledger>> ledger = sqlite_ledger(path);
  if (!ledger.ok()) return ledger.status();
  auto store =
      std::make_shared<SteppedStore>(*ledger, [place, reached = 0](Step step) mutable -> std::optional<Status> {
        if (step == place.step && ++reached == place.time) die();
        return std::nullopt;
      });
  HandlerTable table;
  const Handler run = [=, called = std::make_shared<int>(0)](const Invocation& call) {
    mark(marks, "b" + std::to_string(call.attempt));
    if (++*called == place.handler_call) die();
    mark(marks, "e" + std::to_string(call.attempt));
    return HandlerResult::failed("nothing was sent", Effect::none);
  };
  if (Status added = table.add("act", {.run = run, .reconcile = nullptr, .retry_none = retries}); !added.ok())
    return added;
  return Executor::assemble({},
                            {.store = store,
                             .log = nullptr,
                             .verifier = std::make_shared<ScriptedVerifier>(),
                             .hasher = nullptr,
                             .clock = nullptr},
                            std::move(table));
}

/// Whether the process died at the place.
bool try_and_die(const std::string& path, const std::string& marks, const Place& place) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Result<Executor> executor = open_retrying(path, marks, place);
    if (!executor.ok()) ::_exit(3);
    for (std::uint32_t i = 0; i < retries + 3; ++i) (void)executor->execute(request);
    ::_exit(4);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK((WIFSIGNALED(status) || WEXITSTATUS(status) == 4));
  return WIFSIGNALED(status);
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// Kills at the place, tries on in a process that lives, and compares. Whether there was such a place.
bool check_kill_at(const Place& place) {
  TemporaryFolder folder;
  const std::string ledger = folder.file("ledger.db"), marks = folder.file("marks");
  const bool died = try_and_die(ledger, marks, place);
  Result<Executor> reopened = open_retrying(ledger, marks, {});
  REQUIRE(reopened.ok());
  for (std::uint32_t i = 0; i < retries + 3; ++i) (void)reopened->execute(request);
  const Outcome last = reopened->execute(request);
  const std::string seen = text_of(marks);
  INFO("marks " << seen);
  const std::string all = "b1e1b2e2b3e3";
  CHECK_FALSE(last.may_retry);
  CHECK(last.replayed);
  if (last.code == Code::in_doubt) {  // the newest attempt died, and none follows it
    CHECK(reopened->recovered().in_doubt == 1);
    CHECK(all.compare(0, seen.size(), seen) == 0);
    CHECK(seen.size() <= 4 * last.attempt);
    CHECK(seen.size() >= 4 * (last.attempt - 1));
  } else {
    CHECK(last.code == Code::handler_failed);
    CHECK(last.attempt == retries + 1);
    CHECK(seen == all);
  }
  return died;
}

}  // namespace

TEST_CASE("after kill -9 at any step of any attempt no attempt runs twice, and none follows one that may have run") {
  int places = 0;
  for (const Step step : {Step::before_claim, Step::after_claim, Step::before_seal, Step::after_seal})
    for (int time = 1; check_kill_at({step, time, 0}); ++time) ++places;
  for (int call = 1; check_kill_at({Step::before_claim, 0, call}); ++call) ++places;
  CHECK(places > 3 * 5);
}
