// SPDX-License-Identifier: Apache-2.0
#include "commands/console.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace openexec::terminal {

std::vector<std::string> arguments_of(int argc, const char* const* argv) {
  return argc < 1 ? std::vector<std::string>() : std::vector<std::string>(argv + 1, argv + argc);
}

Console process_console() {
  return {.out = std::cout,
          .err = std::cerr,
          .out_descriptor = STDOUT_FILENO,
          .err_descriptor = STDERR_FILENO,
          .in_descriptor = STDIN_FILENO,
          .terminal = "/dev/tty",
          .environment = [](const char* name) -> std::optional<std::string> {
            const char* value = std::getenv(name);
            return value == nullptr ? std::nullopt : std::optional<std::string>(value);
          }};
}

}  // namespace openexec::terminal
