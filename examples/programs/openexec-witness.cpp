// SPDX-License-Identifier: Apache-2.0
// openexec-witness: cosigns the checkpoints of logs that only grow. What it does is in lib/witness_commands.
#include <csignal>

#include "commands/console.hpp"
#include "witness_commands/witness_commands.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that is gone is an error of the write, and not the end
  return openexec::witness_commands::run_witness(openexec::terminal::process_console(),
                                                 openexec::terminal::arguments_of(argc, argv));
}
