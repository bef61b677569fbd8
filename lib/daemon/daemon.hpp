// SPDX-License-Identifier: Apache-2.0
// The program openexecd: reads its settings, assembles an executor, and serves it until it is told to end.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <openexec/handler.hpp>

#include "commands/console.hpp"
#include "daemon/events.hpp"

namespace openexec::daemon {

enum class Signal { reload, end };

/// The functions that openexecd needs from the process that runs it. All must be callable.
struct Host {
  WriteText out;  ///< standard output, not through its stream, whose buffers lose a text if memory runs out
  WriteText log;  ///< standard error
  terminal::Environment environment;
  std::function<Signal()> next_signal;    ///< waits for the operator
  std::function<void()> let_signals_end;  ///< from now on a second signal ends the process at once
  std::function<void(int)> end_at_once;   ///< ends the process even if handlers run
  std::function<HandlerTable()> demo;     ///< the demonstration handlers
};

/// The program openexecd. Returns its exit code.
int run_openexecd(const Host& host, const std::vector<std::string>& arguments) noexcept;

}  // namespace openexec::daemon
