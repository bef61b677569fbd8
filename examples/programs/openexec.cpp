// SPDX-License-Identifier: Apache-2.0
// openexec: the command line. What its commands do is in lib/executor_commands and lib/log_commands.
#include "commands/console.hpp"
#include "demo_handlers.hpp"
#include "executor_commands/executor_commands.hpp"
#ifdef OPENEXEC_COSIGN
#include "witness_client.hpp"
#endif

int main(int argc, char** argv) {
  openexec::terminal::OpenexecParts parts;
  parts.handlers = openexec::demo_handlers;
#ifdef OPENEXEC_COSIGN
  parts.ask_witness = openexec::log_commands::post_checkpoint;
#endif
  return run_openexec(openexec::terminal::process_console(), openexec::terminal::arguments_of(argc, argv),
                      std::move(parts));
}
