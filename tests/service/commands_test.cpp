// SPDX-License-Identifier: Apache-2.0
// Actions that are commands: the file that names them, and every way in which one can end.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <openexec/openexec.hpp>
#include <openexec/service.hpp>

#include "handlers/command_handler.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/json.hpp"
#include "support/parts.hpp"

namespace openexec {
namespace {

using service::Command;
using Kind = HandlerResult::Kind;
using std::chrono::milliseconds;

/// Runs a shell script as the command.
Command script(const std::string& text) { return {.argv = {"/bin/sh", "-c", text}}; }

HandlerResult run(const Command& command, std::string_view payload = "{}", Cancellation cancellation = {}) {
  return service::command_row(command).run({.exec_id = "e",
                                            .action = "act",
                                            .payload = payload,
                                            .tenant = "ten",
                                            .deadline = {},
                                            .cancellation = cancellation});
}

TEST_CASE("A command's exit code and output become the outcome") {
  struct Case {
    const char* text;
    Kind kind;
    Effect effect;
    const char* says;
  };
  for (const Case& c : {
           Case{"echo '{\"a\": 1}'", Kind::result, Effect::confirmed, "{\"a\": 1}\n"},
           Case{"printf ' \\n{'", Kind::result, Effect::confirmed, " \n{"},  // the executor keeps it as text
           Case{"echo '[1]'", Kind::result, Effect::confirmed, "[1]\n"},
           Case{"echo 5", Kind::result, Effect::confirmed, "5\n"},
           Case{"true", Kind::result, Effect::confirmed, ""},
           Case{"echo '{}'; exit 65", Kind::failed, Effect::none, "exited with 65: it refused, and nothing happened"},
           Case{"echo '{}'; exit 1", Kind::failed, Effect::unknown,
                "exited with 1: it failed, and may have done something"},
           Case{"exit 64", Kind::failed, Effect::unknown, "exited with 64"},
           Case{"exit 127", Kind::failed, Effect::unknown, "exited with 127"},
           Case{"kill -TERM $$", Kind::failed, Effect::unknown, "signal 15"},
           Case{"kill -KILL $$", Kind::failed, Effect::unknown, "signal 9"},
       }) {
    CAPTURE(c.text);
    const HandlerResult result = run(script(c.text));
    CHECK(result.kind() == c.kind);
    CHECK(result.effect() == c.effect);
    CHECK(result.text().find(c.says) != std::string::npos);
    if (*c.says == '\0') CHECK(result.text().empty());
  }
}

TEST_CASE("A command that cannot be started did nothing") {
  const HandlerResult gone = run({.argv = {"/no/such/command"}});
  CHECK(gone.kind() == Kind::failed);
  CHECK(gone.effect() == Effect::none);
  const test::TemporaryFolder folder;
  std::ofstream(folder.file("text")) << "no program";
  ::chmod(folder.file("text").c_str(), 0700);
  CHECK(run({.argv = {folder.file("text")}}).effect() == Effect::none);
}

TEST_CASE("The canonical payload is on stdin, whole, whether it is read or not") {
  const std::string large = "{\"x\":\"" + std::string((std::size_t{1} << 20) - 8, 'a') + "\"}";
  const HandlerResult copied = run({.argv = {"/bin/cat"}, .max_output = std::size_t{2} << 20}, large);
  CHECK(copied.kind() == Kind::result);
  CHECK(copied.text() == large);
  CHECK(run(script("echo '{}'"), large).kind() == Kind::result);
  CHECK(run(script("exec 0<&-; echo '{}'"), large).kind() == Kind::result);
  CHECK(run(script("echo more >&0 || echo '{\"sealed\":true}'")).text() == "{\"sealed\":true}\n");
}

TEST_CASE("The environment is exactly what is listed, no other file is open, and no signal is blocked or ignored") {
  ::setenv("OPENEXEC_TEST_SECRET", "x", 1);
  const int leak = ::open("/dev/null", O_RDONLY);  // without CLOEXEC
  REQUIRE(leak > 2);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);

  Command printenv{.argv = {"/usr/bin/env"}, .environment = {"SMTP_URL=smtp://host"}};
  CHECK(run(printenv).kind() == Kind::result);  // not an object; read it through a shell
  const HandlerResult environment = run({.argv = {"/bin/sh", "-c",
                                                  "/usr/bin/env -0 | /usr/bin/tr '\\0' ';' | /usr/bin/tr -d '\"' | "
                                                  "{ printf '{\"e\":\"'; /bin/cat; printf '\"}'; }"},
                                         .environment = {"SMTP_URL=smtp://host"}});
  const canon::Document document = test::parse_json(environment.text());
  std::istringstream list(test::text_at(document.root(), "e"));
  std::set<std::string> variables;
  for (std::string variable; std::getline(list, variable, ';');) variables.insert(variable);
  // The shell adds PWD (and _ or SHLVL, by its kind) for its children.
  for (auto it = variables.begin(); it != variables.end();)
    it = it->starts_with("PWD=") || it->starts_with("_=") || it->starts_with("SHLVL=") ? variables.erase(it) : ++it;
  CHECK(variables == std::set<std::string>{"SMTP_URL=smtp://host", "OPENEXEC_EXEC_ID=e", "OPENEXEC_ACTION=act",
                                           "OPENEXEC_TENANT=ten", "OPENEXEC_ATTEMPT=1"});

  const HandlerResult open =
      run(script("i=0; while [ $i -lt 256 ]; do [ ! -e /proc/$$/fd/$i ] || out=\"$out $i\"; i=$((i+1)); done; printf "
                 "'{\"fds\":\"%s\"}' \"$out\""));
  CHECK(open.text() == "{\"fds\":\" 0 1 2\"}");
  const HandlerResult signals =
      run(script("while read name value; do case $name in SigBlk:|SigIgn:) out=\"$out$name$value,\";; esac; done < "
                 "/proc/$$/status; "
                 "printf '{\"s\":\"%s\"}' \"$out\""));
  // glibc leaves its two internal signals, 32 and 33, ignored in what it spawns.
  std::string masks = signals.text();
  if (const std::size_t internal = masks.find("180000000"); internal != masks.npos)
    masks.replace(internal, 9, "000000000");
  CHECK(masks == "{\"s\":\"SigBlk:0000000000000000,SigIgn:0000000000000000,\"}");
  CHECK(run(script("echo secret >&2; echo '{}'")).text() == "{}\n");

  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::close(leak);
  ::unsetenv("OPENEXEC_TEST_SECRET");
}

/// Whether the process whose number a command wrote into `path` is gone.
bool is_gone(const std::string& path) {
  pid_t pid = 0;
  std::ifstream(path) >> pid;
  REQUIRE(pid > 1);
  // Killed and reaped by its new parent, or about to be: nothing that still runs.
  for (;;) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(status, line)) return true;
    const char state = line[line.rfind(')') + 2];
    if (state == 'Z' || state == 'X') return true;
    if (state != 'R' && state != 'S' && state != 'D') return false;
    std::this_thread::yield();
  }
}

TEST_CASE("A command that takes too long is killed with all of its group, and is in doubt") {
  const test::TemporaryFolder folder;
  const std::string pid = folder.file("pid");
  Command slow = script("sleep 1000 & echo $! > " + pid + "; trap '' TERM; echo '{}'; wait");
  slow.timeout = milliseconds(300);
  const HandlerResult result = run(slow);
  CHECK(result.kind() == Kind::in_doubt);
  CHECK(result.text().find("300 ms") != std::string::npos);
  CHECK(is_gone(pid));

  Command quiet = script("exec >&-; sleep 1000");  // stdout is closed, the command is not done
  quiet.timeout = milliseconds(200);
  CHECK(run(quiet).kind() == Kind::in_doubt);
}

TEST_CASE("A command that ends is not waited for any longer, whoever holds its stdout") {
  const test::TemporaryFolder folder;
  const std::string pid = folder.file("pid");
  const HandlerResult result = run(script("sleep 1000 & echo $! > " + pid + "; echo '{}'"));
  CHECK(result.kind() == Kind::result);
  CHECK(result.text() == "{}\n");
  CHECK(is_gone(pid));  // what it left in its group

  const HandlerResult escaped = run(script("setsid sleep 5 & echo '{}'"));  // out of reach, and not waited for
  CHECK(escaped.kind() == Kind::result);
}

TEST_CASE("A command that writes too much is killed, and is in doubt") {
  Command endless = script("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
  endless.max_output = 1000;
  const HandlerResult result = run(endless);
  CHECK(result.kind() == Kind::in_doubt);
  CHECK(result.text().find("1000 bytes") != std::string::npos);
  Command exact = script("printf '{\"a\":1}'");
  exact.max_output = 7;
  CHECK(run(exact).kind() == Kind::result);
  exact.max_output = 6;
  CHECK(run(exact).kind() == Kind::in_doubt);
}

TEST_CASE("A cancelled command is killed, and is in doubt") {
  const test::TemporaryFolder folder;
  const std::string fifo = folder.file("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  Cancellation cancellation;
  HandlerResult result = HandlerResult::result("");
  std::thread worker([&] { result = run(script("echo yes > " + fifo + "; sleep 1000"), "{}", cancellation); });
  CHECK(test::read_file(fifo) == "yes\n");  // it runs
  cancellation.cancel();
  worker.join();
  CHECK(result.kind() == Kind::in_doubt);
}

/// Offers one request twice in a process of its own: with a soft limit on a resource, and without. The number of the
/// answer that is wrong; 0 where none is.
int offer_under(decltype(RLIMIT_NOFILE) resource, rlim_t at_most) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    HandlerTable table;
    if (!table.add("act", service::command_row(script("echo '{}'"))).ok()) ::_exit(9);
    Executor executor = test::assemble({.store = memory_ledger(),
                                        .log = nullptr,
                                        .verifier = std::make_shared<DemoVerifier>(),
                                        .hasher = nullptr,
                                        .clock = nullptr},
                                       std::move(table));
    const Request request{.action = "act", .payload = "{}", .nonce = "n", .approval_artifact = {}};
    // A number of its own, since the system's own user may have as many processes as it likes.
    if (::getuid() == 0 && (::setgid(54321) != 0 || ::setuid(54321) != 0)) ::_exit(77);
    rlimit before{};
    ::getrlimit(resource, &before);
    rlimit tight = before;
    tight.rlim_cur = at_most;
    ::setrlimit(resource, &tight);
    const Outcome without = executor.execute(request);
    ::setrlimit(resource, &before);
    if (without.code != Code::overloaded || without.effect != Effect::none) ::_exit(1);
    ::_exit(executor.execute(request).ok() ? 0 : 2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_CASE("A system without descriptors or processes for a command spends nothing") {
  const auto first_free = static_cast<rlim_t>([] {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(fd);
    return fd;
  }());
#ifdef __SANITIZE_ADDRESS__
  constexpr rlim_t tries = 0;  // the undefined-behaviour sanitizer needs a descriptor itself to look at an object
  WARN("SKIPPED under sanitizers: limits of descriptors");
#else
  constexpr rlim_t tries = 8;
#endif
  for (rlim_t more = 0; more < tries; ++more) {
    CAPTURE(more);
    const int ending = offer_under(RLIMIT_NOFILE, first_free + more);
    if (more >= 7 && ending == 1) break;  // enough for it
    CHECK(ending == 0);
  }
  const int ending = offer_under(RLIMIT_NPROC, 1);
  if (ending == 77)
    WARN("not tested: this process may not change its user");
  else
    CHECK(ending == 0);
}

TEST_CASE("A process that waits for its claim ends with the process that made it") {
  const test::TemporaryFolder folder;
  const std::string fifo = folder.file("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const HandlerTable::Row row = service::command_row(script("echo ran > " + fifo));
    const Cancellation cancellation;
    const auto held = row.prepare({.exec_id = "e",
                                   .action = "act",
                                   .payload = "{}",
                                   .tenant = "ten",
                                   .deadline = {},
                                   .cancellation = cancellation});
    const int out = ::open(fifo.c_str(), O_WRONLY | O_CLOEXEC);
    std::ifstream children("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    std::string pid;
    children >> pid;
    const std::string text = (held.ok() ? pid : "none") + "\n";
    if (::write(out, text.data(), text.size()) < 0) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  const std::string said = test::read_file(fifo);
  int status = 0;
  ::waitpid(child, &status, 0);
  const std::string path = folder.file("pid");
  std::ofstream(path) << said;
  CHECK(is_gone(path));
}

TEST_CASE("Many commands at once keep to themselves") {
  constexpr std::size_t many = 16;
  std::vector<std::string> texts(many);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < many; ++i) {
    threads.emplace_back([&, i] {
      const std::string payload = "{\"i\":" + std::to_string(i) + "}";
      texts[i] = run({.argv = {"/bin/cat"}}, payload).text() == payload ? "same" : "other";
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::count(texts.begin(), texts.end(), "same") == static_cast<std::ptrdiff_t>(many));
}

/// A text as it stands inside a JSON string.
std::string escaped(const std::string& text) {
  std::string quoted;
  canon::append_jcs_string(text, quoted);
  return quoted.substr(1, quoted.size() - 2);
}

std::string complaint(const std::string& text) {
  const auto commands = service::parse_commands(text);
  if (commands.ok()) return "accepted";
  CHECK(commands.code() == Code::invalid_argument);
  return commands.status().detail();
}

TEST_CASE("The handlers file is understood exactly, or refused with the line") {
  const auto good = service::parse_commands(R"({
  "send_email": {"argv": ["/bin/cat", "-u"], "timeout_ms": 30000, "max_output": 65536,
                 "env": ["HOME", "NOT_SET_ANYWHERE"], "schema": {"required": ["to"]}},
  "plain": {"argv": ["/bin/cat"]}
})");
  REQUIRE(good.ok());
  REQUIRE(good->size() == 2);
  const Command& plain = good->at("plain");
  CHECK(plain.argv == std::vector<std::string>{"/bin/cat"});
  CHECK(plain.timeout == milliseconds(30'000));
  CHECK(plain.max_output == 65536);
  CHECK(plain.environment.empty());
  const char* home = std::getenv("HOME");
  CHECK(good->at("send_email").environment.size() == (home != nullptr ? 1 : 0));
  CHECK(good->at("send_email").argv.size() == 2);
  REQUIRE(good->at("send_email").schema != nullptr);
  CHECK(good->at("send_email").schema->check("{}").code() == Code::payload_schema);
  CHECK(plain.schema == nullptr);
  CHECK(service::parse_commands("{}").ok());

  struct Case {
    const char* text;
    const char* line;
    const char* says;
  };
  for (const Case& c : {
           Case{"", "1: ", "byte 0"},
           Case{"[]", "1: ", "one object"},
           Case{"{\n\n  oops\n}", "3: ", "byte"},
           Case{"{\n\"a\": {\"argv\": [\"/bin/cat\"]},\n\"a\": {\"argv\": [\"/bin/cat\"]}\n}", "3: ", "duplicate key"},
           Case{"{\n\"a/b\": {\"argv\": [\"/bin/cat\"],\n\"env\": [],\n\"env\": []}}", "4: ", "duplicate key"},
           Case{"{\n\"a\": 1}", "2: ", "a: must be an object"},
           Case{"{\n\"a\": {}}", "2: ", "argv is missing"},
           Case{"{\n\"a\": {\n\"argv\": [\"/bin/cat\"],\n\"timeout\": 5\n}}", "4: ", "unknown member \"timeout\""},
           Case{"{\"x\": {\"argv\": [\"/bin/cat\", \"shell\"]},\n\"a\": {\"argv\": [\"/bin/cat\"],\n\"shell\": true}}",
                "3: ", "unknown member \"shell\""},
           Case{"{\"a b\": {\"argv\": [\"/bin/cat\"]}}", "1: ", "action"},
           Case{"{\"\": {\"argv\": [\"/bin/cat\"]}}", "1: ", "action"},
           Case{"{\"a\":\n{\"argv\": [\"cat\"]}}", "2: ", "absolute"},
           Case{"{\"a\": {\"argv\": [\"/no/such/file\"]}}", "1: ", "/no/such/file"},
           Case{"{\"a\": {\"argv\": [\"/etc/passwd\"]}}", "1: ", "executable"},
           Case{"{\"a\": {\"argv\": [\"/bin\"]}}", "1: ", "executable"},
           Case{"{\"a\": {\"argv\": []}}", "1: ", "argv"},
           Case{"{\"a\": {\"argv\": \"/bin/cat\"}}", "1: ", "argv"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\", 1]}}", "1: ", "argv"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\", \"a\\u0000b\"]}}", "1: ", "argv"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"], \"timeout_ms\": 0}}", "1: ", "timeout_ms"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"], \"timeout_ms\": 1.5}}", "1: ", "timeout_ms"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"], \"timeout_ms\": \"1\"}}", "1: ", "timeout_ms"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"], \"timeout_ms\": 86400001}}", "1: ", "timeout_ms"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"], \"max_output\": 1048577}}", "1: ", "max_output"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"],\n\"schema\": {\"properties\": {\"b\": {\"format\": \"email\"}}}}}",
                "2: ", "a: schema: /properties/b/format: this keyword is not checked here"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"], \"schema\": \"{}\"}}", "1: ", "a: schema: must be a schema"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"], \"schema\": null}}", "1: ", "a: schema: must be a schema"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"], \"env\": \"HOME\"}}", "1: ", "env"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"],\n\"retry_none\": 0}}",
                "2: ", "retry_none must be an integer from 1"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"],\n\"retry_none\": 1001}}", "2: ", "retry_none"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"],\n\"reconcile\": []}}", "2: ", "reconcile must be a list"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"],\n\"reconcile\": [\"cat\"]}}",
                "2: ", "reconcile: the command's path"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"],\n\"cost\": [\"/no/such/file\"]}}",
                "2: ", "cost: not an executable"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"], \"env\": [\"A=B\"]}}", "1: ", "env"},
           Case{"{\"a\": {\"argv\": [\"/bin/cat\"], \"env\": [\"OPENEXEC_EXEC_ID\"]}}", "1: ", "OPENEXEC_"},
       }) {
    CAPTURE(c.text);
    const std::string said = complaint(c.text);
    CAPTURE(said);
    CHECK(said.starts_with(c.line));
    CHECK(said.find(c.says) != std::string::npos);
  }
}

/// What the script says when it is asked whether the execution took place.
HandlerResult reconciled(const std::string& text) {
  Command command = script("exit 1");
  command.reconcile = {"/bin/sh", "-c", text};
  return service::command_row(command).reconcile({.exec_id = "e", .action = "act", .tenant = "ten", .attempt = 3});
}

TEST_CASE("A reconcile command says what was done or that nothing was, and leaves in doubt all else") {
  const HandlerResult result = reconciled(
      "printf '{\"about\":\"%s %s %s %s\"}' $OPENEXEC_EXEC_ID $OPENEXEC_ACTION $OPENEXEC_TENANT $OPENEXEC_ATTEMPT; cat");
  CHECK(result.kind() == Kind::result);
  CHECK(result.text() == R"({"about":"e act ten 3"})");
  const HandlerResult refused = reconciled("exit 65");
  CHECK(refused.kind() == Kind::failed);
  CHECK(refused.effect() == Effect::none);
  for (const char* text :
       {"exit 1", "true", "echo 5", "echo '{'", "echo '{} {}'", "kill -9 $$", "echo '{}'; exit 66"}) {
    CAPTURE(text);
    CHECK(reconciled(text).kind() == Kind::in_doubt);
  }
  Command gone = script("true");
  gone.reconcile = {"/no/such/command"};  // removed since the start: that is not "nothing happened"
  CHECK(service::command_row(gone).reconcile({.exec_id = "e", .action = "act", .tenant = "ten"}).kind() ==
        Kind::in_doubt);
  CHECK_FALSE(service::command_row(script("true")).reconcile);
}

TEST_CASE("A cost command writes an amount for the payload, and all else is a no") {
  const auto cost = [](const std::string& text) {
    Command command = script("exit 1");
    command.cost = {"/bin/sh", "-c", text};
    return service::command_row(command).cost({.action = "act", .payload = "12.5", .tenant = "ten"});
  };
  CHECK(cost("cat").value() == Usd{12'500'000});
  CHECK(cost("cat; echo").value() == Usd{12'500'000});
  for (const char* text :
       {"exit 1", "exit 65", "true", "echo -1", "echo 1e3", "echo ' 1'", "echo 1; echo 2", "kill -9 $$"}) {
    CAPTURE(text);
    CHECK(cost(text).code() == Code::approval_constraint);
  }
  CHECK_FALSE(service::command_row(script("true")).cost);
}

TEST_CASE(
    "A command that exits with 65 may run again where the handlers file says so, and is told which attempt it is") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("handlers.json");
  std::ofstream(path)
      << R"({"act": {"argv": ["/bin/sh", "-c", "if [ $OPENEXEC_ATTEMPT = 3 ]; then printf '{\"attempt\":%s}' $OPENEXEC_ATTEMPT; else exit 65; fi"], "retry_none": 2}})";
  HandlerTable table;
  REQUIRE(add_command_handlers(table, path).ok());
  Executor executor = test::assemble({.store = memory_ledger(),
                                      .log = nullptr,
                                      .verifier = std::make_shared<DemoVerifier>(),
                                      .hasher = nullptr,
                                      .clock = nullptr},
                                     std::move(table));
  const auto execute = [&] {
    return executor.execute({.action = "act", .payload = "{}", .nonce = "n", .approval_artifact = {}});
  };
  for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
    const Outcome outcome = execute();
    CHECK(outcome.code == Code::handler_failed);
    CHECK(outcome.attempt == attempt);
    CHECK(outcome.may_retry);
  }
  const Outcome last = execute();
  CHECK(last.ok());
  CHECK(last.result == R"({"attempt": 3})");
}

TEST_CASE("A handlers file or a command that every user may write, or replace, is refused") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("handlers.json");
  const std::string command = folder.file("command");
  std::ofstream(command) << "#!/bin/sh\necho '{}'\n";
  ::chmod(command.c_str(), 0755);
  std::ofstream(path) << R"({"run": {"argv": [")" << command << R"("]}})";
  const std::string place = folder.file("");
  const struct {
    std::string what;
    mode_t open;
    mode_t closed;
  } cases[] = {{path, 0666, 0600}, {command, 0777, 0755}, {place, 0777, 0700}};
  for (const auto& each : cases) {
    CAPTURE(each.what);
    ::chmod(each.what.c_str(), each.open);
    HandlerTable table;
    const auto refused = add_command_handlers(table, path);
    CHECK(refused.code() == Code::invalid_argument);
    CHECK(refused.status().detail().find("every user may write") != std::string::npos);
    CHECK(table.empty());
    std::size_t findings = 0;
    CHECK(add_command_handlers(table, path, {.others_may_write = true, .warn = [&](const auto&) { ++findings; }}).ok());
    CHECK(findings > 0);
    ::chmod(each.what.c_str(), each.closed);
    HandlerTable again;
    CHECK(add_command_handlers(again, path).ok());
  }
  ::chmod(path.c_str(), 0666);
  const test::Environment clawshield{{"OPENEXEC_MODE", "clawshield"}};
  CHECK(test::refused_start({"--db-url", "sqlite://", "--handlers", path}, clawshield).exit_code == 2);
  const test::Daemon trial({"--mode", "demo", "--db-url", "sqlite://", "--handlers", path});
  CHECK(trial.log().find("every user may write") != std::string::npos);
}

TEST_CASE("A command's stderr is discarded, and where its action asks for it the end is in the log") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("handlers.json");
  const std::string script =
      R"(i=0; while [ $i -lt 300 ]; do echo "beginning-0123456789012345" >&2; i=$((i+1)); done; )"
      R"(printf 'the end \377\n{"event"' >&2; echo '{}')";
  std::ofstream(path) << R"({"quiet": {"argv": ["/bin/sh", "-c", ")" << escaped(script) << R"("]},)"
                      << R"("told": {"log_stderr": true, "argv": ["/bin/sh", "-c", ")" << escaped(script) << R"("]}})";
  test::Daemon daemon({"--mode", "demo", "--db-url", "sqlite://", "--handlers", path});
  test::HttpClient client(daemon.port());
  CHECK(client.post("/execute", R"({"action":"quiet","nonce":"1"})").status == 200);
  CHECK(daemon.log().find("beginning") == std::string::npos);
  const canon::Document told = client.post("/execute", R"({"action":"told","nonce":"2"})").json();
  const std::string log = daemon.log();
  const std::size_t at = log.find("\"event\":\"command_stderr\"");
  REQUIRE(at != std::string::npos);
  const std::size_t begin = log.rfind('\n', at) + 1;
  const canon::Document line = test::parse_json(log.substr(begin, log.find('\n', at) - begin));
  CHECK(test::text_at(line.root(), "exec_id") == test::text_at(told.root(), "id"));
  CHECK(test::text_at(line.root(), "action") == "told");
  const std::string text = test::text_at(line.root(), "text");
  CHECK(text.ends_with("the end \xef\xbf\xbd\n{\"event\""));
  CHECK(text.size() < 4200);
  CHECK(test::at(line.root(), "cut").boolean());
  CHECK(complaint(R"({"x": {"argv": ["/bin/cat"], "log_stderr": 1}})").find("log_stderr") != std::string::npos);
}

TEST_CASE("openexecd runs the commands of its handlers file, and does not start with one that it does not understand") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("handlers.json");
  std::ofstream(folder.file("show.sh"))
      << R"(printf '{"id":"%s","action":"%s","tenant":"%s",' $OPENEXEC_EXEC_ID $OPENEXEC_ACTION $OPENEXEC_TENANT
printf '"listed":"%s","payload":' $SMTP_URL
cat
echo '}'
)";
  std::ofstream(path) << R"({
  "show": {"argv": ["/bin/sh", ")"
                      << folder.file("show.sh") << R"("], "env": ["SMTP_URL", "PATH"]},
  "refuse": {"argv": ["/bin/sh", "-c", "exit 65"]},
  "fail": {"argv": ["/bin/sh", "-c", "exit 3"]},
  "nonsense": {"argv": ["/bin/sh", "-c", "echo sent; echo '{\"id\":7}'"]},
  "number": {"argv": ["/bin/sh", "-c", "echo '{\"id\":9007199254740993}'"]},
  "bytes": {"argv": ["/bin/sh", "-c", "printf '\\377\\000'"]},
  "nothing": {"argv": ["/bin/true"]},
  "total": {"argv": ["/bin/sh", "-c", "echo '{\"total\":10.0}'"]},
  "list": {"argv": ["/bin/sh", "-c", "echo '[1]'"]},
  "hang": {"argv": ["/bin/sh", "-c", "read line < /dev/tty; sleep 1000"], "timeout_ms": 100},
  "flood": {"argv": ["/bin/sh", "-c", "echo '{\"aaaaaaaaaaaaaaaa\":1}'"], "max_output": 5},
  "checked": {"argv": ["/bin/cat"], "schema": {"required": ["to"], "additionalProperties": {"type": "string"}}},
  "echo": {"argv": ["/bin/sh", "-c", "echo '{\"mine\":true}'"]}
})";
  test::Daemon daemon({"--mode", "demo", "--db-url", "sqlite://"},
                      {{"OPENEXEC_HANDLERS", path}, {"SMTP_URL", "smtp://host"}, {"PATH", "/usr/bin:/bin"}});
  CHECK(daemon.greeting().find("refuse") != std::string::npos);
  test::HttpClient client(daemon.port());
  struct Case {
    const char* action;
    int status;
    const char* code;
    const char* verdict;
    const char* effect;
    const char* result;
    const char* form;
  };
  const char* const failed = R"({"error": "handler_failed"})";
  const char* const doubt = R"({"error": "in_doubt"})";
  std::uint64_t entries_so_far = 0;
  for (const Case& c :
       {Case{"refuse", 500, "handler_failed", "failed", "none", failed, ""},
        Case{"fail", 500, "handler_failed", "failed", "unknown", failed, ""},
        Case{"nonsense", 200, "ok", "executed", "confirmed", R"({"text": "sent\n{\"id\":7}\n"})", "text"},
        Case{"number", 200, "ok", "executed", "confirmed", R"({"text": "{\"id\":9007199254740993}\n"})", "text"},
        Case{"bytes", 200, "ok", "executed", "confirmed", R"({"base64": "/wA="})", "bytes"},
        Case{"nothing", 200, "ok", "executed", "confirmed", R"({"text": ""})", "text"},
        Case{"list", 200, "ok", "executed", "confirmed", "[1]", ""},
        Case{"hang", 409, "in_doubt", "in_doubt", "unknown", doubt, ""},
        Case{"flood", 409, "in_doubt", "in_doubt", "unknown", doubt, ""},
        Case{"echo", 200, "ok", "executed", "confirmed", R"({"mine": true})", ""}}) {
    CAPTURE(c.action);
    const std::string request = R"({"action":")" + std::string(c.action) + R"(","nonce":")" + c.action + "\"}";
    const test::HttpAnswer answer = client.post("/execute", request);
    const canon::Document document = answer.json();
    CHECK(answer.status == c.status);
    CHECK(test::text_at(document.root(), "code") == c.code);
    CHECK(test::text_at(document.root(), "verdict") == c.verdict);
    CHECK(test::text_at(document.root(), "effect") == c.effect);
    CHECK(canon::jcs(test::at(document.root(), "entry")) == std::to_string(entries_so_far));
    entries_so_far += 2;
    CHECK(answer.body.find("\"result\":" + std::string(c.result) + ",") != std::string::npos);
    CHECK(document.root().find("result_form").has_value() == (*c.form != '\0'));
    CHECK(document.root().find("result_hash").has_value() == (*c.form != '\0'));
    const canon::Document entries = client.get("/receipts/" + test::text_at(document.root(), "id")).json();
    const canon::View line = (*test::at(entries.root(), "entries").begin()).value;
    CHECK(test::text_at(test::at(line, "entry"), "effect") == c.effect);
    const canon::Document again = client.post("/execute", request).json();  // final, and told the same
    CHECK(canon::jcs(test::at(again.root(), "result")) == canon::jcs(test::at(document.root(), "result")));
    CHECK(test::text_at(again.root(), "receipt") == test::text_at(document.root(), "receipt"));
    for (const char* same : {"detail", "result_form", "result_hash"}) {
      CHECK(again.root().find(same).has_value() == document.root().find(same).has_value());
      if (document.root().find(same)) CHECK(test::text_at(again.root(), same) == test::text_at(document.root(), same));
    }
    if (*c.form != '\0') {
      CHECK(test::text_at(document.root(), "result_form") == c.form);
      CHECK(test::text_at(test::at(line, "entry"), "result_form") == c.form);
      CHECK(test::text_at(test::at(line, "entry"), "result_hash") == test::text_at(document.root(), "result_hash"));
    }
  }
  const canon::Document shown =
      client.post("/execute", R"x({"action":"show","payload":{"b":1,"a":"$(id)"},"nonce":"x"})x").json();
  const canon::View result = test::at(shown.root(), "result");
  CHECK(test::text_at(result, "id") == test::text_at(shown.root(), "id"));
  CHECK(test::text_at(result, "action") == "show");
  CHECK(test::text_at(result, "tenant") == "default");
  CHECK(test::text_at(result, "listed") == "smtp://host");
  CHECK(canon::jcs(test::at(result, "payload")) == R"x({"a":"$(id)","b":1})x");
  CHECK(client.post("/execute", R"({"action":"add","payload":{"a":1,"b":1},"nonce":"y"})").status == 200);

  const test::HttpAnswer unfit = client.post("/execute", R"({"action":"checked","payload":{"to":1},"nonce":"z"})");
  CHECK(unfit.status == 422);
  const canon::Document why = unfit.json();
  CHECK(test::text_at(why.root(), "code") == "payload_schema");
  CHECK(test::text_at(why.root(), "detail") == "payload: /to does not satisfy \"type\" of the action's schema");
  CHECK(client.post("/execute", R"({"action":"checked","payload":{"to":"ada"},"nonce":"z"})").status == 200);
  // A client that reads the answer and writes it again, as JavaScript does, still has the recorded result.
  const canon::Document total = client.post("/execute", R"({"action":"total","nonce":"t"})").json();
  const auto verify = [&](const std::string& written) {
    return client
        .post("/receipts/verify", R"({"exec_id":")" + test::text_at(total.root(), "id") + R"(","result":{"total":)" +
                                      written + R"(},"receipt":")" + test::text_at(total.root(), "receipt") + "\"}")
        .body;
  };
  for (const char* same : {"10.0", "10", "1e1"})
    CHECK(verify(same).find(R"("valid":true,"recorded":true)") != std::string::npos);
  for (const char* other : {"10.5", "\"10\"", "[10]"})
    CHECK(verify(other).find(R"("valid":false)") != std::string::npos);

  const std::string bad = folder.file("bad.json");
  std::ofstream(bad) << "{\n  \"x\": {\"argv\": [\"/bin/cat\"],\n    \"shell\": true}\n}\n";
  const test::Refusal refusal = test::refused_start({"--mode", "demo", "--db-url", "sqlite://", "--handlers", bad});
  CHECK(refusal.exit_code == 2);
  CHECK(refusal.text.find("OPENEXEC_HANDLERS (--handlers)") != std::string::npos);
  CHECK(refusal.text.find(bad + ":3: x: unknown member \\\"shell\\\"") != std::string::npos);
  const test::Refusal missing =
      test::refused_start({"--mode", "demo", "--db-url", "sqlite://"}, {{"OPENEXEC_HANDLERS", folder.file("none")}});
  CHECK(missing.exit_code == 2);
  CHECK(missing.text.find("cannot be read") != std::string::npos);
}

}  // namespace
}  // namespace openexec
