// SPDX-License-Identifier: Apache-2.0
// openexec-witness serve: answers add-checkpoint over HTTP.
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <openexec/version.hpp>

#include "base/time.hpp"
#include "canon/json_object.hpp"
#include "commands/terminal.hpp"
#include "crypto/ed25519.hpp"
#include "witness/witness.hpp"
#include "witness_commands/witness_commands.hpp"

namespace openexec::witness_commands {
namespace {

using canon::JsonObject;
using terminal::Console;
using terminal::or_stop;
using terminal::shown;
using terminal::Stop;

/// One key a line; empty lines, and lines that begin with #, say nothing.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && line.front() != '#') lines.push_back(line);
  return lines;
}

std::vector<witness::TrustedLog> trusted_logs(const Options& options, const Console& console) {
  std::vector<std::string> texts = options.logs;
  if (!options.logs_file.empty())
    for (std::string& line : lines_of(terminal::read_input(console, options.logs_file)))
      texts.push_back(std::move(line));
  std::vector<witness::TrustedLog> logs;
  for (const std::string& text : texts)
    logs.push_back(or_stop(witness::TrustedLog::parse(text), terminal::cannot, "the log " + shown(text)));
  if (logs.empty()) throw Stop(terminal::cannot, "no log is named: give --log KEY or --logs FILE");
  return logs;
}

/// Writes one line of the log at once.
void write_log(const Console& console, JsonObject& line) { console.err << line.take() + "\n" << std::flush; }

JsonObject event(std::string_view name) {
  JsonObject line;
  line.text("time", base::format_time(now())).text("event", name);
  return line;
}

void log_answer(const Console& console, const witness::Answer& answer) {
  JsonObject line = event("add_checkpoint");
  line.text("answer", name(answer.kind)).text_or_null("origin", answer.origin).number("size", answer.size);
  if (!answer.detail.empty()) line.text("detail", answer.detail);
  write_log(console, line);
}

void log_request(const Console& console, const witness::Served& served) {
  JsonObject line = event("request");
  line.text_or_null("method", served.method)
      .text_or_null("path", served.path)
      .number("status", served.status)
      .number("duration_us", served.duration.count())
      .number("bytes_out", served.bytes_out)
      .boolean("delivered", served.delivered);
  write_log(console, line);
}

std::string greeting(const witness::Witness& witness, const std::string& host, std::uint16_t port) {
  std::ostringstream out;
  out.exceptions(std::ios::badbit);  // without memory the start fails: half a greeting would leave out the address
  out << "OpenExec witness " << version() << "\n  key      " << witness.verifier_key().write() << "\n";
  for (const auto& log : witness.logs()) {
    out << "  log      " << log.key.write();
    if (log.origin != log.key.name()) out << "  signs for " << shown(log.origin);
    out << "\n";
  }
  const bool v6 = host.find(':') != std::string::npos;
  out << "listening on http://" << (v6 ? "[" : "") << host << (v6 ? "]" : "") << ":" << port << "\n";
  return out.str();
}

}  // namespace

int serve(const Options& options, const Console& console) {
  auto logs = trusted_logs(options, console);
  const auto key =
      or_stop(crypto::PrivateKey::from_pem(terminal::read_input(console, options.key, terminal::Readers::owner)),
              terminal::cannot, "the key " + shown(options.key));
  auto state = or_stop(witness::State::open(options.state), machine, "the state (openexec-witness init makes it)");
  auto witness =
      or_stop(witness::Witness::make(key, std::move(logs), std::move(state)), terminal::cannot, "the settings");

  const auto add = [&](std::string_view body) {
    witness::Answer answer = witness.add_checkpoint(body, now());
    log_answer(console, answer);
    witness::Reply reply{.status = http_status(answer.kind), .body = std::move(answer.body)};
    if (answer.kind == witness::Answer::Kind::conflict) reply.content_type = "text/x.tlog.size";
    return reply;
  };
  const auto checkpoint = [&](std::string_view origin_hash) {
    witness::Answer answer = witness.checkpoint(origin_hash);
    return witness::Reply{.status = http_status(answer.kind), .body = std::move(answer.body)};
  };
  const auto log = [&](const witness::Served& served) { log_request(console, served); };
  try {
    witness::Server server(options.server, witness::max_request_bytes, add, checkpoint, log);
    if (const Status status = server.listen(); !status.ok()) throw Stop(machine, shown(status.detail()));
    console.out << greeting(witness, options.server.host, server.port()) << std::flush;
    server.run();
  } catch (const std::runtime_error& failed) {
    throw Stop(machine, failed.what());
  }
  return terminal::yes;
}

}  // namespace openexec::witness_commands
