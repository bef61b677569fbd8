// SPDX-License-Identifier: Apache-2.0
// openexecd: the boundary as a service. What it does is in lib/daemon; here is what it needs of its process.
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <new>
#include <string_view>

#include "commands/console.hpp"
#include "daemon/daemon.hpp"
#include "demo_handlers.hpp"

namespace {

/// A closed output is no failure.
void write_all(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

openexec::daemon::Signal next_signal(const sigset_t& set) noexcept {
  int signal = 0;
  (void)::sigwait(&set, &signal);  // fails for a malformed set alone
  return signal == SIGHUP ? openexec::daemon::Signal::reload : openexec::daemon::Signal::end;
}

}  // namespace

int main(int argc, char** argv) try {
#ifdef __GLIBC__
  // What a large request is read into goes back to the system when it is freed, and is not kept for each thread.
  ::mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);  // the parent process may have ignored it, and commands must be waited for
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread, for sigwait
  const openexec::daemon::Host host{.out = [](std::string_view text) { write_all(STDOUT_FILENO, text); },
                                    .log = [](std::string_view text) { write_all(STDERR_FILENO, text); },
                                    .environment = openexec::terminal::process_console().environment,
                                    .next_signal = [&signals] { return next_signal(signals); },
                                    .let_signals_end = [&] { ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr); },
                                    .end_at_once = [](int exit_code) { std::_Exit(exit_code); },
                                    .demo = openexec::demo_handlers};
  return run_openexecd(host, openexec::terminal::arguments_of(argc, argv));
} catch (const std::bad_alloc&) {
  return openexec::daemon::exit_failed;
}
