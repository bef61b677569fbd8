// SPDX-License-Identifier: Apache-2.0
// The program openexec and its commands, except those for the log. Each command adds itself to the command line, and
// the one that the arguments name runs.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/handler.hpp>

#include "commands/command_line.hpp"
#include "log_commands/log_commands.hpp"

namespace openexec::terminal {

/// Exit code of `receipt verify` if it could not start to verify. The codes 0, 1 and 2 are answers to an auditor. They
/// mean pass, fail and incomplete, and of several receipts the worst decides.
inline constexpr int evidence_cannot = 3;

/// Makes the handlers that `execute` runs.
using MakeHandlers = std::function<HandlerTable()>;

void add_hash(CommandLine& line);
void add_canon(CommandLine& line);
void add_verify_receipt(CommandLine& line);
void add_receipt(CommandLine& line);
void add_execute(CommandLine& line, MakeHandlers handlers);
void add_admin(CommandLine& line);
void add_doubt(CommandLine& line);
void add_demo(CommandLine& line);

/// Sends one request to the admin socket, such as "GET /doubt", and prints the answer, which is JSON. Returns the exit
/// code.
int ask_admin(const std::string& socket, std::string_view line, std::string_view body, const Console& console);

/// The parts that main() gives to the program.
struct OpenexecParts {
  MakeHandlers handlers;                 ///< must be callable
  log_commands::AskWitness ask_witness;  ///< empty: there is no `log cosign`
};

/// The program openexec. Returns its exit code.
int run_openexec(const Console& console, const std::vector<std::string>& arguments, OpenexecParts parts);

}  // namespace openexec::terminal
