// SPDX-License-Identifier: Apache-2.0
// The event log of openexecd, with one JSON object on each line.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

namespace openexec::daemon {

constexpr int exit_failed = 1;    ///< a fault of the machine: the port, the ledger, a drain that did not end
constexpr int exit_settings = 2;  ///< a wrong setting, which the operator corrects

/// Takes text as it stands, with its line end. Called from any thread; must not throw.
using WriteText = std::function<void(std::string_view text)>;

class Events {
 public:
  explicit Events(WriteText write) : write_(std::move(write)) {}

  /// Writes a line of the log in one piece, so that no two lines mix. Characters that a terminal does not plainly show
  /// are escaped.
  void line(std::string_view json) const;
  /// The event `warning`: a finding that is no reason to refuse.
  void warn(std::string_view finding) const;
  /// The event `settings_refused` or, with exit_failed, `failed`. Returns the exit code. Without memory for the detail
  /// it says that memory ran out.
  int complain(std::string_view what, int exit_code) const noexcept;

 private:
  void write(std::string_view event, std::string_view detail) const;

  WriteText write_;
};

}  // namespace openexec::daemon
