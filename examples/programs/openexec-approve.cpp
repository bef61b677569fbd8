// SPDX-License-Identifier: Apache-2.0
// openexec-approve: the governance side. What it does is in lib/approver_commands; it links no executor code.
#include "approver_commands/approver_commands.hpp"
#include "commands/console.hpp"

int main(int argc, char** argv) {
  return openexec::terminal::run_approve(openexec::terminal::process_console(),
                                         openexec::terminal::arguments_of(argc, argv));
}
