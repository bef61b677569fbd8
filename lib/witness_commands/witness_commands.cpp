// SPDX-License-Identifier: Apache-2.0
#include "witness_commands/witness_commands.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>

#include <CLI/CLI.hpp>
#include <openexec/version.hpp>

#include "commands/command_line.hpp"

namespace openexec::witness_commands {
namespace {

using terminal::CommandLine;
using terminal::Console;

constexpr auto exit_codes = R"(Exit codes:
  0  it was done; a server that was told to end, did
  1  the machine: the address, the state
  2  wrong usage or settings)";

using SharedOptions = std::shared_ptr<Options>;

/// Adds a command, which like all of them needs the state.
CLI::App* add(CommandLine& line, const SharedOptions& options, const char* name, const char* what,
              int (*run)(const Options&, const Console&)) {
  CLI::App* command = line.add(line.app(), name, what, exit_codes);
  command->add_option("--state", options->state, "SQLite file: what the witness remembers")->capture_default_str();
  line.on(*command, [options, run, &line] { return run(*options, line.console()); });
  return command;
}

void add_init(CommandLine& line, const SharedOptions& options) {
  CLI::App* command = add(line, options, "init", "Make a key and an empty memory, and print the verifier key", init);
  command->add_option("--name", options->name, "The witness's name, such as example.com/witness")->required();
  command->add_option("--key", options->key, "The private key's file to make")->capture_default_str();
  CLI::Option* json = command->add_flag("--json", options->json, "Answer in JSON");
  command->add_flag("--quiet", options->quiet, "Answer with the verifier key alone")->excludes(json);
}

void add_durations(CLI::App* command, const SharedOptions& options) {
  const auto duration = [&](const char* flag, std::chrono::milliseconds& value, const char* what) {
    command
        ->add_option_function<std::int64_t>(
            flag, [&value](std::int64_t ms) { value = std::chrono::milliseconds(ms); }, what)
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 31))
        ->default_str(std::to_string(value.count()));
  };
  duration("--header-timeout-ms", options->server.header_deadline, "For the next request; its header has 5 s at most");
  duration("--body-timeout-ms", options->server.body_deadline, "For a whole body");
  duration("--write-timeout-ms", options->server.write_deadline, "For an answer to be taken");
}

void add_serve(CommandLine& line, const SharedOptions& options) {
  CLI::App* command =
      add(line, options, "serve",
          "Answer add-checkpoint over HTTP until SIGTERM; one JSON line an event on standard error", serve);
  command->add_option("--key", options->key, "The private key's file")->capture_default_str();
  command->add_option(
      "--log", options->logs,
      "A log's verifier key, name+id+key; behind a space the log's origin, where that is not the key's name");
  command->add_option("--logs", options->logs_file, "File with such logs, one a line");
  command->add_option("--host", options->server.host, "Numeric address to listen on")->capture_default_str();
  command->add_option("--port", options->server.port, "Port to listen on; 0 picks one and prints it")
      ->check([](const std::string& text) {
        std::uint16_t port = 0;
        const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
        const bool whole = fault == std::errc() && end == text.data() + text.size();
        return whole ? std::string() : std::string("must be a whole number from 0 to 65535");
      })
      ->capture_default_str();
  command
      ->add_option("--allowed-hosts", options->server.allowed_hosts,
                   "a.example,b.example: names that clients may call the witness by, besides addresses and localhost")
      ->delimiter(',');
  command->add_option("--max-connections", options->server.max_connections, "Clients at once; others get 503")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  add_durations(command, options);
}

void add_adopt_and_confirm(CommandLine& line, const SharedOptions& options) {
  CLI::App* command =
      add(line, options, "adopt",
          "Take a copy of the memory, or one that lost its write-ahead log, for the witness's own", adopt);
  command->add_option("--why", options->why, "The reason, which is recorded")->required();
  command = add(line, options, "confirm", "After adopt: say which checkpoint of a log is the newest", confirm);
  command->add_option("--log", options->log, "The log's verifier key, as serve takes it")->required();
  command
      ->add_option("--checkpoint", options->checkpoint,
                   "The newest checkpoint that anybody can show, signed by the log")
      ->required();
}

void add_show(CommandLine& line, const SharedOptions& options) {
  CLI::App* command = add(line, options, "show", "What the witness remembers, also beside a running one", show);
  command->add_flag("--json", options->json, "One JSON object a log, with its signed notes");
}

}  // namespace

int run_witness(const Console& console, const std::vector<std::string>& arguments) {
  CommandLine line(
      console,
      "OpenExec witness: cosigns a log's checkpoint only where it follows from the one before (C2SP tlog-witness).",
      "openexec-witness");
  line.app().set_version_flag("--version", std::string(version()));
  line.app().require_subcommand(1);
  line.app().footer(exit_codes);
  const auto options = std::make_shared<Options>();
  add_init(line, options);
  add_serve(line, options);
  add_adopt_and_confirm(line, options);
  add_show(line, options);
  return line.run(arguments);
}

}  // namespace openexec::witness_commands
