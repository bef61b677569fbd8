// openexec admin: orders to a running openexecd, through its admin socket.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace openexec::terminal {

/// Adds `admin` to the program. The command that was asked for is what to run.
void add_admin(CLI::App& app, std::function<int()>& chosen);

}  // namespace openexec::terminal
