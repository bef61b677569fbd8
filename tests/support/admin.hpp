// SPDX-License-Identifier: Apache-2.0
// An openexecd with an admin socket, and ways to ask it.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <openexec/openexec.hpp>

#include "support/catch.hpp"
#include "support/http.hpp"
#include "support/parts.hpp"

namespace openexec::test {

/// A ledger, a socket, and a command that leaves a line each time it starts.
struct Place {
  explicit Place(std::vector<std::string> more = {}) : flags(std::move(more)) {
    std::ofstream(folder.file("handlers.json"))
        << R"({"mark": {"argv": ["/bin/sh", "-c", "echo x >> )" << marks() << R"(; echo '{\"done\":true}'"]}})";
    std::ofstream(marks()).flush();
    flags.insert(flags.end(),
                 {"--mode", "demo", "--db-url", "sqlite:///" + folder.file("ledger.db"), "--handlers",
                  folder.file("handlers.json"), "--admin-socket", socket(), "--workers", std::to_string(workers)});
  }
  [[nodiscard]] std::string socket() const { return folder.file("admin"); }
  [[nodiscard]] std::string marks() const { return folder.file("marks"); }
  [[nodiscard]] std::size_t started() const { return std::filesystem::file_size(marks()) / 2; }

  /// The entries of verdict `control`, oldest first.
  [[nodiscard]] std::vector<std::string> orders() const {
    auto ledger = open_ledger("sqlite:///" + folder.file("ledger.db"), {.read_only = true, .log = {}});
    REQUIRE(ledger.ok());
    std::vector<std::string> found;
    const auto lines = (*ledger)->read(0, 100'000);
    REQUIRE(lines.ok());
    for (const LogLine& line : *lines)
      if (line.json.find(R"("verdict":"control")") != line.json.npos) found.push_back(line.json);
    return found;
  }

  static constexpr std::size_t workers = 4;
  TemporaryFolder folder;
  std::vector<std::string> flags;
};

struct Said {
  int exit_code = -1;
  std::string text;
};

/// What openexec says to this line of a shell. Standard error where it is asked for.
inline Said say(const std::string& words, bool errors = false) {
  const std::string line = std::string(OPENEXEC_CLI) + " " + words + (errors ? " 2>&1 >/dev/null" : " 2>/dev/null");
  FILE* pipe = ::popen(line.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Said said;
  char chunk[4096];
  for (std::size_t got = 0; (got = std::fread(chunk, 1, sizeof chunk, pipe)) > 0;) said.text.append(chunk, got);
  const int status = ::pclose(pipe);
  said.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return said;
}

/// openexec admin, as an operator types it.
inline Said admin(const Place& place, const std::string& words, bool errors = false) {
  return say("admin " + words + " --socket '" + place.socket() + "'", errors);
}

/// What a plain client on the socket is answered: everything until it is closed, or why it could not connect.
inline std::string ask_plainly(const std::string& path, const std::string& request) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  std::string text;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    text = std::string("cannot connect: ") + std::strerror(errno);
  } else {
    (void)::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    char chunk[4096];
    for (ssize_t got = 0; (got = ::recv(fd, chunk, sizeof chunk, 0)) > 0;)
      text.append(chunk, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return text;
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

inline HttpAnswer execute(HttpClient& client, const std::string& nonce) {
  return client.post("/execute", R"({"action":"mark","nonce":")" + nonce + "\"}");
}

}  // namespace openexec::test
