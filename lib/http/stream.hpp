// SPDX-License-Identifier: Apache-2.0
// The bytes of one connection: a socket, or TLS over it. What is written above it does not know which.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <openexec/status.hpp>

#include "http/server.hpp"

namespace openexec::http {

/// TCP or a unix socket.
using Protocol = boost::asio::generic::stream_protocol;

class Stream {
 public:
  using Socket = Protocol::socket;

  /// `tls`: null for none. It must outlive the stream.
  Stream(Socket socket, boost::asio::ssl::context* tls) : socket_(std::move(socket)) {
    if (tls != nullptr) tls_.emplace(socket_, *tls);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] bool is_tls() const { return tls_.has_value(); }
  [[nodiscard]] Socket& socket() { return socket_; }

  /// Precondition: is_tls().
  template <class Handler>
  void async_handshake(Handler handler) {
    tls_->async_handshake(boost::asio::ssl::stream_base::server, std::move(handler));
  }
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler handler) {
    if (tls_) return tls_->async_read_some(buffers, std::move(handler));
    socket_.async_read_some(buffers, std::move(handler));
  }
  template <class Buffers, class Handler>
  void async_write(const Buffers& buffers, Handler handler) {
    if (tls_) return boost::asio::async_write(*tls_, buffers, std::move(handler));
    boost::asio::async_write(socket_, buffers, std::move(handler));
  }
  /// Says that nothing more is sent. Precondition: is_tls().
  template <class Handler>
  void async_shutdown(Handler handler) {
    tls_->async_shutdown(std::move(handler));
  }

 private:
  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

/// Reads certificate and key. invalid_argument names the file that cannot serve.
Result<std::unique_ptr<boost::asio::ssl::context>> tls_context(const TlsFiles& files);

}  // namespace openexec::http
