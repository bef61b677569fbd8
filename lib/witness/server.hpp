// SPDX-License-Identifier: Apache-2.0
// A witness over HTTP: one thread, three paths, everything bounded.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/status.hpp>

namespace openexec::witness {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5100;
  /// Host names that clients may use for the witness, besides addresses and localhost. The server checks them if it
  /// listens on a loopback address, and on any other address if the list is not empty.
  std::vector<std::string> allowed_hosts;
  std::size_t max_connections = 256;                  ///< the next is answered 503 and closed
  std::chrono::milliseconds header_deadline{30'000};  ///< for the next request's first byte; its header has at most 5 s
  std::chrono::milliseconds body_deadline{10'000};
  std::chrono::milliseconds write_deadline{10'000};
};

struct Reply {
  int status = 503;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// How a request ended, for the log.
struct Served {
  std::string_view method;
  std::string_view path;  ///< a path of this server, else empty, since a client may send any text as a path
  int status = 0;
  std::chrono::microseconds duration{0};
  std::size_t bytes_out = 0;
  bool delivered = false;
};

class Server {
 public:
  /// Answers a POST to /add-checkpoint from its body. Must not throw.
  using Add = std::function<Reply(std::string_view body)>;
  /// Answers a GET of /HASH/checkpoint. Must not throw.
  using Checkpoint = std::function<Reply(std::string_view origin_hash)>;
  using Log = std::function<void(const Served&)>;

  Server(const ServerOptions& options, std::size_t body_limit, Add add, Checkpoint checkpoint, Log log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Listens on the address. Returns invalid_argument with the reason if it cannot.
  Status listen();
  [[nodiscard]] std::uint16_t port() const;
  /// Serves until SIGTERM or SIGINT, and then until the answers under way are sent. A second signal ends the process.
  void run();

 private:
  class Paths;
  std::unique_ptr<Paths> paths_;
};

}  // namespace openexec::witness
