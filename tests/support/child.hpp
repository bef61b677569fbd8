// SPDX-License-Identifier: Apache-2.0
// Processes that a test forks, asks and kills.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

namespace openexec::test {

/// A forked process. It runs `life` with a function that sends text to the test, and is killed at the end.
class Child {
 public:
  template <class Life>
  explicit Child(Life&& life) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ < 0) std::abort();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a child of a child that is killed goes with it
      ::close(ends[0]);
      life([&](const std::string& said) {
        if (::write(ends[1], (said + "\n").data(), said.size() + 1) != static_cast<ssize_t>(said.size() + 1))
          ::_exit(1);
      });
      ::_exit(0);
    }
    ::close(ends[1]);
    said_ = ends[0];
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    kill();
    ::close(said_);
  }

  /// The next line that the process sends, or what there is of it where the process ended.
  std::string line() {
    std::string line;
    for (char next = 0; ::read(said_, &next, 1) == 1 && next != '\n';) line += next;
    return line;
  }
  /// Waits for its end. Returns the status of waitpid().
  int wait() {
    int status = 0;
    if (pid_ > 0) ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }
  /// What it has said until then can still be read.
  void kill() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    wait();
  }

 private:
  pid_t pid_ = -1;
  int said_ = -1;
};

}  // namespace openexec::test
