// SPDX-License-Identifier: Apache-2.0
// What a command may touch of the process that runs it. A test gives streams and variables of its own.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace openexec::terminal {

/// Reads a variable of the environment. Returns nullopt if it is not set. A variable that is set but empty is not the
/// same: an empty allow-list allows nothing.
using Environment = std::function<std::optional<std::string>(const char* name)>;

/// The streams must outlive the console.
struct Console {
  std::ostream& out;
  std::ostream& err;
  int out_descriptor = -1;  ///< asked whether `out` is a terminal; -1 stands for a file
  int err_descriptor = -1;  ///< the same for `err`
  int in_descriptor = -1;   ///< what the file name "-" reads
  std::string terminal;     ///< path of the terminal that questions are asked on; empty: no terminal
  Environment environment;  ///< must be callable
};

/// The arguments of main, without the program's name.
std::vector<std::string> arguments_of(int argc, const char* const* argv);

/// The console of this process: its standard streams, /dev/tty, and its environment.
Console process_console();

}  // namespace openexec::terminal
