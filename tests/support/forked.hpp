// SPDX-License-Identifier: Apache-2.0
// A run of an attack in a process of its own.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <utility>

namespace openexec::test {

/// Runs `life` in a child, whose exit code it returns. Returns the child's wait status, and adds to `said` what it wrote
/// to standard error. The child does not return to the test.
template <class Life>
int run_forked(std::string& said, Life&& life) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) throw std::runtime_error("no pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[1], STDERR_FILENO);
    ::close(pipe[0]);
    ::close(pipe[1]);
    ::_exit(std::forward<Life>(life)());
  }
  ::close(pipe[1]);
  std::array<char, 4096> chunk{};
  for (ssize_t got = 0; (got = ::read(pipe[0], chunk.data(), chunk.size())) > 0;)
    said.append(chunk.data(), static_cast<std::size_t>(got));
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace openexec::test
