// SPDX-License-Identifier: Apache-2.0
// A program under test as a process of its own: openexecd, told what to be by flags and environment.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace openexec::test {

using Environment = std::map<std::string, std::string>;

/// Runs openexecd, or another program that greets as it does, on a port of its own. The environment holds nothing but
/// what is given.
class Daemon {
 public:
  /// Waits for the line that names its port. Throws with what it said where it ended instead.
  explicit Daemon(const std::vector<std::string>& flags = {}, const Environment& environment = {},
                  const std::string& program = {});
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  /// Drains it where it still runs. Aborts the test where that does not end with 0, as it does not after a sanitizer's
  /// report.
  ~Daemon();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& greeting() const { return greeting_; }  ///< its standard output so far
  [[nodiscard]] std::string log() const;                                   ///< its standard error so far

  void signal(int number) const;
  /// Waits for its end: the exit code, or 128 and the signal.
  int wait();
  int terminate();  ///< SIGTERM, and wait()

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string log_path_;
  std::string greeting_;
  std::uint16_t port_ = 0;
};

/// What an openexecd says that does not start.
struct Refusal {
  int exit_code = 0;
  std::string text;  ///< standard error
};
Refusal refused_start(const std::vector<std::string>& flags, const Environment& environment = {});

}  // namespace openexec::test
