// SPDX-License-Identifier: Apache-2.0
// How a command ends: its exit code, and the exception that carries one with a message.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <openexec/status.hpp>

#include "commands/screen.hpp"

namespace openexec::terminal {

/// Exit codes of openexec and openexec-approve.
inline constexpr int yes = 0;     ///< confirmed, or done
inline constexpr int no = 1;      ///< refused, does not match, expired, declined
inline constexpr int cannot = 2;  ///< wrong usage, or the command could not start its work: no such file, ledger in use

/// Ends the command with a message on standard error that says what to do next.
class Stop : public std::runtime_error {
 public:
  Stop(int exit_code, const std::string& message) : std::runtime_error(message), exit_code_(exit_code) {}
  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

/// Returns the value. Ends the command with "WHAT: detail" if the result is an error.
template <class T>
T or_stop(Result<T> result, int exit_code, const std::string& what) {
  if (!result.ok()) throw Stop(exit_code, what + ": " + shown(result.status().detail()));
  return std::move(result).value();
}

/// The same with the exit code `cannot`.
template <class T>
T or_cannot(Result<T> result, const std::string& what) {
  return or_stop(std::move(result), cannot, what);
}

}  // namespace openexec::terminal
