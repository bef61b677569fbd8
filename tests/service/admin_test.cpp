// SPDX-License-Identifier: Apache-2.0
// The operator's socket: a real openexecd, the real command line, and the kernel's word on who asks.
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <openexec/openexec.hpp>

#include "service/admin_orders.hpp"
#include "support/admin.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/json.hpp"
#include "support/parts.hpp"

namespace openexec {
namespace {

using test::admin;
using test::ask_plainly;
using test::Daemon;
using test::execute;
using test::has;
using test::HttpAnswer;
using test::HttpClient;
using test::Place;
using test::Said;
using test::text_at;

constexpr uid_t stranger = 65534;

std::string post(const std::string& path, const std::string& target, const std::string& body) {
  return ask_plainly(path, test::http_request("POST", target, body, {{"Content-Type", "application/json"}}));
}

/// The same as another user, in a process that gave its rights away.
std::string ask_as_stranger(const std::string& path, const std::string& request) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::string text = "cannot become another user";
    if (::setgid(stranger) == 0 && ::setuid(stranger) == 0) text = ask_plainly(path, request);
    (void)!::write(ends[1], text.data(), text.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char chunk[4096];
  for (ssize_t got = 0; (got = ::read(ends[0], chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<std::size_t>(got));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return text;
}

TEST_CASE(
    "openexec admin halts, shows, revokes and resumes; each order is an entry that names who, with the uid, and why") {
  const Place place;
  const Daemon daemon(place.flags);
  HttpClient client(daemon.port());
  CHECK(execute(client, "1").status == 200);

  CHECK(has(admin(place, "status --json").text, R"("halted":false)"));
  const Said halted = admin(place, "halt --who alice --why 'strange payments' --json");
  CHECK(halted.exit_code == 0);
  CHECK(has(halted.text, R"("halted":true)"));
  CHECK(text_at(execute(client, "2").json().root(), "code") == "halted");
  CHECK(has(admin(place, "status --json").text, R"("kind":"halt")"));
  CHECK(admin(place, "revoke-approval approval-7 --who bob --why stolen").exit_code == 0);
  CHECK(admin(place, "revoke-key key-3 --who bob --why lost").exit_code == 0);
  CHECK(admin(place, "resume --who alice --why 'looked into'").exit_code == 0);
  CHECK(execute(client, "3").status == 200);
  CHECK(place.started() == 2);
  const Said status = admin(place, "status --json");
  CHECK(has(status.text, R"("id":"approval-7")"));
  CHECK(has(status.text, R"("id":"key-3")"));
  CHECK(has(status.text, R"("halted":false)"));
  CHECK(has(status.text, R"("suspect":false)"));
  const std::string table = admin(place, "status").text;
  for (const char* cell :
       {"ORDER", "revoke_approval", "approval-7", "everybody", "bob (uid ", "stolen", "revoke_key", "lost", "T"})
    CHECK(has(table, cell));
  CHECK_FALSE(has(table, "{"));
  CHECK(admin(place, "confirm-clock --who carol --why 'compared with another'").exit_code == 0);
  CHECK(admin(place, "confirm-clock --who carol --why x --tenant acme").exit_code == 1);
  CHECK_FALSE(has(admin(place, "status --json").text, "confirm_clock"));

  const auto orders = place.orders();
  REQUIRE(orders.size() == 5);
  const std::string uid = " (uid " + std::to_string(::geteuid()) + ")";
  for (std::size_t i = 0; i < 4; ++i) CHECK(has(orders[i], (i % 3 == 0 ? "alice" : "bob") + uid));
  CHECK(has(orders[0], "strange payments"));
  CHECK(has(orders[3], "looked into"));
  CHECK(has(orders[4], R"("kind":"confirm_clock")"));
}

TEST_CASE(
    "An order for a tenant that the service does not have is recorded, and openexec admin says that nothing changed") {
  const Place place;
  std::vector<std::string> flags = place.flags;
  flags.insert(flags.end(), {"--tenant", "acme"});
  const Daemon daemon(flags);
  HttpClient client(daemon.port());
  for (const char* order : {"halt", "revoke-key key-3", "revoke-approval approval-7"})
    for (const char* mistyped : {"acmee", "'acme '", "ACME"}) {
      const Said said = admin(place, std::string(order) + " --who alice --why x --tenant " + mistyped, true);
      CAPTURE(order, said.text);
      CHECK(said.exit_code == 1);
      CHECK(has(said.text, "this service has the tenant acme"));
    }
  CHECK(execute(client, "1").status == 200);
  CHECK(place.orders().size() == 9);
  CHECK(admin(place, "halt --who alice --why x --tenant acme").exit_code == 0);
  CHECK(text_at(execute(client, "2").json().root(), "code") == "halted");
  CHECK(admin(place, "resume --who alice --why x --tenant acme --json").exit_code == 0);
  CHECK(execute(client, "3").status == 200);
}

TEST_CASE("openexec admin status shows who ordered what stands, after a restart too") {
  const Place place;
  {
    const Daemon daemon(place.flags);
    CHECK(admin(place, "halt --who alice --why 'strange payments'").exit_code == 0);
    CHECK(has(admin(place, "status").text, "strange payments"));
  }
  const Daemon daemon(place.flags);
  const std::string table = admin(place, "status").text;
  for (const char* cell : {"halt", "alice (uid ", "strange payments", "everybody", "yes"}) CHECK(has(table, cell));
}

/// The command line on a ledger's file, as an operator types it.
Said doubt(const std::string& ledger, const std::string& words) {
  return test::say("doubt " + words + " --ledger 'sqlite:///" + ledger + "'");
}

TEST_CASE("What is in doubt is listed and settled through the admin socket, and on the file while nobody has it") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  std::vector<std::string> exec_ids;
  {
    HandlerTable table;
    REQUIRE(table.add("act", [](const Invocation&) { return HandlerResult::in_doubt("no word"); }).ok());
    Executor executor = test::assemble({.store = *sqlite_ledger(path),
                                        .log = nullptr,
                                        .verifier = std::make_shared<DemoVerifier>(),
                                        .hasher = nullptr,
                                        .clock = nullptr},
                                       std::move(table));
    for (const char* nonce : {"secret-1", "secret-2", "secret-3"})
      exec_ids.push_back(
          executor.execute({.action = "act", .payload = "{}", .nonce = nonce, .approval_artifact = {}}).exec_id);
    const auto ask = [&](const std::string& method, const std::string& target, const std::string& body = {}) {
      return service::answer_admin(executor, {.method = method, .target = target, .body = body}, 7);
    };
    const service::AdminAnswer list = ask("GET", "/doubt");
    CHECK(list.status == 200);
    CHECK(has(list.body, R"("count":3)"));
    for (const std::string& exec_id : exec_ids) CHECK(has(list.body, exec_id));
    CHECK_FALSE(has(list.body, "secret"));
    CHECK(has(ask("GET", "/doubt?after=1").body, exec_ids[2]));
    CHECK_FALSE(has(ask("GET", "/doubt?after=1").body, exec_ids[1]));
    const service::AdminAnswer shown = ask("GET", "/doubt/" + exec_ids[1]);
    CHECK(shown.status == 200);
    CHECK(has(shown.body, R"("verdict":"in_doubt")"));
    CHECK_FALSE(has(shown.body, exec_ids[0]));
    CHECK(ask("GET", "/doubt/" + std::string(64, '0')).status == 404);
    CHECK(ask("GET", "/doubt/00").status == 404);
    CHECK(ask("POST", "/doubt/" + exec_ids[1]).status == 405);
    CHECK(ask("GET", "/doubt?after=x").status == 422);
    CHECK(ask("GET", "/doubt?after=").status == 422);
    CHECK(ask("POST", "/doubt").status == 405);
    CHECK(ask("GET", "/doubt/settle").status == 405);

    const std::string named = R"({"exec_id":")" + exec_ids[0] + R"(","who":"alice","why":"asked")";
    for (const char* rest : {"}", R"(,"found":"maybe"})", R"(,"found":"done"})", R"(,"found":"unknown","result":1})",
                             R"(,"found":"done","result":1,"more":"x"})", R"(,"found":1})"})
      CHECK(ask("POST", "/doubt/settle", named + rest).status == 422);
    CHECK(ask("POST", "/doubt/settle", R"({"exec_id":"00","found":"unknown","who":"a","why":"b"})").status == 422);
    const service::AdminAnswer settled = ask("POST", "/doubt/settle", named + R"(,"found":"done","result":{"id":7}})");
    CHECK(settled.status == 200);
    CHECK(has(settled.body, R"("decides":true)"));
    CHECK(settled.contradicted.empty());
    const service::AdminAnswer later = ask("POST", "/doubt/settle", named + R"(,"found":"not_done"})");
    CHECK(later.status == 200);
    CHECK(has(later.body, R"("contradicts":true)"));
    CHECK(later.contradicted == exec_ids[0]);
    CHECK(has(executor.log().read(3, 1).value().at(0).json, R"x("who":"alice (uid 7)")x"));
    CHECK(doubt(path, "settle " + exec_ids[1] + " --found done --result 1 --why x").exit_code == 2);  // in use
  }
  Said said = doubt(path, "list");
  CHECK(said.exit_code == 0);
  CHECK(has(said.text, R"("count":2)"));
  CHECK(doubt(path, "settle " + exec_ids[1] + " --found done --why x").exit_code == 2);
  CHECK(doubt(path, "settle 00 --found unknown --why x").exit_code == 2);
  said = doubt(path, "settle " + exec_ids[1] + " --found not_done --who bob --why 'asked the bank'");
  CHECK(said.exit_code == 0);
  CHECK(has(said.text, R"("decides":true)"));
  CHECK(doubt(path, "settle " + exec_ids[1] + " --found done --result '{}' --why x").exit_code == 1);
  said = doubt(path, "show " + exec_ids[1]);
  CHECK(has(said.text, R"("who":"bob")"));
  CHECK(has(doubt(path, "list").text, R"("count":1)"));
}

TEST_CASE("openexec admin says 1 for a refusal and 2 where nobody could be asked") {
  const Place place;
  CHECK(admin(place, "status").exit_code == 2);
  CHECK(has(admin(place, "status", true).text, "is openexecd running"));
  const Daemon daemon(place.flags);
  CHECK(admin(place, "halt --who alice").exit_code == 2);  // no --why
  CHECK(admin(place, "nothing").exit_code == 2);
  const Said refused = admin(place, "halt --who alice --why '" + std::string(1025, 'w') + "'", true);
  CHECK(refused.exit_code == 1);
  CHECK(has(refused.text, "invalid_field"));
  CHECK(place.orders().empty());
}

TEST_CASE("each request that is no order is refused with a code, and leaves nothing in the log") {
  const Place place;
  const Daemon daemon(place.flags);
  const struct {
    const char* target;
    std::string body;
    const char* status;
    const char* code;
  } cases[] = {
      {"/halt", "", "422", "invalid_field"},
      {"/halt", "[]", "422", "invalid_field"},
      {"/halt", "{", "422", "invalid_field"},
      {"/halt", R"({"who":"a"})", "422", "invalid_field"},
      {"/halt", R"({"why":"b"})", "422", "invalid_field"},
      {"/halt", R"({"who":"","why":"b"})", "422", "invalid_field"},
      {"/halt", R"({"who":1,"why":"b"})", "422", "invalid_field"},
      {"/halt", R"({"who":"a","who":"a","why":"b"})", "422", "invalid_field"},
      {"/halt", R"({"who":"a","why":"b","tenent":"c"})", "422", "invalid_field"},
      {"/halt", R"({"who":"a","why":"b","tenant":null})", "422", "invalid_field"},
      {"/halt", R"({"who":"a\u0007","why":"b"})", "422", "invalid_field"},
      {"/halt", R"({"who":"a","why":"b","key":"c"})", "422", "invalid_field"},
      {"/halt", R"({"who":")" + std::string(255, 'a') + R"(","why":"b"})", "422", "invalid_field"},
      {"/revoke", R"({"who":"a","why":"b"})", "422", "invalid_field"},
      {"/revoke", R"({"who":"a","why":"b","key":"c","approval":"d"})", "422", "invalid_field"},
      {"/status", "{}", "405", "method_not_allowed"},
      {"/execute", "{}", "404", "not_found"},
      {"/halt", std::string(20'000, ' '), "413", "body_too_large"},
  };
  for (const auto& each : cases) {
    INFO(each.target << " " << each.body.substr(0, 60));
    const std::string answer = post(place.socket(), each.target, each.body);
    CHECK(answer.starts_with(std::string("HTTP/1.1 ") + each.status));
    CHECK(has(answer, std::string("\"code\":\"") + each.code + "\""));
  }
  CHECK(has(ask_plainly(place.socket(), "nonsense\r\n\r\n"), R"("code":"bad_request")"));
  const std::string order = R"({"who":"a","why":"b"})";
  for (const std::string folded : {"Content-Length:\r\n ", "X: a\r\n\tb\r\nContent-Length: "})
    CHECK(has(ask_plainly(place.socket(), "POST /halt HTTP/1.1\r\nHost: x\r\n" + folded + std::to_string(order.size()) +
                                              "\r\n\r\n" + order),
              "obs-fold"));
  CHECK(has(ask_plainly(place.socket(), test::http_request("GET", "/halt")), R"("code":"method_not_allowed")"));
  CHECK(place.orders().empty());
  CHECK(has(admin(place, "status --json").text, R"("halted":false)"));
}

TEST_CASE("a user who is not listed is turned away before a byte is read; one who is listed is named in the log") {
  if (::geteuid() != 0) {
    WARN("SKIPPED: only root can become another user");
    return;
  }
  const std::string halt =
      test::http_request("POST", "/halt", R"({"who":"mallory","why":"x"})", {{"Content-Type", "application/json"}});
  {
    const Place place;
    ::chmod(place.folder.file("").c_str(), 0755);
    const Daemon daemon(place.flags);
    struct stat socket {};
    REQUIRE(::lstat(place.socket().c_str(), &socket) == 0);
    CHECK((socket.st_mode & 0777) == 0600);
    CHECK(ask_as_stranger(place.socket(), halt) == "cannot connect: Permission denied");
  }
  {
    const Place place({"--admin-uids", "4242"});
    ::chmod(place.folder.file("").c_str(), 0755);
    const Daemon daemon(place.flags);
    const std::string answer = ask_as_stranger(place.socket(), halt);
    CHECK(answer.starts_with("HTTP/1.1 403"));
    CHECK(has(answer, R"("code":"forbidden")"));
    CHECK(place.orders().empty());
    while (!has(daemon.log(), R"("uid":65534)")) std::this_thread::yield();  // the line follows the answer
  }
  {
    const Place place({"--admin-uids", "4242,65534"});
    ::chmod(place.folder.file("").c_str(), 0755);
    const Daemon daemon(place.flags);
    CHECK(ask_as_stranger(place.socket(), halt).starts_with("HTTP/1.1 200"));
    REQUIRE(place.orders().size() == 1);
    CHECK(has(place.orders()[0], "mallory (uid 65534)"));
  }
}

TEST_CASE(
    "a socket that a killed service left is replaced; one that is in use, another file and an open folder are not") {
  Place place;
  Daemon killed(place.flags);
  killed.signal(SIGKILL);
  CHECK(killed.wait() == 128 + SIGKILL);
  REQUIRE(std::filesystem::is_socket(place.socket()));
  {
    const Daemon next(place.flags);
    CHECK(admin(place, "status").exit_code == 0);
    std::vector<std::string> second{"--db-url", "sqlite://", "--port", "0", "--admin-socket", place.socket()};
    CHECK(has(test::refused_start(second).text, "another process listens there"));
    CHECK(admin(place, "status").exit_code == 0);
  }
  CHECK_FALSE(std::filesystem::exists(place.socket()));

  const auto refused = [&](const std::string& path) {
    return test::refused_start({"--db-url", "sqlite://", "--port", "0", "--admin-socket", path}).text;
  };
  CHECK(has(refused(place.marks()), "something else is there"));
  CHECK(std::filesystem::is_regular_file(place.marks()));
  const std::string open = place.folder.file("open");
  REQUIRE(::mkdir(open.c_str(), 0700) == 0);
  REQUIRE(::chmod(open.c_str(), 0777) == 0);
  CHECK(has(refused(open + "/admin"), "writable by others"));
  CHECK(has(refused(place.folder.file("none/admin")), "its folder"));
}

// A handler's evidence is a line appended by its command, and the order is that of the file: no clock is asked. A
// command that was let through before the halt may still be on its way: at most one for each worker.
TEST_CASE(
    "under load no handler is let through once halt has returned; kill -9 changes nothing; resume lets them run") {
  const Place place;
  std::size_t after_halt = 0;
  {
    Daemon daemon(place.flags);
    constexpr int clients = 16;
    std::atomic<bool> halted{false};
    std::atomic<int> ran{0}, refused{0}, wrong{0};
    std::vector<std::thread> threads;
    for (int number = 0; number < clients; ++number) {
      threads.emplace_back([&, number] {
        try {
          HttpClient client(daemon.port());
          for (int i = 0, late = 0; late < 20; ++i) {
            const bool sent_late = halted;
            const HttpAnswer answer = execute(client, std::to_string(number) + "-" + std::to_string(i));
            if (answer.status == 200) ++ran;
            if (!sent_late) continue;
            ++late;
            ++(has(answer.body, R"("code":"halted")") ? refused : wrong);
          }
        } catch (const std::exception&) {
          ++wrong;
        }
      });
    }
    while (ran < 50) std::this_thread::yield();
    const Said said = admin(place, "halt --who alice --why drill");
    const std::size_t at_halt = place.started();
    halted = true;
    for (std::thread& thread : threads) thread.join();
    after_halt = place.started();
    CHECK(said.exit_code == 0);
    CHECK(wrong == 0);
    CHECK(refused == clients * 20);
    CHECK(after_halt - at_halt <= Place::workers);
    CHECK(after_halt == static_cast<std::size_t>(ran));  // each start was answered, and nothing else started
    daemon.signal(SIGKILL);
    CHECK(daemon.wait() == 128 + SIGKILL);
  }
  const Daemon again(place.flags);
  HttpClient client(again.port());
  CHECK(has(admin(place, "status --json").text, R"("halted":true)"));
  CHECK(text_at(execute(client, "after").json().root(), "code") == "halted");
  CHECK(place.started() == after_halt);
  CHECK(admin(place, "resume --who alice --why 'drill over'").exit_code == 0);
  CHECK(execute(client, "resumed").status == 200);
  CHECK(place.started() == after_halt + 1);
  const auto orders = place.orders();
  REQUIRE(orders.size() == 2);
  CHECK(has(orders[0], "drill"));
  CHECK(has(orders[1], "drill over"));
}

}  // namespace
}  // namespace openexec
