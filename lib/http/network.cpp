// SPDX-License-Identifier: Apache-2.0
#include "http/network.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <thread>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "http/armed.hpp"
#include "http/connection.hpp"

namespace openexec::http {
namespace {

using boost::asio::ip::tcp;

constexpr std::size_t max_turned_away = 64;  // that are told so; beyond them a connection is closed without a word
constexpr auto sweep_interval = std::chrono::milliseconds(100);
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr auto memory_pause = std::chrono::milliseconds(10);

}  // namespace

Network::~Network() { ended_ = true; }  // connections that go with io_ settle nothing

Status Network::listen(ServerOptions options) {
  options_ = std::move(options);
  auto visitors = Visitors::make(options_.allowed_hosts, options_.allowed_origins);
  if (!visitors.ok()) return visitors.status();
  visitors_ = *std::move(visitors);
  if (options_.tls) {
    auto context = tls_context(*options_.tls);
    if (!context.ok()) return context.status();
    tls_ = *std::move(context);
  }
  if (Status status = options_.address.unix_path.empty() ? listen_on_tcp() : listen_on_unix(); !status.ok())
    return status;
  Error error;
  if (const int wakeup = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); wakeup >= 0)
    wakeup_.assign(wakeup, error);
  else
    error = Error(errno, boost::system::system_category());
  if (options_.drains_on_signals) signals_.emplace(io_);
  if (!error && signals_) signals_->add(SIGTERM, error);
  if (!error && signals_) signals_->add(SIGINT, error);
  if (error) return Status(Code::overloaded, "cannot start: " + error.message());
  return Status::success();
}

Status Network::listen_on_tcp() {
  Error error;
  const std::string& host = options_.address.host;
  const auto address = boost::asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) return Status(Code::invalid_argument, "host: not a numeric address: " + host);
  loopback_ = address.is_loopback();
  const tcp::endpoint endpoint(address, options_.address.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (!error) {
    tcp::endpoint bound;
    const Protocol::endpoint generic = acceptor_.local_endpoint(error);
    std::copy_n(reinterpret_cast<const char*>(generic.data()), std::min(generic.size(), bound.capacity()),
                reinterpret_cast<char*>(bound.data()));
    port_ = bound.port();
  }
  if (error) {
    return Status(Code::overloaded, "cannot listen on " + host + " port " + std::to_string(options_.address.port) +
                                        ": " + error.message());
  }
  ::fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC);
  return Status::success();
}

// No page and no name leads to a unix socket: Host is not compared with names there.
Status Network::listen_on_unix() try {
  unix_socket_ = std::make_unique<UnixSocket>(options_.address.unix_path, options_.address.unix_mode);
  loopback_ = false;
  Error error;
  const int own = ::fcntl(unix_socket_->fd(), F_DUPFD_CLOEXEC, 0);
  if (own < 0) return Status(Code::overloaded, "cannot listen: no descriptor is left");
  acceptor_.assign(Protocol(AF_UNIX, 0), own, error);
  if (error) return Status(Code::overloaded, "cannot listen: " + error.message());
  return Status::success();
} catch (const std::runtime_error& failed) {
  return Status(Code::invalid_argument, failed.what());
}

bool Network::checks_names() const {
  return loopback_ || visitors_.names_hosts() || (unix_socket_ == nullptr && application_.checks_names());
}

void Network::run() {
  for (;;) {
    try {
      while (!arm()) std::this_thread::sleep_for(memory_pause);
      io_.run();
      ended_ = true;
      return;
    } catch (const std::exception&) {
      // One connection's failure, most likely memory; it ended with the handler that threw. The others go on.
      application_.connection_failed();
    }
  }
}

bool Network::arm() noexcept {
  try {
    if (settled_) return true;
    if (!accepting_ && !draining()) accept();
    if (!sweeping_) sweep();
    if (!signalled_ && options_.drains_on_signals) await_signal();
    if (!waking_) {
      await_wake();
      wake();  // for what an interrupted one did not see
    }
    return true;
  } catch (const std::exception&) {
    return io_.stopped();
  }
}

void Network::accept() {
  acceptor_.async_accept([this, armed = Armed(accepting_)](Error error, Stream::Socket socket) mutable {
    armed.fired();  // arm() mends what throws from here on
    if (draining()) return;
    if (error) return accept_later();  // no descriptors left, or a connection that died: never spin on it
    take(std::move(socket));
    accept();
  });
}

void Network::accept_later() {
  pause_.expires_after(accept_pause);
  pause_.async_wait([this, armed = Armed(accepting_)](Error error) mutable {
    armed.fired();
    if (!error && !draining()) accept();
  });
}

void Network::take(Stream::Socket socket) {
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
  Error ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const auto served =
      static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                             [](const Connection* connection) { return !connection->turned_away(); }));
  const bool full = served >= options_.max_connections;
  if (full && connections_.size() - served >= max_turned_away) return;
  std::make_shared<Connection>(*this, std::move(socket), tls_.get(), full)->start();
}

void Network::enter(Connection& connection) {
  connections_.insert(&connection);
  if (!sweeping_) sweep();
}

void Network::leave(Connection& connection) {
  connections_.erase(&connection);
  settle();
}

// One timer for all deadlines: a connection only notes when its own is.
void Network::sweep() {
  if (connections_.empty()) return;
  sweeper_.expires_after(sweep_interval);
  sweeper_.async_wait([this, armed = Armed(sweeping_)](Error) mutable {
    armed.fired();
    end_late_ones();
    sweep();
  });
}

void Network::end_late_ones() {
  const auto now = std::chrono::steady_clock::now();
  for (auto each = connections_.begin(); each != connections_.end();) {
    const auto connection = (*each++)->shared_from_this();
    if (connection->deadline() <= now) connection->on_deadline();
  }
}

Deferral Network::defer(std::shared_ptr<Connection> connection, std::uint64_t ticket) {
  std::list<Deferred> one;
  Deferred& deferred = one.emplace_back();
  deferred.connection = std::move(connection);
  deferred.ticket = ticket;
  ++in_flight_;
  return Deferral(*this, std::move(one));
}

void Network::hand_back(std::list<Deferred>& one) noexcept {
  {
    const base::Lock lock(answered_mutex_);
    answered_.splice(answered_.end(), one);
  }
  wake();
}

void Network::wake() noexcept {
  const std::uint64_t one = 1;
  while (::write(wakeup_.native_handle(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Network::await_wake() {
  wakeup_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [this, armed = Armed(waking_)](Error error) mutable {
                       armed.fired();
                       if (error) return;
                       on_wake();
                       if (!settled_) await_wake();
                     });
}

void Network::on_wake() {
  std::uint64_t count = 0;
  (void)!::read(wakeup_.native_handle(), &count, sizeof count);
  for (;;) {
    std::list<Deferred> one;
    {
      const base::Lock lock(answered_mutex_);
      if (answered_.empty()) break;
      one.splice(one.begin(), answered_, answered_.begin());
    }
    --in_flight_;
    one.front().connection->answer(one.front());
    settle();
  }
  if (!draining()) return;
  Error ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  settle();
}

void Network::await_signal() {
  signals_->async_wait([this, armed = Armed(signalled_)](Error error, int) mutable {
    armed.fired();
    if (error) return;
    if (draining()) std::_Exit(EXIT_FAILURE);
    drain();
    await_signal();
  });
}

void Network::drain() noexcept {
  draining_.store(true, std::memory_order_release);
  wake();
}

// Allocates nothing: a connection's destructor comes here.
void Network::settle() {
  if (ended_ || !draining() || in_flight_ != 0 || acceptor_.is_open()) return;
  if (std::any_of(connections_.begin(), connections_.end(), [](const Connection* c) { return c->busy(); })) return;
  settled_ = true;
  for (Connection* connection : connections_) connection->close();
  sweeper_.cancel();
  Error ignored;
  if (signals_) signals_->cancel(ignored);
  wakeup_.cancel(ignored);
}

const std::string& Network::http_date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[64];
    date_.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  }
  return date_;
}

}  // namespace openexec::http
