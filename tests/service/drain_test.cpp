// SPDX-License-Identifier: Apache-2.0
// Ending: what runs finishes, what does not run does not start.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <iterator>
#include <memory>
#include <thread>

#include <sys/stat.h>

#include <openexec/openexec.hpp>
#include <openexec/service.hpp>

#include "support/admin.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/gate.hpp"
#include "support/http.hpp"
#include "support/json.hpp"
#include "support/parts.hpp"

namespace openexec {
namespace {

using test::Daemon;
using test::has;
using test::HttpAnswer;
using test::HttpClient;

const test::Headers json{{"Content-Type", "application/json"}};

/// Blocks until the command has opened the other end.
std::string read_fifo(const std::string& path) { return test::read_file(path); }
void write_fifo(const std::string& path) { std::ofstream(path) << "go\n"; }

/// openexecd with one command, which says that it runs and waits to be let go.
struct WaitingDaemon {
  explicit WaitingDaemon(std::vector<std::string> flags = {}) {
    REQUIRE(::mkfifo(folder.file("running").c_str(), 0600) == 0);
    REQUIRE(::mkfifo(folder.file("go").c_str(), 0600) == 0);
    std::ofstream(folder.file("handlers.json"))
        << R"({"wait": {"argv": ["/bin/sh", "-c", "echo yes > )" << folder.file("running") << "; read line < "
        << folder.file("go") << R"(; echo '{\"done\":true}'"]}})";
    flags.insert(flags.end(), {"--mode", "demo", "--db-url", "sqlite:///" + folder.file("ledger.db"), "--handlers",
                               folder.file("handlers.json")});
    daemon.emplace(flags);
  }
  /// Sends the request, and returns when its command runs.
  void start(HttpClient& client) {
    REQUIRE(client.send(test::http_request("POST", "/execute", request, json)));
    REQUIRE(read_fifo(folder.file("running")) == "yes\n");
  }
  static constexpr const char* request = R"({"action":"wait","nonce":"1"})";
  test::TemporaryFolder folder;
  std::optional<Daemon> daemon;
};

TEST_CASE("SIGTERM drains: the handler that runs is answered, nothing new starts, and the exit code is 0") {
  WaitingDaemon waiting;
  HttpClient running(waiting.daemon->port());
  HttpClient watcher(waiting.daemon->port());
  HttpClient late(waiting.daemon->port());
  CHECK(watcher.get("/ready").status == 200);
  CHECK(late.get("/health").status == 200);
  waiting.start(running);

  waiting.daemon->signal(SIGTERM);
  // The next to connect is turned away by the kernel, as soon as the listener is gone.
  for (bool listening = true; listening;) {
    try {
      HttpClient another(waiting.daemon->port());
    } catch (const std::runtime_error&) {
      listening = false;
    }
  }
  const HttpAnswer ready = watcher.get("/ready");
  CHECK(ready.status == 503);
  CHECK(ready.body.find("\"draining\"") != std::string::npos);
  CHECK(ready.closes());
  const HttpAnswer refused = late.post("/execute", R"({"action":"echo","nonce":"2"})");
  CHECK(refused.status == 503);
  CHECK(test::text_at(refused.json().root(), "code") == "overloaded");
  CHECK(test::at(refused.json().root(), "receipt").is(canon::Type::null));

  write_fifo(waiting.folder.file("go"));
  const auto answer = running.receive();
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->body.find(R"({"done": true})") != std::string::npos);
  CHECK(answer->closes());
  CHECK(waiting.daemon->wait() == 0);
}

TEST_CASE("SIGINT drains as well, and an idle service ends at once") {
  Daemon daemon({"--db-url", "sqlite://"});
  HttpClient idle(daemon.port());
  CHECK(idle.get("/ready").status == 200);
  HttpClient halfway(daemon.port());
  REQUIRE(halfway.send("POST /execute HTT"));
  daemon.signal(SIGINT);
  CHECK(daemon.wait() == 0);
  CHECK(idle.closed());
}

TEST_CASE("After the drain timeout a command is killed, and its nonce is in doubt, for the next start as well") {
  WaitingDaemon waiting({"--drain-timeout-ms", "100"});
  HttpClient running(waiting.daemon->port());
  waiting.start(running);
  waiting.daemon->signal(SIGTERM);
  const auto answer = running.receive();
  REQUIRE(answer);
  CHECK(answer->status == 409);
  CHECK(test::text_at(answer->json().root(), "code") == "in_doubt");
  CHECK(waiting.daemon->wait() == 0);

  Daemon again({"--mode", "demo", "--db-url", "sqlite:///" + waiting.folder.file("ledger.db"), "--handlers",
                waiting.folder.file("handlers.json")});
  const HttpAnswer told = HttpClient(again.port()).post("/execute", WaitingDaemon::request);
  CHECK(told.status == 409);
  CHECK(test::text_at(told.json().root(), "code") == "in_doubt");
}

TEST_CASE("A second signal ends the process at once, and the next start finds the nonce in doubt") {
  WaitingDaemon waiting;
  HttpClient running(waiting.daemon->port());
  HttpClient watcher(waiting.daemon->port());
  CHECK_FALSE(watcher.get("/health").closes());
  waiting.start(running);
  waiting.daemon->signal(SIGTERM);
  while (!watcher.get("/health").closes()) {
  }  // a connection ends with its answer when the drain has begun
  waiting.daemon->signal(SIGTERM);
  const int code = waiting.daemon->wait();
  CHECK(code == 128 + SIGTERM);
  write_fifo(waiting.folder.file("go"));  // the command outlived its service; it ends now

  Daemon again({"--mode", "demo", "--db-url", "sqlite:///" + waiting.folder.file("ledger.db"), "--handlers",
                waiting.folder.file("handlers.json")});
  CHECK(again.log().find("\"in_doubt\":1") != std::string::npos);
  CHECK(HttpClient(again.port()).post("/execute", WaitingDaemon::request).status == 409);
}

TEST_CASE("A handler that heeds nothing is given up, and counted") {
  test::Gate gate;
  HandlerTable table;
  std::atomic<bool> was_cancelled{false};
  REQUIRE(table
              .add("stubborn",
                   [&](const Invocation& call) {
                     gate.pass();
                     was_cancelled = call.cancellation.cancelled();
                     return HandlerResult::result("{}");
                   })
              .ok());
  auto ledger = memory_ledger();
  Executor executor = test::assemble({.store = ledger, .verifier = std::make_shared<DemoVerifier>()}, std::move(table));
  std::vector<std::string> lines;
  {
    auto service = Service::start(executor, {.port = 0,
                                             .drain_timeout = std::chrono::milliseconds(50),
                                             .cancel_grace = std::chrono::milliseconds(50),
                                             .log = [&](std::string_view line) { lines.emplace_back(line); }});
    REQUIRE(service.ok());
    HttpClient client(service->port());
    REQUIRE(client.send(test::http_request("POST", "/execute", R"({"action":"stubborn","nonce":"1"})", json)));
    gate.wait_until_entered();
    CHECK(service->drain() == 1);
    gate.release();
  }  // waits for the handler
  CHECK(was_cancelled);
  CHECK(*ledger->size() == 1);
  CHECK(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
          return line.find("\"event\":\"drained\",\"given_up\":1") != std::string::npos;
        }) == 1);
}

TEST_CASE("What waits for a worker when the drain begins is turned away, and never ran") {
  test::Gate gate;
  HandlerTable table = test::echo_table();
  REQUIRE(table
              .add("wait",
                   [&](const Invocation&) {
                     gate.pass();
                     return HandlerResult::result("{}");
                   })
              .ok());
  auto ledger = memory_ledger();
  Executor executor = test::assemble({.store = ledger, .verifier = std::make_shared<DemoVerifier>()}, std::move(table));
  auto service = Service::start(executor, {.port = 0, .workers = 1});
  REQUIRE(service.ok());
  HttpClient running(service->port());
  HttpClient queued(service->port());
  REQUIRE(running.send(test::http_request("POST", "/execute", R"({"action":"wait","nonce":"1"})", json)));
  gate.wait_until_entered();
  REQUIRE(queued.send(test::http_request("POST", "/execute", R"({"action":"echo","nonce":"2"})", json)));
  CHECK(HttpClient(service->port()).get("/health").status == 200);  // so the one before was read

  HttpClient watcher(service->port());
  CHECK(watcher.get("/ready").status == 200);
  auto drained = std::async(std::launch::async, [&] { return service->drain(); });
  while (!watcher.get("/ready").closes()) {
  }  // a connection ends with its answer when the drain has begun
  gate.release();
  CHECK(running.receive()->status == 200);
  CHECK(queued.receive()->status == 503);
  CHECK(drained.get() == 0);
  CHECK(*ledger->size() == 1);
}

TEST_CASE("After a clean drain nothing asks the executor, which may be destroyed before the service") {
  const test::TemporaryFolder folder;
  std::string metrics_port;
  ServiceOptions options;
  options.port = 0;
  options.metrics_port = 0;
  options.admin_socket = folder.file("admin");
  options.log = [&](std::string_view line) {
    constexpr std::string_view before = R"("port":)";
    if (has(std::string(line), "metrics_listening")) metrics_port = line.substr(line.find(before) + before.size());
  };
  auto service = Service::listen(options);
  REQUIRE(service.ok());
  {
    auto executor =
        Executor::assemble({}, {.store = memory_ledger(), .verifier = std::make_shared<DemoVerifier>()}, {});
    REQUIRE(executor.ok());
    REQUIRE(service->serve(*executor).ok());
    const std::string status = test::http_request("GET", "/status");
    CHECK(has(test::ask_plainly(options.admin_socket, status), R"("halted":false)"));
    CHECK(HttpClient(static_cast<std::uint16_t>(std::stoul(metrics_port))).get("/metrics").status == 200);
    CHECK(service->drain() == 0);
  }
  CHECK(test::ask_plainly(options.admin_socket, test::http_request("GET", "/status")).starts_with("cannot connect"));
  const auto port = static_cast<std::uint16_t>(std::stoul(metrics_port));
  CHECK_THROWS_WITH(HttpClient(port), "cannot connect to port " + std::to_string(port));
}

// The workers that read end before the one that executes, which gave work and freed memory back to them.
TEST_CASE("A large execution that was given up ends after the service has let its other workers go") {
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  std::promise<void> runs;
  std::atomic<bool> given_up{false};
  HandlerTable table;
  REQUIRE(table
              .add("wait",
                   [&](const Invocation&) {
                     const auto before = threads();
                     runs.set_value();
                     // One thread serves and two read: of the service, only this one is left.
                     while (!given_up || threads() > before - 3) std::this_thread::yield();
                     return HandlerResult::result("{}");
                   })
              .ok());
  auto executor = Executor::assemble({}, {.store = memory_ledger(), .verifier = std::make_shared<DemoVerifier>()},
                                     std::move(table));
  REQUIRE(executor.ok());
  ServiceOptions options;
  options.port = 0;
  options.workers = 1;
  options.drain_timeout = options.cancel_grace = std::chrono::milliseconds(1);
  auto service = std::make_unique<Result<Service>>(Service::start(*executor, options));
  REQUIRE(service->ok());
  HttpClient client((*service)->port());
  REQUIRE(client.send(test::http_request(
      "POST", "/execute", R"({"action":"wait","nonce":"1","payload":{"x":")" + std::string(100'000, 'a') + "\"}}",
      json)));
  runs.get_future().wait();
  CHECK((*service)->drain() == 1);
  given_up = true;
  service.reset();
  SUCCEED("the service ended after its execution");
}

}  // namespace
}  // namespace openexec
