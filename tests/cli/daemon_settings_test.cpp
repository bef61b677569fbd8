// SPDX-License-Identifier: Apache-2.0
// The settings of openexecd: variables, flags, what follows from them, and the exit code of each refusal.
#include "daemon/settings.hpp"

#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/console.hpp"
#include "daemon/daemon.hpp"
#include "daemon/greeting.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"
#include "support/parts.hpp"

using namespace openexec;
using daemon::Settings;
using test::Arguments;
using test::TemporaryFolder;
using test::Variables;

namespace {

HandlerTable echo() {
  HandlerTable table;
  for (const char* name : {"echo", "add"})
    if (const Status added = table.add(name, [](const Invocation&) { return HandlerResult::result("{}"); });
        !added.ok())
      throw std::runtime_error(added.detail());
  return table;
}

Settings settings_of(const Variables& variables, const Arguments& arguments = {}) {
  std::ostringstream text;
  const terminal::Console console{
      .out = text, .err = text, .terminal = {}, .environment = test::environment_of(variables)};
  Settings settings(console.environment);
  terminal::CommandLine line(console, "openexecd", "openexecd");
  daemon::add_flags(line, settings);
  line.parse(arguments);
  return settings;
}

/// What a run of openexecd did that was told to end as soon as it served.
struct Run {
  int exit_code = -1;
  std::string out;
  std::string log;
  int reloads = 0;
};

Run run(const Arguments& arguments, const Variables& variables = {}) {
  Run run;
  const daemon::Host host{
      .out = [&](std::string_view text) { run.out += text; },
      .log = [&](std::string_view text) { run.log += text; },
      .environment = test::environment_of(variables),
      .next_signal = [&] { return run.reloads++ == 0 ? daemon::Signal::reload : daemon::Signal::end; },
      .let_signals_end = [] {},
      .end_at_once = [](int) {},
      .demo = echo};
  run.exit_code = run_openexecd(host, arguments);
  return run;
}

std::string refusal(const Arguments& arguments, const Variables& variables, int exit_code) {
  const Run refused = run(arguments, variables);
  INFO(refused.log);
  CHECK(refused.exit_code == exit_code);
  CHECK(refused.out.empty());
  const std::string last = refused.log.substr(refused.log.rfind('\n', refused.log.size() - 2) + 1);
  const auto event = test::parse_json(last);
  CHECK(test::at(event.root(), "event").string() == (exit_code == 2 ? "settings_refused" : "failed"));
  return std::string(test::at(event.root(), "detail").string());
}

void check_refused(const Arguments& arguments, const Variables& variables, int exit_code, const std::string& says) {
  CHECK_THAT(refusal(arguments, variables, exit_code), Catch::Matchers::Contains(says));
}

const Arguments in_memory{"--port", "0", "--db-url", "sqlite://"};

}  // namespace

TEST_CASE("Each variable has its setting, and a flag wins over it") {
  const Variables all{
      {"OPENEXEC_TRUST_POLICY", "p"},   {"OPENEXEC_EXECUTOR", "e"},      {"OPENEXEC_MODE", "policy"},
      {"CLAWSHIELD_PUBLIC_KEY", "k"},   {"CLAWSHIELD_TENANT_ID", "t"},   {"OPENEXEC_ALLOWED_ACTIONS", "a"},
      {"OPENEXEC_DB_URL", "sqlite://"}, {"OPENEXEC_HANDLERS", "h"},      {"OPENEXEC_LOG_KEY", "l"},
      {"OPENEXEC_LOG_ORIGIN", "o"},     {"OPENEXEC_LOG_ANCHOR", "n"},    {"OPENEXEC_ADMIN_SOCKET", "s"},
      {"OPENEXEC_ADMIN_UIDS", "1,2"},   {"OPENEXEC_ALLOWED_HOSTS", "x"}, {"OPENEXEC_ALLOWED_ORIGINS", "y"}};
  const Settings set = settings_of(all);
  CHECK(set.trust_policy == "p");
  CHECK(set.executor == "e");
  CHECK(set.chosen_mode == "policy");
  CHECK(set.public_key == "k");
  CHECK(set.tenant == "t");
  CHECK(set.allowed_actions == "a");
  CHECK(set.db_url == "sqlite://");
  CHECK(set.handlers == "h");
  CHECK(set.ledger.log.key_pem == "l");
  CHECK(set.ledger.log.origin == "o");
  CHECK(set.ledger.log.anchor == "n");
  CHECK(set.service.admin_socket == "s");
  CHECK(set.service.admin_uids.size() == 2);
  CHECK(set.service.allowed_hosts == std::vector<std::string>{"x"});
  CHECK(set.service.allowed_origins == std::vector<std::string>{"y"});

  const Settings won =
      settings_of(all, {"--trust-policy",  "1", "--executor",        "2", "--mode",         "demo", "--public-key", "3",
                        "--tenant",        "4", "--allowed-actions", "",  "--db-url",       "5",    "--handlers",   "6",
                        "--log-origin",    "7", "--log-anchor",      "8", "--admin-socket", "9",    "--admin-uids", "3",
                        "--allowed-hosts", "z", "--allowed-origins", "w"});
  CHECK(won.trust_policy + won.executor + won.public_key + won.tenant + won.db_url + won.handlers == "123456");
  CHECK(won.ledger.log.origin + won.ledger.log.anchor + won.service.admin_socket == "789");
  CHECK(won.chosen_mode == "demo");
  CHECK(won.allowed_actions == "");
  CHECK(won.service.admin_uids.size() == 1);
  CHECK(won.service.allowed_hosts == std::vector<std::string>{"z"});
  CHECK(won.service.allowed_origins == std::vector<std::string>{"w"});
}

TEST_CASE("Nothing that is set leaves the defaults") {
  const Settings none = settings_of({});
  CHECK(none.db_url == "sqlite:///openexec.db");
  CHECK(none.executor == "openexecd");
  CHECK_FALSE(none.chosen_mode);
  CHECK_FALSE(none.allowed_actions);
  CHECK_FALSE(none.ledger.must_exist);
  CHECK_FALSE(none.ledger.unsafe_file_system);
  CHECK_FALSE(none.service.ignore_idempotency_key);
  CHECK(settings_of({}, {"--ledger-must-exist"}).ledger.must_exist);
  CHECK(settings_of({}, {"--unsafe-file-system"}).ledger.unsafe_file_system);
  CHECK(settings_of({}, {"--idempotency-key", "ignore"}).service.ignore_idempotency_key);
  const Settings body = settings_of({}, {"--body-limit", "99"});
  CHECK(body.service.body_limit == 99);
  CHECK(body.limits.request.max_bytes == 99);
  CHECK(settings_of({}, {"--drain-timeout-ms", "7"}).service.drain_timeout == std::chrono::milliseconds(7));
}

TEST_CASE("A number is whole, in decimal digits and within its bounds, or refused by its flag") {
  for (const char* flag :
       {"--max-refusals-per-second", "--max-replays-per-second", "--workers", "--queue", "--max-connections",
        "--body-limit", "--large-body-budget", "--idle-timeout-ms", "--header-timeout-ms", "--body-timeout-ms",
        "--write-timeout-ms", "--request-timeout-ms", "--drain-timeout-ms", "--port"})
    for (const char* number : {"", "-1", "1.5", "0x10", "1e3", "99999999999999999999", "many"}) {
      INFO(flag << " " << number);
      check_refused({std::string(flag) + "=" + number}, {}, 2, flag);
    }
  for (const char* flag :
       {"--workers", "--max-connections", "--body-limit", "--large-body-budget", "--idle-timeout-ms"})
    check_refused({flag, "0"}, {}, 2, std::string(flag) + ": must be a whole number from 1 to ");
  check_refused({"--port", "65536"}, {}, 2, "must be a whole number from 0 to 65535");
  check_refused({}, {{"OPENEXEC_ADMIN_UIDS", "alice"}}, 2, "[OPENEXEC_ADMIN_UIDS]");
  check_refused({"--idempotency-key", "maybe"}, {}, 2, "--idempotency-key");
  check_refused({"--no-such-flag"}, {}, 2, "--no-such-flag");
}

TEST_CASE("What is set is brought to the form in which it means something") {
  const auto understood = [](const Variables& variables, const Arguments& arguments = {}) {
    Settings settings = settings_of(variables, arguments);
    REQUIRE(understand(settings).ok());
    return settings;
  };
  CHECK(understood({{"CLAWSHIELD_PUBLIC_KEY", " \"-----BEGIN\\nx\" \n"}}).public_key == "-----BEGIN\\nx");
  CHECK(understood({{"OPENEXEC_LOG_KEY", "'k'"}}).ledger.log.key_pem == "k");
  CHECK(understood({{"OPENEXEC_ALLOWED_ACTIONS", "a, b,,c"}}).allowed == std::vector<std::string>{"a", "b", "c"});
  CHECK(understood({{"OPENEXEC_ALLOWED_ACTIONS", ""}}).allowed == std::vector<std::string>{});
  CHECK_FALSE(understood({}).allowed);
  const Settings metrics = understood({}, {"--metrics-listen", "[::1]:9464"});
  CHECK(metrics.service.metrics_host == "::1");
  CHECK(metrics.service.metrics_port == 9464);

  check_refused({"--metrics-listen", "9464"}, {}, 2, "--metrics-listen: must be ADDRESS:PORT");
  check_refused({"--metrics-listen", "a:b"}, {}, 2, "--metrics-listen: must be ADDRESS:PORT");
  check_refused({"--tenant", "acme "}, {}, 2, "CLAWSHIELD_TENANT_ID (--tenant): begins or ends");
  check_refused({"--executor", ""}, {}, 2, "OPENEXEC_EXECUTOR (--executor): ");
  check_refused({}, {{"OPENEXEC_ALLOWED_ACTIONS", "a,b\xff"}}, 2,
                "OPENEXEC_ALLOWED_ACTIONS (--allowed-actions): name 2");
}

TEST_CASE("Demo follows only where nothing is set that protects something or lets others in") {
  const auto mode = [](const Variables& variables, const Arguments& arguments = {}) {
    const auto found = mode_of(settings_of(variables, arguments));
    return found.ok() ? *found : found.status().detail();
  };
  CHECK(mode({}) == "demo");
  CHECK(mode({{"OPENEXEC_TRUST_POLICY", "p"}}) == "policy");
  CHECK(mode({{"OPENEXEC_MODE", "other"}}) == "other");
  CHECK(mode({{"OPENEXEC_MODE", ""}}).empty());
  const auto refused = Catch::Matchers::StartsWith("no mode is set, but this is: ");
  for (const char* variable : {"CLAWSHIELD_PUBLIC_KEY", "CLAWSHIELD_TENANT_ID", "OPENEXEC_HANDLERS"}) {
    CHECK_THAT(mode({{variable, "x"}}), refused);
    CHECK_THAT(mode({{variable, "x"}}), Catch::Matchers::Contains(variable));
  }
  CHECK_THAT(mode({}, {"--host", "0.0.0.0"}), refused);
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) CHECK(daemon::is_loopback(host));
  for (const char* host : {"0.0.0.0", "::", "192.0.2.1"}) CHECK_FALSE(daemon::is_loopback(host));
}

TEST_CASE("A mode that does not verify what is set does not start") {
  const TemporaryFolder folder;
  const auto in_memory_and = [](Arguments more) {
    more.insert(more.begin(), in_memory.begin(), in_memory.end());
    return more;
  };
  check_refused(in_memory_and({"--mode", "other"}), {}, 2, "OPENEXEC_MODE (--mode) is \"other\"");
  check_refused(in_memory_and({"--mode", "demo", "--trust-policy", "p"}), {}, 2,
                "OPENEXEC_TRUST_POLICY (--trust-policy) is given");
  check_refused(in_memory_and({"--mode", "policy", "--public-key", "k"}), {}, 2, "is of mode clawshield");
  check_refused(in_memory_and({"--mode", "clawshield", "--public-key", "k"}), {}, 2,
                "CLAWSHIELD_PUBLIC_KEY (--public-key): ");
  check_refused(in_memory_and({"--trust-policy", folder.file("none")}), {}, 2, "cannot be read");
  test::write_file(folder.file("large"), std::string((std::size_t{1} << 20) + 1, ' '));
  check_refused(in_memory_and({"--trust-policy", folder.file("large")}), {}, 2, "over the limit of 1048576 bytes");
  check_refused(in_memory_and({"--handlers", folder.file("none"), "--mode", "demo"}), {}, 2,
                "OPENEXEC_HANDLERS (--handlers): ");
  check_refused(in_memory_and({"--mode", "policy", "--allowed-actions", "charge"}), {}, 2,
                "no handler is registered for charge");
}

TEST_CASE("The exit code tells the operator's fault from the machine's, by the code of the status") {
  const TemporaryFolder folder;
  check_refused({"--port", "0", "--db-url", "postgres://x"}, {}, 2, "OPENEXEC_DB_URL (--db-url): ledger URL: ");
  check_refused({"--port", "0", "--db-url", "sqlite:////no/such/folder/x.db"}, {}, 1, "OPENEXEC_DB_URL (--db-url): ");
  const std::string url = "sqlite:///" + folder.file("a.db");
  check_refused({"--port", "0", "--db-url", url, "--ledger-must-exist"}, {}, 1, "OPENEXEC_DB_URL (--db-url): ");
  check_refused({"--port", "0", "--db-url", url, "--log-origin", "two words"}, {}, 2,
                "OPENEXEC_LOG_ORIGIN (--log-origin): ");
  check_refused({"--port", "0", "--db-url", url}, {{"OPENEXEC_LOG_KEY", "k"}}, 2, "OPENEXEC_LOG_KEY: ");
  check_refused({"--port", "0", "--db-url", url, "--log-anchor", "/no/such/x"}, {}, 1,
                "OPENEXEC_LOG_ANCHOR (--log-anchor), ");
  check_refused({"--port", "0", "--db-url", "sqlite://", "--host", "example.com"}, {}, 2,
                "--host: host: not a numeric address");
  const auto held = Service::listen({.port = 0, .mode = "demo"});
  REQUIRE(held.ok());
  const std::string port = std::to_string(held->port());
  check_refused({"--db-url", "sqlite://", "--port", port}, {}, 1, "--host, --port: cannot listen on ");
  check_refused({"--db-url", "sqlite://", "--port", "0", "--metrics-listen", "127.0.0.1:" + port}, {}, 1,
                "--metrics-listen: metrics: cannot listen on ");
  check_refused({"--db-url", "sqlite://", "--port", "0", "--admin-socket", folder.file("no/such/socket")}, {}, 1,
                "OPENEXEC_ADMIN_SOCKET (--admin-socket): ");
}

TEST_CASE("What serves says who it is, reads its policy again when told, and ends with 0") {
  const Run served = run(in_memory);
  CHECK(served.exit_code == 0);
  CHECK(served.reloads == 2);
  CHECK_THAT(served.out, Catch::Matchers::StartsWith("OpenExec "));
  for (const char* line :
       {"\n  mode     demo: NO APPROVAL IS VERIFIED.", "\n  ledger   in memory", "\n  actions  add, echo\n",
        "\n  allowed  all of them", "\n  names    addresses and localhost\n", "\nlistening on http://127.0.0.1:"})
    CHECK_THAT(served.out, Catch::Matchers::Contains(line));
  std::istringstream lines(served.log);
  for (std::string line; std::getline(lines, line);) CHECK_NOTHROW(test::parse_json(line));

  Arguments listed = in_memory;
  listed.insert(listed.end(), {"--allowed-actions", "echo,charge", "--allowed-hosts", "a.example"});
  const Run warned = run(listed);
  CHECK(warned.exit_code == 0);
  CHECK_THAT(warned.log, Catch::Matchers::Contains("\"event\":\"warning\""));
  CHECK_THAT(warned.out, Catch::Matchers::Contains("\n  names    a.example, addresses and localhost\n"));
}

TEST_CASE("--help and --version are output, and no event") {
  const Run help = run({"--help"});
  CHECK(help.exit_code == 0);
  CHECK(help.log.empty());
  CHECK_THAT(help.out, Catch::Matchers::Contains("--large-body-budget"));
  CHECK(run({"--version"}).exit_code == 0);
}

TEST_CASE("A line of the log is one line, whatever its text holds") {
  std::string log;
  const daemon::Events events([&](std::string_view text) { log += text; });
  events.warn("two\nlines \x1b[2J");
  CHECK(events.complain("why", daemon::exit_settings) == 2);
  CHECK(events.complain("why", daemon::exit_failed) == 1);
  CHECK(std::count(log.begin(), log.end(), '\n') == 3);
  CHECK(log.find('\x1b') == std::string::npos);
  CHECK(daemon::joined({}) == "none");
  CHECK(daemon::joined({"a", "b"}) == "a, b");
}
