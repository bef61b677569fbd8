// SPDX-License-Identifier: Apache-2.0
#include "support/daemon.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <utility>

#include "support/vectors.hpp"

namespace openexec::test {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

int exit_code_of(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) throw std::runtime_error("cannot wait for the daemon");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string temporary_file() {
  std::string path = (std::filesystem::temp_directory_path() / "openexecd-log-XXXXXX").string();
  const int fd = ::mkstemp(path.data());
  if (fd < 0) throw std::runtime_error("cannot make a temporary file");
  ::close(fd);
  return path;
}

}  // namespace

Daemon::Daemon(const std::vector<std::string>& flags, const Environment& environment, const std::string& program)
    : log_path_(temporary_file()) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  output_ = ends[0];

  std::vector<std::string> argv{program.empty() ? OPENEXECD : program};
  argv.insert(argv.end(), flags.begin(), flags.end());
  if (std::find(flags.begin(), flags.end(), "--port") == flags.end()) argv.insert(argv.end(), {"--port", "0"});
  std::vector<std::string> env;
  for (const auto& [name, value] : environment) env.push_back(name + "=" + value);
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH"})
    if (const char* value = std::getenv(name)) env.push_back(std::string(name) + "=" + value);

  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&files, STDERR_FILENO, log_path_.c_str(), O_WRONLY | O_APPEND, 0600);
  const int error = ::posix_spawn(&pid_, argv[0].c_str(), &files, nullptr, pointers(argv).data(), pointers(env).data());
  ::posix_spawn_file_actions_destroy(&files);
  ::close(ends[1]);
  if (error != 0) throw std::runtime_error("cannot start " + argv[0]);

  constexpr std::string_view mark = "listening on http://";
  std::array<char, 4096> chunk;
  while (greeting_.find(mark) == greeting_.npos || !greeting_.ends_with('\n')) {
    const ssize_t got = ::read(output_, chunk.data(), chunk.size());
    if (got <= 0) {
      const std::string why = log();
      const int code = wait();
      ::close(output_);
      ::unlink(log_path_.c_str());
      throw std::runtime_error("openexecd ended with " + std::to_string(code) + ": " + why);
    }
    greeting_.append(chunk.data(), static_cast<std::size_t>(got));
  }
  const std::string address = greeting_.substr(greeting_.find(mark) + mark.size());
  port_ = static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

Daemon::~Daemon() {
  if (pid_ > 0) {
    if (const int code = terminate(); code != 0) {
      std::cerr << "openexecd ended with " << code << ":\n" << log();
      std::abort();
    }
  }
  ::close(output_);
  ::unlink(log_path_.c_str());
}

std::string Daemon::log() const { return read_file(log_path_); }

void Daemon::signal(int number) const { ::kill(pid_, number); }

int Daemon::wait() { return exit_code_of(std::exchange(pid_, -1)); }

int Daemon::terminate() {
  signal(SIGTERM);
  return wait();
}

Refusal refused_start(const std::vector<std::string>& flags, const Environment& environment) {
  try {
    Daemon daemon(flags, environment);
  } catch (const std::runtime_error& error) {
    const std::string text = error.what();
    constexpr std::string_view mark = "openexecd ended with ";
    if (text.starts_with(mark)) return {std::stoi(text.substr(mark.size())), text.substr(text.find(": ") + 2)};
    throw;
  }
  throw std::runtime_error("openexecd started");
}

}  // namespace openexec::test
