// SPDX-License-Identifier: Apache-2.0
// openexec-witness: cosigns the checkpoints of logs that only grow. Holds a key and a memory, and no executor code.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <openexec/version.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "canon/json_object.hpp"
#include "crypto/ed25519.hpp"
#include "merkle/note.hpp"
#include "server.hpp"
#include "terminal.hpp"
#include "witness/witness.hpp"

namespace {

using namespace openexec;
using canon::JsonObject;
using terminal::shown;
using terminal::Stop;
using terminal::Style;

constexpr auto exit_codes = R"(Exit codes:
  0  it was done; a server that was told to end, did
  1  the machine: the address, the state
  2  wrong usage or settings)";
constexpr int machine = 1;

struct Options {
  std::string name;
  std::string key = "witness.key.pem";
  std::string state = "witness.db";
  std::vector<std::string> logs;
  std::string logs_file;
  std::string why;
  std::string log;
  std::string checkpoint;
  bool json = false;
  bool quiet = false;
  witness::ServerOptions server;
};

template <class T>
T or_stop(Result<T> result, int exit_code, const std::string& what) {
  if (!result.ok()) throw Stop(exit_code, what + ": " + shown(result.status().detail()));
  return std::move(result).value();
}

Timestamp now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}

// init

/// The key and the memory are made together: a key that has lost its memory could sign a second history.
int init(const Options& options) {
  const auto key = or_stop(crypto::PrivateKey::generate(), machine, "the key");
  const auto cosigner = or_stop(merkle::Cosigner::make(options.name, key), terminal::cannot, "--name");
  const std::string verifier_key = cosigner.verifier_key().write();
  if (const Status made = witness::State::create(options.state, verifier_key); !made.ok())
    throw Stop(terminal::cannot, "the state: " + shown(made.detail()));
  try {
    terminal::write_new_file(options.key, or_stop(key.to_pem(), machine, "the key"), 0600);
  } catch (...) {
    ::unlink(options.state.c_str());  // nobody's memory
    throw;
  }
  if (options.quiet) {
    std::cout << verifier_key << '\n';
  } else if (options.json) {
    std::cout
        << JsonObject().text("verifier_key", verifier_key).text("key", options.key).text("state", options.state).take()
        << '\n';
  } else {
    std::cout << terminal::fields(Style(STDOUT_FILENO),
                                  {{"verifier key", verifier_key + "\n(give it to those who rely on this witness)"},
                                   {"private key", shown(options.key) + "  (mode 0600)"},
                                   {"state", shown(options.state) + "  (never restore an older copy of it)"}});
  }
  return terminal::yes;
}

// serve

/// One key a line; empty lines, and lines that begin with #, say nothing.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && line.front() != '#') lines.push_back(line);
  return lines;
}

std::vector<witness::TrustedLog> trusted_logs(const Options& options) {
  std::vector<std::string> texts = options.logs;
  if (!options.logs_file.empty())
    for (std::string& line : lines_of(terminal::read_input(options.logs_file))) texts.push_back(std::move(line));
  std::vector<witness::TrustedLog> logs;
  for (const std::string& text : texts)
    logs.push_back(or_stop(witness::TrustedLog::parse(text), terminal::cannot, "the log " + shown(text)));
  if (logs.empty()) throw Stop(terminal::cannot, "no log is named: give --log KEY or --logs FILE");
  return logs;
}

/// Whole lines, so that nobody's are mixed.
void write_log(JsonObject& line) {
  const std::string text = line.take() + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

JsonObject event(std::string_view name) {
  JsonObject line;
  line.text("time", base::format_time(now())).text("event", name);
  return line;
}

void log_answer(const witness::Answer& answer) {
  JsonObject line = event("add_checkpoint");
  line.text("answer", name(answer.kind)).text_or_null("origin", answer.origin).number("size", answer.size);
  if (!answer.detail.empty()) line.text("detail", answer.detail);
  write_log(line);
}

void log_request(const witness::Served& served) {
  JsonObject line = event("request");
  line.text_or_null("method", served.method)
      .text_or_null("path", served.path)
      .number("status", served.status)
      .number("duration_us", served.duration.count())
      .number("bytes_out", served.bytes_out)
      .boolean("delivered", served.delivered);
  write_log(line);
}

int serve(const Options& options) {
  auto logs = trusted_logs(options);
  const auto key = or_stop(crypto::PrivateKey::from_pem(terminal::read_input(options.key, terminal::Readers::owner)),
                           terminal::cannot, "the key " + shown(options.key));
  auto state = or_stop(witness::State::open(options.state), machine, "the state (openexec-witness init makes it)");
  auto witness =
      or_stop(witness::Witness::make(key, std::move(logs), std::move(state)), terminal::cannot, "the settings");

  const auto add = [&](std::string_view body) {
    witness::Answer answer = witness.add_checkpoint(body, now());
    log_answer(answer);
    witness::Reply reply{.status = http_status(answer.kind), .body = std::move(answer.body)};
    if (answer.kind == witness::Answer::Kind::conflict) reply.content_type = "text/x.tlog.size";
    return reply;
  };
  const auto checkpoint = [&](std::string_view origin_hash) {
    witness::Answer answer = witness.checkpoint(origin_hash);
    return witness::Reply{.status = http_status(answer.kind), .body = std::move(answer.body)};
  };
  try {
    witness::Server server(options.server, witness::max_request_bytes, add, checkpoint, log_request);
    std::ostringstream out;
    out.exceptions(std::ios::badbit);  // without memory the start fails: half a greeting would leave out the address
    out << "OpenExec witness " << version() << "\n  key      " << witness.verifier_key().write() << "\n";
    for (const auto& log : witness.logs()) {
      out << "  log      " << log.key.write();
      if (log.origin != log.key.name()) out << "  signs for " << shown(log.origin);
      out << "\n";
    }
    const bool v6 = options.server.host.find(':') != std::string::npos;
    out << "listening on http://" << (v6 ? "[" : "") << options.server.host << (v6 ? "]" : "") << ":" << server.port()
        << "\n";
    std::cout << out.str() << std::flush;
    server.run();
  } catch (const std::runtime_error& failed) {
    throw Stop(machine, failed.what());
  }
  return terminal::yes;
}

// adopt, confirm

int adopt(const Options& options) {
  if (const Status adopted = witness::State::adopt(options.state, options.why, now()); !adopted.ok())
    throw Stop(machine, "the state: " + shown(adopted.detail()));
  std::cout
      << "adopted " << shown(options.state)
      << "\nNo log is cosigned until openexec-witness confirm has named the newest checkpoint of it that anybody can "
         "show.\n";
  return terminal::yes;
}

/// The checkpoint is believed as the newest, since its log signed it and the operator brings it.
int confirm(const Options& options) {
  const auto log = or_stop(witness::TrustedLog::parse(options.log), terminal::cannot, "the log " + shown(options.log));
  const std::string note = terminal::read_input(options.checkpoint);
  const auto opened = or_stop(merkle::open_note(note, {&log.key, 1}), terminal::cannot, "the checkpoint");
  const auto checkpoint = or_stop(merkle::Checkpoint::parse(opened.text), terminal::cannot, "the checkpoint");
  if (checkpoint.origin != log.origin) throw Stop(terminal::cannot, "the checkpoint: it is of another log");
  auto state = or_stop(witness::State::open(options.state), machine, "the state");
  if (const Status confirmed = state.confirm({checkpoint.origin, checkpoint.head, note, now(), {}}); !confirmed.ok())
    throw Stop(terminal::cannot, "the state: " + shown(confirmed.detail()));
  std::cout << "confirmed " << shown(checkpoint.origin) << " at size " << checkpoint.head.size << "\n";
  return terminal::yes;
}

// show

int show(const Options& options) {
  auto state = or_stop(witness::State::open_read_only(options.state), machine, "the state");
  const auto all = or_stop(state.all(), machine, "the state");
  const Style style(STDOUT_FILENO);
  std::vector<std::vector<std::string>> rows;
  for (const witness::Remembered& log : all) {
    if (options.json) {
      std::cout << JsonObject()
                       .text("origin", log.origin)
                       .number("size", log.head.size)
                       .text("root", to_hex(log.head.root))
                       .text("time", base::format_time(log.at))
                       .text("checkpoint", log.checkpoint)
                       .text_or_null("conflict", log.conflict)
                       .take()
                << '\n';
    } else {
      rows.push_back({shown(log.origin), std::to_string(log.head.size), to_hex(log.head.root).substr(0, 16),
                      base::format_time(log.at),
                      log.conflict.empty() ? style.good("none") : style.bad("SPLIT VIEW, see --json")});
    }
  }
  if (options.json) return terminal::yes;
  std::cout << terminal::fields(style, {{"verifier key", state.verifier_key()}});
  std::cout << terminal::table(style, {"ORIGIN", "SIZE", "ROOT", "TIME", "CONFLICT"}, rows);
  return terminal::yes;
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  CLI::App app(
      "OpenExec witness: cosigns a log's checkpoint only where it follows from the one before (C2SP tlog-witness).",
      "openexec-witness");
  app.set_version_flag("--version", std::string(version()));
  app.require_subcommand(1);
  app.footer(exit_codes);
  Options options;

  const auto command = [&](const char* name, const char* what) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->footer(exit_codes);
    sub->add_option("--state", options.state, "SQLite file: what the witness remembers")->capture_default_str();
    return sub;
  };
  CLI::App* init_command = command("init", "Make a key and an empty memory, and print the verifier key");
  init_command->add_option("--name", options.name, "The witness's name, such as example.com/witness")->required();
  init_command->add_option("--key", options.key, "The private key's file to make")->capture_default_str();
  CLI::Option* json = init_command->add_flag("--json", options.json, "Answer in JSON");
  init_command->add_flag("--quiet", options.quiet, "Answer with the verifier key alone")->excludes(json);

  CLI::App* serve_command =
      command("serve", "Answer add-checkpoint over HTTP until SIGTERM; one JSON line an event on standard error");
  serve_command->add_option("--key", options.key, "The private key's file")->capture_default_str();
  serve_command->add_option(
      "--log", options.logs,
      "A log's verifier key, name+id+key; behind a space the log's origin, where that is not the key's name");
  serve_command->add_option("--logs", options.logs_file, "File with such logs, one a line");
  serve_command->add_option("--host", options.server.host, "Numeric address to listen on")->capture_default_str();
  serve_command->add_option("--port", options.server.port, "Port to listen on; 0 picks one and prints it")
      ->capture_default_str();
  serve_command
      ->add_option("--allowed-hosts", options.server.allowed_hosts,
                   "a.example,b.example: names that clients may call the witness by, besides addresses and localhost")
      ->delimiter(',');
  serve_command->add_option("--max-connections", options.server.max_connections, "Clients at once; more wait")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();

  const auto duration = [&](const char* flag, std::chrono::milliseconds& value, const char* what) {
    serve_command
        ->add_option_function<std::int64_t>(
            flag, [&value](std::int64_t ms) { value = std::chrono::milliseconds(ms); }, what)
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 31))
        ->default_str(std::to_string(value.count()));
  };
  duration("--header-timeout-ms", options.server.header_deadline, "For the next request and its whole header");
  duration("--body-timeout-ms", options.server.body_deadline, "For a whole body");
  duration("--write-timeout-ms", options.server.write_deadline, "For an answer to be taken");

  CLI::App* adopt_command =
      command("adopt", "Take a copy of the memory, or one that lost its write-ahead log, for the witness's own");
  adopt_command->add_option("--why", options.why, "The reason, which is recorded")->required();
  CLI::App* confirm_command = command("confirm", "After adopt: say which checkpoint of a log is the newest");
  confirm_command->add_option("--log", options.log, "The log's verifier key, as serve takes it")->required();
  confirm_command
      ->add_option("--checkpoint", options.checkpoint, "The newest checkpoint that anybody can show, signed by the log")
      ->required();

  CLI::App* show_command = command("show", "What the witness remembers, also beside a running one");
  show_command->add_flag("--json", options.json, "One JSON object a log, with its signed notes");

  return terminal::run(app, argc, argv, [&] {
    if (init_command->parsed()) return init(options);
    if (serve_command->parsed()) return serve(options);
    if (adopt_command->parsed()) return adopt(options);
    if (confirm_command->parsed()) return confirm(options);
    return show(options);
  });
}
