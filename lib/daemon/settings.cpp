// SPDX-License-Identifier: Apache-2.0
#include "daemon/settings.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/names.hpp"
#include "commands/given_name.hpp"

namespace openexec::daemon {

Settings::Settings(const terminal::Environment& environment)
    : trust_policy(environment("OPENEXEC_TRUST_POLICY").value_or("")),
      executor(environment("OPENEXEC_EXECUTOR").value_or("openexecd")),
      chosen_mode(environment("OPENEXEC_MODE")),
      public_key(environment("CLAWSHIELD_PUBLIC_KEY").value_or("")),
      tenant(environment("CLAWSHIELD_TENANT_ID").value_or("")),
      allowed_actions(environment("OPENEXEC_ALLOWED_ACTIONS")),
      db_url(environment("OPENEXEC_DB_URL").value_or("sqlite:///openexec.db")),
      handlers(environment("OPENEXEC_HANDLERS").value_or("")) {
  ledger.log = {.key_pem = environment("OPENEXEC_LOG_KEY").value_or(""),
                .origin = environment("OPENEXEC_LOG_ORIGIN").value_or(""),
                .anchor = environment("OPENEXEC_LOG_ANCHOR").value_or("")};
  service.admin_socket = environment("OPENEXEC_ADMIN_SOCKET").value_or("");
}

namespace {

/// Accepts a whole number within the bounds, in decimal digits. CLI11 itself reads "" as 0, and reads -1 and a number
/// that overflows as the largest number of the type, which would remove a limit.
CLI::Validator whole(std::uint64_t least, std::uint64_t most) {
  const auto fault = [least, most](const std::string& text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_one = error == std::errc() && end == text.data() + text.size() && number >= least && number <= most;
    return is_one ? std::string()
                  : "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  };
  return {fault, "", "whole"};
}

constexpr std::uint64_t many = 1'000'000;  // upper bound of settings that count single things

void add_address_flags(terminal::CommandLine& line, ServiceOptions& service) {
  CLI::App& app = line.app();
  app.add_option("--host", service.host, "numeric address to listen on")->capture_default_str();
  app.add_option("--port", service.port, "port to listen on; 0 picks one and prints it")
      ->check(whole(0, 65535))
      ->capture_default_str();
  CLI::Option* hosts = app.add_option("--allowed-hosts", service.allowed_hosts,
                                      "a.example,b.example: names that clients may call the service by, besides "
                                      "addresses and localhost");
  line.from_environment(app, *hosts->delimiter(','), "OPENEXEC_ALLOWED_HOSTS");
  CLI::Option* origins = app.add_option("--allowed-origins", service.allowed_origins,
                                        "https://console.example: web pages that may use the service");
  line.from_environment(app, *origins->delimiter(','), "OPENEXEC_ALLOWED_ORIGINS");
}

void add_approval_flags(CLI::App& app, Settings& settings) {
  app.add_option("--mode", settings.chosen_mode,
                 "demo (verifies nothing), clawshield (one key) or policy [OPENEXEC_MODE, else policy where there is "
                 "one, else demo]");
  app.add_option("--trust-policy", settings.trust_policy,
                 "JSON file that says who may approve what; read again on SIGHUP [OPENEXEC_TRUST_POLICY]");
  app.add_option("--executor", settings.executor,
                 "the name that approvals may be bound to [OPENEXEC_EXECUTOR, else openexecd]");
  app.add_option("--public-key", settings.public_key, "PEM of the approvers' Ed25519 key [CLAWSHIELD_PUBLIC_KEY]");
  app.add_option("--tenant", settings.tenant, "whose approvals count [CLAWSHIELD_TENANT_ID]");
}

void add_admin_flags(terminal::CommandLine& line, ServiceOptions& service) {
  CLI::App& app = line.app();
  app.add_option("--admin-socket", service.admin_socket,
                 "unix socket for halt, resume and revoke; for this user and root [OPENEXEC_ADMIN_SOCKET]");
  CLI::Option* uids = app.add_option("--admin-uids", service.admin_uids, "1000,1001: other users who may order");
  line.from_environment(app, *uids->delimiter(',')->check(whole(0, 4'294'967'294)), "OPENEXEC_ADMIN_UIDS");
}

void add_ledger_flags(CLI::App& app, Settings& settings) {
  app.add_option("--db-url", settings.db_url,
                 "the ledger: sqlite:///file.db, sqlite:////absolute/file.db or sqlite:// "
                 "for memory; names are percent-encoded [OPENEXEC_DB_URL, else sqlite:///openexec.db]");
  app.add_flag("--ledger-must-exist", settings.ledger.must_exist,
               "refuse to start where there is no ledger, so that a mistyped name does not begin with an empty one");
  app.add_flag(
      "--unsafe-file-system", settings.ledger.unsafe_file_system,
      "RISK: open a ledger on NFS, SMB, FUSE, virtiofs or 9p, where two services may hold the lock at once and "
      "run everything twice");
  app.add_option("--log-origin", settings.ledger.log.origin,
                 "the log's name, which no other log has [OPENEXEC_LOG_ORIGIN, else one made from its key]");
  app.add_option("--log-anchor", settings.ledger.log.anchor,
                 "file that holds the newest checkpoint, so that a ledger that was set back is found out "
                 "[OPENEXEC_LOG_ANCHOR]");
}

void add_handler_flags(CLI::App& app, Settings& settings) {
  ServiceOptions& service = settings.service;
  app.add_option("--handlers", settings.handlers, "JSON file that gives actions to commands [OPENEXEC_HANDLERS]");
  app.add_option_function<std::string>(
         "--idempotency-key", [&service](const std::string& how) { service.ignore_idempotency_key = how == "ignore"; },
         "use: the header may stand in for a nonce; ignore: only the body names one, for gateways that add a header of "
         "their own")
      ->check(CLI::IsMember({"use", "ignore"}))
      ->default_str("use");
  app.add_option("--metrics-listen", settings.metrics_listen,
                 "127.0.0.1:9464: numeric address and port for GET /metrics, and nothing else [none]");
}

void add_limit_flags(CLI::App& app, Settings& settings) {
  ServiceOptions& service = settings.service;
  Limits& limits = settings.limits;
  app.add_option("--max-refusals-per-second", limits.max_refusals_per_second,
                 "refusals that get an entry of their own; more are 429, and counted in one entry")
      ->check(whole(0, many))
      ->capture_default_str();
  app.add_option("--max-replays-per-second", limits.max_replays_per_second,
                 "replays of one execution that get an entry of their own; more are answered, and counted in one entry")
      ->check(whole(0, many))
      ->capture_default_str();
  app.add_option("--workers", service.workers, "executions at once")->check(whole(1, many))->capture_default_str();
  app.add_option("--queue", service.queue, "executions that wait for a worker; more are 429")
      ->check(whole(0, many))
      ->capture_default_str();
  app.add_option("--max-connections", service.max_connections, "clients at once; more are 503")
      ->check(whole(1, many))
      ->capture_default_str();
  app.add_option_function<std::size_t>(
         "--body-limit",
         [&service, &limits](std::size_t bytes) { service.body_limit = limits.request.max_bytes = bytes; },
         "bytes of a request; more are 413 [1 MiB]")
      ->check(whole(1, std::uint64_t{1} << 30));
  app.add_option("--large-body-budget", service.large_body_budget,
                 "bytes of bodies over 64 KiB that are executed at once; more wait, then 429")
      ->check(whole(1, std::uint64_t{1} << 40))
      ->capture_default_str();
}

void add_duration_flags(CLI::App& app, ServiceOptions& service) {
  const auto add_duration = [&](const char* name, std::chrono::milliseconds& value, const char* what) {
    app.add_option_function<std::int64_t>(
           name, [&value](std::int64_t ms) { value = std::chrono::milliseconds(ms); }, what)
        ->check(whole(1, std::uint64_t{1} << 31))
        ->default_str(std::to_string(value.count()));
  };
  add_duration("--idle-timeout-ms", service.idle_deadline, "for the first byte of the next request");
  add_duration("--header-timeout-ms", service.header_deadline, "for a whole header");
  add_duration("--body-timeout-ms", service.body_deadline, "for a whole body");
  add_duration("--write-timeout-ms", service.write_deadline, "for an answer to be taken");
  add_duration("--request-timeout-ms", service.request_deadline, "for a whole request; should exceed every handler's");
  add_duration("--drain-timeout-ms", service.drain_timeout, "for handlers to end after SIGTERM");
}

}  // namespace

void add_flags(terminal::CommandLine& line, Settings& settings) {
  CLI::App& app = line.app();
  app.set_version_flag("--version", std::string(version()));
  app.footer(
      "OPENEXEC_LOG_KEY holds the PEM of the log's private key. It has no flag, since a command line is public; without it the\n"
      "key is in the ledger's file NAME.log-key.");
  add_address_flags(line, settings.service);
  add_approval_flags(app, settings);
  add_admin_flags(line, settings.service);
  app.add_option("--allowed-actions", settings.allowed_actions,
                 "a,b,c: only these may run; empty: none may [OPENEXEC_ALLOWED_ACTIONS]");
  add_ledger_flags(app, settings);
  add_handler_flags(app, settings);
  add_limit_flags(app, settings);
  add_duration_flags(app, settings.service);
}

namespace {

constexpr std::string_view blanks = " \t\r\n\v\f";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// A PEM as files of variables hold it: in quotes that nobody removed, between blanks. The library reads \n as a line
/// break.
std::string pem_of(std::string_view text) {
  text = trimmed(text);
  for (const char quote : {'"', '\''})
    if (text.size() >= 2 && text.front() == quote && text.back() == quote) {
      text = trimmed(text.substr(1, text.size() - 2));
      break;
    }
  return std::string(text);
}

/// "a, b,,c" names a, b and c. Set but empty is a list of nothing: then nothing may run.
Result<std::vector<std::string>> names_of(std::string_view list) {
  std::vector<std::string> names;
  for (std::size_t number = 1; !list.empty(); ++number) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(item.size() + 1, list.size()));
    const std::string_view name = trimmed(item);
    if (name.empty()) continue;
    if (const std::string_view fault = base::action_fault(name); !fault.empty())
      return Status(Code::invalid_argument, "OPENEXEC_ALLOWED_ACTIONS (--allowed-actions): name " +
                                                std::to_string(number) + " is no action: " + std::string(fault));
    names.emplace_back(name);
  }
  return names;
}

Status understand_name(std::string_view setting, std::string_view name) {
  if (const std::string fault = terminal::given_name_fault(name); !fault.empty())
    return {Code::invalid_argument, std::string(setting).append(": ").append(fault)};
  return Status::success();
}

Status understand_metrics(Settings& settings) {
  const std::string_view text = settings.metrics_listen;
  const std::size_t colon = text.rfind(':');
  const std::string_view digits = text.substr(colon == text.npos ? 0 : colon + 1);
  std::uint16_t port = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (colon == text.npos || fault != std::errc() || end != digits.data() + digits.size())
    return {Code::invalid_argument, "--metrics-listen: must be ADDRESS:PORT, such as 127.0.0.1:9464"};
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  settings.service.metrics_host = host;
  settings.service.metrics_port = port;
  return Status::success();
}

}  // namespace

std::string with_flag(const std::string& detail) {
  constexpr std::pair<std::string_view, std::string_view> flags[] = {
      {"host", "--host"},
      {"allowed_hosts", "--allowed-hosts (OPENEXEC_ALLOWED_HOSTS)"},
      {"allowed_origins", "--allowed-origins (OPENEXEC_ALLOWED_ORIGINS)"},
      {"body_limit", "--body-limit"},
      {"max_connections", "--max-connections"},
      {"workers", "--workers"},
      {"large_body_budget", "--large-body-budget"},
      {"metrics", "--metrics-listen"},
      {"cannot", "--host, --port"},
  };
  const std::size_t end = detail.find_first_not_of("abcdefghijklmnopqrstuvwxyz_");
  for (const auto& [option, flag] : flags)
    if (detail.substr(0, end) == option) return std::string(flag) + ": " + detail;
  return detail;
}

std::string with_ledger_setting(const Settings& settings, const std::string& detail) {
  const std::string& anchor = settings.ledger.log.anchor;
  const bool of_anchor =
      detail.find("anchor") != detail.npos || (!anchor.empty() && detail.find(anchor) != detail.npos);
  if (detail.starts_with("log.key_pem")) return "OPENEXEC_LOG_KEY: " + detail;
  if (detail.starts_with("log.origin")) return "OPENEXEC_LOG_ORIGIN (--log-origin): " + detail;
  return (of_anchor ? "OPENEXEC_LOG_ANCHOR (--log-anchor), " : "") + ("OPENEXEC_DB_URL (--db-url): " + detail);
}

Status understand(Settings& settings) {
  settings.public_key = pem_of(settings.public_key);
  settings.ledger.log.key_pem = pem_of(settings.ledger.log.key_pem);
  if (!settings.metrics_listen.empty())
    if (Status status = understand_metrics(settings); !status.ok()) return status;
  if (!settings.tenant.empty())
    if (Status status = understand_name("CLAWSHIELD_TENANT_ID (--tenant)", settings.tenant); !status.ok())
      return status;
  if (Status status = understand_name("OPENEXEC_EXECUTOR (--executor)", settings.executor); !status.ok()) return status;
  if (!settings.allowed_actions) return Status::success();
  auto names = names_of(*settings.allowed_actions);
  if (names.ok()) settings.allowed = *std::move(names);
  return names.status();
}

bool is_loopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return true;
}

namespace {

std::vector<std::string> signs_of_more_than_a_trial(const Settings& settings) {
  std::vector<std::string> set;
  if (!settings.public_key.empty()) set.emplace_back("CLAWSHIELD_PUBLIC_KEY (--public-key)");
  if (!settings.tenant.empty()) set.emplace_back("CLAWSHIELD_TENANT_ID (--tenant)");
  if (!settings.handlers.empty()) set.emplace_back("OPENEXEC_HANDLERS (--handlers)");
  if (!is_loopback(settings.service.host)) set.emplace_back("--host, which is not a loopback address");
  return set;
}

}  // namespace

Result<std::string> mode_of(const Settings& settings) {
  if (settings.chosen_mode) return *settings.chosen_mode;
  if (!settings.trust_policy.empty()) return std::string("policy");
  std::string set;
  for (const std::string& name : signs_of_more_than_a_trial(settings)) set += (set.empty() ? "" : ", ") + name;
  if (set.empty()) return std::string("demo");
  return Status(Code::invalid_argument,
                "no mode is set, but this is: " + set +
                    ". Say --mode clawshield (OPENEXEC_MODE) to run what signed approvals allow, or --mode demo to run "
                    "everything without verifying it");
}

Result<bool> has_approvals(Ledger& ledger) {
  constexpr std::size_t at_once = 1000;
  for (std::uint64_t first = 0;;) {
    const auto lines = ledger.read(first, at_once);
    if (!lines.ok()) return lines.status();
    for (const LogLine& line : *lines)
      if (line.json.find(R"("approval":{)") != line.json.npos) return true;
    if (lines->empty()) return false;
    first += lines->size();
  }
}

}  // namespace openexec::daemon
