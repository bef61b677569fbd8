// SPDX-License-Identifier: Apache-2.0
// The program openexec-witness: cosigns the checkpoints of logs that only grow. Holds a key and a memory, and no executor
// code.
#pragma once

#include <string>
#include <vector>

#include <openexec/clock.hpp>

#include "commands/console.hpp"
#include "witness/server.hpp"

namespace openexec::witness_commands {

inline constexpr int machine = 1;  ///< exit code: the address, the state

/// What the arguments say, of whichever command.
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

Timestamp now();

int init(const Options& options, const terminal::Console& console);
int serve(const Options& options, const terminal::Console& console);
int adopt(const Options& options, const terminal::Console& console);
int confirm(const Options& options, const terminal::Console& console);
int show(const Options& options, const terminal::Console& console);

/// The program openexec-witness. Returns its exit code.
int run_witness(const terminal::Console& console, const std::vector<std::string>& arguments);

}  // namespace openexec::witness_commands
