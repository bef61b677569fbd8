// SPDX-License-Identifier: Apache-2.0
// Actions that are commands: what a handlers file says, and how it runs. POSIX; needs no Boost.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/handler.hpp>
#include <openexec/service.hpp>
#include <openexec/status.hpp>

namespace openexec::service {

struct Command {
  std::vector<std::string> argv;  ///< argv[0] is an absolute path
  std::chrono::milliseconds timeout{30'000};
  std::size_t max_output = std::size_t{64} << 10;
  std::vector<std::string> environment;         ///< "NAME=value", beside the four that describe the execution
  std::shared_ptr<const PayloadSchema> schema;  ///< null: any object
  std::uint32_t retry_none = 0;                 ///< HandlerTable::Row::retry_none
  std::vector<std::string> reconcile;           ///< says whether an interrupted execution took place; empty: not asked
  std::vector<std::string> cost;                ///< says what an execution would cost; empty: not asked
  bool log_stderr = false;                      ///< false: the command's stderr is discarded
  LogSink log;                                  ///< gets the last bytes of stderr once the command has ended
};

using Commands = std::map<std::string, Command, std::less<>>;

/// Reads a handlers file's text (see add_command_handlers in service.hpp). invalid_argument "LINE: what is wrong".
Result<Commands> parse_commands(std::string_view text);

/// Runs the command once for each call. Its process is started before the nonce is spent and waits for the claim, so
/// that a system without descriptors, processes or memory spends no nonce. Without `prepare` the handler starts the
/// process itself.
HandlerTable::Row command_row(Command command);

}  // namespace openexec::service
