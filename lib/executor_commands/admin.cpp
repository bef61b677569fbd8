// SPDX-License-Identifier: Apache-2.0
#include <pwd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/descriptor.hpp"
#include "canon/json.hpp"
#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "executor_commands/executor_commands.hpp"

namespace openexec::terminal {
namespace {

using canon::JsonObject;

constexpr std::size_t longest_answer = std::size_t{16} << 20;
constexpr time_t patience_s = 60;  // long, because an order is answered only when its entry is durable

constexpr auto footer = R"(Exit codes:
  0  done, with an entry in the log; or the status, whatever it is
  1  refused, or not made durable: the message says which
  2  wrong usage, or nobody could be asked

A halt stops every handler that has not been let through yet, outlasts restarts, and ends with a resume. A revocation is
for ever.)";

struct Options {
  std::string socket;
  std::string who;
  std::string why;
  std::string tenant;
  std::string id;
  bool json = false;
};

struct Answer {
  int status = 0;
  std::string body;
};

[[noreturn]] void nobody(const std::string& socket, std::string_view why) {
  throw Stop(cannot, "the admin socket " + shown(socket) + ": " + std::string(why));
}

Answer ask_service(const std::string& path, std::string_view line, std::string_view body) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) nobody(path, "this is no path of a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  const base::Descriptor peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{patience_s, 0};
  ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(peer.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    nobody(path, std::string(std::strerror(errno)) + "; is openexecd running with --admin-socket?");
  const std::string request = std::string(line) +
                              " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  // A listener that refuses this user answers without reading the request, so its answer is read in any case.
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t now = ::send(peer.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) break;
    sent += static_cast<std::size_t>(now);
  }
  std::string text;
  char chunk[4096];
  for (ssize_t got = 0; (got = ::recv(peer.get(), chunk, sizeof chunk, 0)) > 0 && text.size() < longest_answer;)
    text.append(chunk, static_cast<std::size_t>(got));
  constexpr std::string_view version = "HTTP/1.1 ";
  const std::size_t blank = text.find("\r\n\r\n");
  Answer answer;
  if (!text.starts_with(version) || blank == text.npos ||
      std::from_chars(text.data() + version.size(), text.data() + blank, answer.status).ec != std::errc())
    nobody(path, "no answer; whether the order was carried out is shown by openexec admin status");
  answer.body = text.substr(blank + 4);
  return answer;
}

std::string text_of(canon::View object, std::string_view name) {
  const auto value = object.is(canon::Type::object) ? object.find(name) : std::nullopt;
  return value && value->is(canon::Type::string) ? std::string(value->string()) : std::string();
}

int tell(const Answer& answer, bool json, const Console& console) {
  const bool done = answer.status == 200;
  if (json) {
    console.out << answer.body << '\n';
    return done ? yes : no;
  }
  const Result<canon::Document> document = canon::parse(answer.body);
  if (!document.ok()) throw Stop(cannot, "the answer is not JSON");
  if (done) {
    console.out << pretty(document->root()) << '\n';
    return yes;
  }
  const canon::View root = document->root();
  const auto error = root.is(canon::Type::object) ? root.find("error") : std::nullopt;
  const canon::View said = error ? *error : root;
  throw Stop(no, shown(text_of(said, "code")) + ": " + shown(text_of(said, "detail")));
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : shown(text); }

/// Shows the active controls to a person, one on each line.
int tell_status(const Answer& answer, bool json, const Console& console) {
  if (json || answer.status != 200) return tell(answer, json, console);
  const Result<canon::Document> document = canon::parse(answer.body);
  const bool object = document.ok() && document->root().is(canon::Type::object);
  const auto controls = object ? document->root().find("controls") : std::nullopt;
  const auto halted = object ? document->root().find("halted") : std::nullopt;
  const auto clock = object ? document->root().find("clock") : std::nullopt;
  if (!controls || !controls->is(canon::Type::array) || !halted || !clock)
    throw Stop(cannot, "the answer is no status");
  const Style style(console);
  const auto suspect = clock->find("suspect");
  console.out << fields(style, {{"halted", halted->boolean() ? style.bad("yes") : style.good("no")},
                                {"tenant", or_dash(text_of(document->root(), "tenant"))},
                                {"clock", suspect && suspect->boolean()
                                              ? style.bad("suspect") + ": it says " + shown(text_of(*clock, "wall")) +
                                                    ", and " + shown(text_of(*clock, "trusted")) + " is trusted"
                                              : style.good("trusted")}});
  std::vector<std::vector<std::string>> rows;
  for (const auto& [index, control] : *controls)
    rows.push_back({or_dash(text_of(control, "kind")), or_dash(text_of(control, "id")),
                    text_of(control, "tenant").empty() ? "everybody" : shown(text_of(control, "tenant")),
                    or_dash(text_of(control, "at")), or_dash(text_of(control, "who")),
                    or_dash(text_of(control, "why"))});
  if (rows.empty())
    console.out << "nothing that was ordered stands\n";
  else
    console.out << table(style, {"ORDER", "OF", "TENANT", "WHEN", "WHO", "WHY"}, rows);
  return yes;
}

std::string this_user() {
  const passwd* user = ::getpwuid(::geteuid());
  return user == nullptr || user->pw_name == nullptr ? std::string() : user->pw_name;
}

/// Throws Stop(no) if the order named another tenant than the service's. Such an order is recorded and changes nothing
/// there, so that a mistyped name would look like a halt. The order is sent before this check, since nothing may delay
/// it.
void check_tenant(const Options& options) {
  const Answer answer = ask_service(options.socket, "GET /status", {});
  const Result<canon::Document> document = canon::parse(answer.body);
  const std::string served = document.ok() ? text_of(document->root(), "tenant") : std::string();
  if (served == options.tenant) return;
  throw Stop(no, "the order is recorded for the tenant " + shown(options.tenant) +
                     ", and this service has the tenant " + or_dash(served) + ", for which nothing has changed");
}

int order(const Options& options, std::string_view target, const char* named, const Console& console) {
  const std::string who = options.who.empty() ? this_user() : options.who;
  if (who.empty()) throw Stop(cannot, "say who you are: --who NAME");
  JsonObject body;
  body.text("who", who).text("why", options.why);
  if (!options.tenant.empty()) body.text("tenant", options.tenant);
  if (named != nullptr) body.text(named, options.id);
  const int told = tell(ask_service(options.socket, "POST " + std::string(target), body.take()), options.json, console);
  if (told == yes && !options.tenant.empty()) check_tenant(options);
  return told;
}

}  // namespace

int ask_admin(const std::string& socket, std::string_view line, std::string_view body, const Console& console) {
  const Answer answer = ask_service(socket, line, body);
  if (answer.status != 200) return tell(answer, false, console);
  const Result<canon::Document> document = canon::parse(answer.body);
  const auto contradicts =
      document.ok() && document->root().is(canon::Type::object) ? document->root().find("contradicts") : std::nullopt;
  console.out << answer.body << '\n';
  return contradicts && contradicts->is(canon::Type::boolean) && contradicts->boolean() ? no : yes;
}

void add_admin(CommandLine& line) {
  CLI::App* admin =
      line.add(line.app(), "admin", "Halt, resume and revoke, through the socket of a running openexecd", footer);
  admin->require_subcommand(1);
  auto options = std::make_shared<Options>();
  const auto command = [&](const char* name, const char* what) {
    CLI::App* sub = line.add(*admin, name, what, footer);
    CLI::Option* socket = sub->add_option("--socket", options->socket, "The service's admin socket");
    line.from_environment(*sub, *socket->required(), "OPENEXEC_ADMIN_SOCKET");
    sub->add_flag("--json", options->json, "Answer in JSON");
    return sub;
  };
  const auto ordering = [&](const char* name, const char* what, const char* target, const char* named = nullptr) {
    CLI::App* sub = command(name, what);
    if (named != nullptr) sub->add_option("id", options->id, "Its id")->required();
    sub->add_option("--why", options->why, "The reason, for the log")->required();
    sub->add_option("--who", options->who, "Who orders it, for the log; else this user's name");
    sub->add_option("--tenant", options->tenant, "Whom it concerns; else everybody");
    line.on(*sub, [options, target, named, &line] { return order(*options, target, named, line.console()); });
  };
  ordering("halt", "From now on no handler starts", "/halt");
  ordering("resume", "Lift a halt", "/resume");
  ordering("revoke-approval", "An approval that counts no more, by its id", "/revoke", "approval");
  ordering("revoke-key", "A key that counts no more, by its id or fingerprint", "/revoke", "key");
  ordering("confirm-clock", "That the host's clock is right now, after it jumped or stood in the future",
           "/confirm-clock");
  line.on(*command("status", "What was ordered and stands"), [options, &line] {
    return tell_status(ask_service(options->socket, "GET /status", {}), options->json, line.console());
  });
}

}  // namespace openexec::terminal
