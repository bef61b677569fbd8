// SPDX-License-Identifier: Apache-2.0
// openexec admin: orders to a running openexecd, through its admin socket.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace openexec::terminal {

/// Adds `admin` to the program. The command that was asked for is what to run.
void add_admin(CLI::App& app, std::function<int()>& chosen);

/// One request to the socket, such as "GET /doubt". Prints the answer, which is JSON. Returns the exit code.
int ask_admin(const std::string& socket, std::string_view line, std::string_view body);

}  // namespace openexec::terminal
