// SPDX-License-Identifier: Apache-2.0
// openexec demo: what OpenExec promises, shown in a scratch folder.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace openexec::terminal {

/// Adds `demo` to the program. The command that was asked for is what to run.
void add_demo(CLI::App& app, std::function<int()>& chosen);

}  // namespace openexec::terminal
