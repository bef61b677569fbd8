// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server on one thread, over TCP or a unix socket, with or without TLS.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openexec/status.hpp>

#include "http/application.hpp"
#include "http/reader.hpp"

namespace openexec::http {

struct Address {
  std::string host = "127.0.0.1";  ///< numeric, or "localhost"; names are never resolved
  std::uint16_t port = 0;          ///< 0: the system picks one
  std::string unix_path = {};      ///< not empty: a unix socket, and host and port mean nothing
  mode_t unix_mode = 0600;
};

/// How long a client may take. Each runs from its start to its end, however the bytes dribble in.
struct Deadlines {
  std::chrono::milliseconds idle{75'000};  ///< until a request's first byte; above the usual balancer's 60 s
  std::chrono::milliseconds header{5'000};
  std::chrono::milliseconds body{15'000};
  std::chrono::milliseconds write{10'000};
  std::chrono::milliseconds answer{120'000};  ///< from a request's first byte to its answer
};

/// PEM files: the certificate with its chain, and its private key.
struct TlsFiles {
  std::string certificate;
  std::string key;
};

struct ServerOptions {
  Address address;
  std::vector<std::string> allowed_hosts;    ///< see Visitors
  std::vector<std::string> allowed_origins;  ///< see Visitors
  Limits limits;
  Deadlines deadlines;
  std::size_t max_connections = 512;  ///< the next is answered 503 and closed
  std::size_t max_in_flight = 1024;   ///< deferred requests; the next is answered 429
  std::optional<TlsFiles> tls;        ///< TLS 1.2 or 1.3 on every connection
  bool drains_on_signals = false;     ///< SIGTERM and SIGINT drain; a second one ends the process
};

/// An allocation may fail anywhere. It costs the request or the connection that it was for, and nothing else.
class Server {
 public:
  explicit Server(Application& application);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// invalid_argument says why the address cannot be had. May throw std::bad_alloc.
  Status listen(ServerOptions options);
  /// The server's thread: until drained and every answer has left, or stopped.
  void run();

  // Any thread.
  /// Accepts nothing more. What is deferred is still answered.
  void drain() noexcept;
  void stop();
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// How many deferred requests have no answer yet.
  [[nodiscard]] std::size_t in_flight() const noexcept;

 private:
  std::unique_ptr<Network> network_;
};

}  // namespace openexec::http
