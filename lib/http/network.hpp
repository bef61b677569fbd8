// SPDX-License-Identifier: Apache-2.0
// Inside of a server: what its connections share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/mutex.hpp"
#include "http/application.hpp"
#include "http/server.hpp"
#include "http/stream.hpp"
#include "http/unix_socket.hpp"
#include "http/visitors.hpp"

namespace openexec::http {

/// Everything but the constructor, listen(), run(), and what says otherwise belongs to the server's thread.
///
/// An allocation may fail anywhere. It costs the request or the connection that it was for, and nothing else:
///   1. What throws on the server's thread ends in run(), which arms again whatever is no longer armed (accepting, the
///      deadlines, the wake-up) before it goes on.
///   2. A worker hands its answer back without allocating: the request moves from one list to another, and an eventfd
///      wakes the server's thread.
class Network {
 public:
  explicit Network(Application& application) : application_(application) {}
  ~Network();

  Status listen(ServerOptions options);
  void run();

  // Any thread.
  void drain() noexcept;
  void stop() { io_.stop(); }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool draining() const noexcept { return draining_.load(std::memory_order_acquire); }
  void hand_back(std::list<Deferred>& one) noexcept;

  [[nodiscard]] Application& application() { return application_; }
  [[nodiscard]] const ServerOptions& options() const { return options_; }
  [[nodiscard]] const Visitors& visitors() const { return visitors_; }
  [[nodiscard]] bool checks_names() const;
  [[nodiscard]] const std::string& http_date();

  void enter(Connection& connection);
  void leave(Connection& connection);
  Deferral defer(std::shared_ptr<Connection> connection, std::uint64_t ticket);
  /// While draining: ends the connections that wait for nothing, once no answer is on its way any more.
  void settle();

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<Protocol>;
  using Error = boost::system::error_code;

  Status listen_on_tcp();
  Status listen_on_unix();
  /// Arms what is not armed. Returns false if memory is short.
  bool arm() noexcept;
  void accept();
  void accept_later();
  void take(Stream::Socket socket);
  void sweep();
  void end_late_ones();
  /// Wakes the server's thread. From any thread.
  void wake() noexcept;
  void await_wake();
  void on_wake();
  void await_signal();

  Application& application_;
  ServerOptions options_;
  Visitors visitors_;
  bool loopback_ = true;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> in_flight_{0};
  std::atomic<bool> draining_{false};
  std::string date_;
  std::int64_t date_second_ = -1;
  std::unique_ptr<UnixSocket> unix_socket_;
  std::unique_ptr<boost::asio::ssl::context> tls_;

  // These outlive io_, whose end destroys connections.
  std::unordered_set<Connection*> connections_;
  bool accepting_ = false;  // these four: Armed
  bool sweeping_ = false;
  bool waking_ = false;
  bool signalled_ = false;
  boost::asio::io_context io_{1};
  Acceptor acceptor_{io_};
  boost::asio::steady_timer sweeper_{io_};
  boost::asio::steady_timer pause_{io_};
  boost::asio::posix::stream_descriptor wakeup_{io_};  ///< an eventfd
  /// Only of a server that drains on signals: if there is no memory to make one, Asio's list of all of a process keeps
  /// a pointer to what is gone, and a host may try again.
  std::optional<boost::asio::signal_set> signals_;

  bool settled_ = false;  ///< drained: nothing is armed again
  bool ended_ = false;

  base::Mutex answered_mutex_;  ///< guards the list, not what is in it
  std::list<Deferred> answered_ OPENEXEC_GUARDED_BY(answered_mutex_);
};

}  // namespace openexec::http
