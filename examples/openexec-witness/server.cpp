// SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <unordered_set>
#include <utility>
#include <vector>

#include "http/head.hpp"
#include "http/visitors.hpp"

namespace openexec::witness {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint32_t header_limit = 8192;
constexpr std::size_t header_chunk = 1024;
constexpr auto linger_time = std::chrono::seconds(1);
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr std::string_view add_path = "/add-checkpoint";
constexpr std::string_view health_path = "/health";

constexpr std::string_view checkpoint_path = "/HASH/checkpoint";  // as the log names it

/// The hash of an origin in the path /HASH/checkpoint (C2SP tlog-witness); empty for any other path.
std::string_view hash_in(std::string_view target) {
  constexpr std::size_t digits = 64;
  constexpr std::string_view end = "/checkpoint";
  if (target.size() != 1 + digits + end.size() || target.front() != '/' || !target.ends_with(end)) return {};
  const std::string_view hash = target.substr(1, digits);
  return hash.find_first_not_of("0123456789abcdef") == hash.npos ? hash : std::string_view();
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// Sent, and wrong; as against a client that is gone or too slow.
bool is_bad_http(error_code error) {
  return error.category() == http::make_error_code(http::error::end_of_stream).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

}  // namespace

class Connection;

struct Server::Impl {
  ServerOptions options;
  openexec::http::Visitors visitors;
  bool checks_names = true;
  std::size_t body_limit;
  Add add;
  Checkpoint checkpoint;
  Log log;
  bool ending = false;
  bool accepting = false;
  std::unordered_set<Connection*> connections;  // outlive io, whose end destroys them
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer pause{io};
  asio::signal_set signals{io, SIGTERM, SIGINT};

  Impl(const ServerOptions& chosen, std::size_t limit, Add added, Checkpoint newest, Log logged)
      : options(chosen),
        body_limit(limit),
        add(std::move(added)),
        checkpoint(std::move(newest)),
        log(std::move(logged)) {}

  ~Impl() { ending = true; }  // connections that go with io start nothing

  void accept();
  void accept_later();
  void end();
};

/// One client: its requests in order, each within its deadlines. Lives as long as an operation of it is under way.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Server::Impl& server, tcp::socket socket) : server_(server), stream_(std::move(socket)) {
    server_.connections.insert(this);
  }
  ~Connection() {
    server_.connections.erase(this);
    if (!server_.ending && !server_.accepting) server_.accept();
  }

  void read_header() {
    parser_.emplace();
    parser_->header_limit(header_limit);
    parser_->body_limit(server_.body_limit);
    writing_ = false;
    stream_.expires_after(server_.options.header_deadline);
    await_head({});
  }
  /// Unless an answer is on its way: that one leaves first.
  void end_if_idle() {
    if (!writing_) stream_.close();
  }

 private:
  /// The parser gets a header once it is whole, so that its raw bytes can be judged before.
  void await_head(error_code error) {
    const std::string_view bytes(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    const std::size_t size = openexec::http::head_size(bytes);
    if (error) return on_header(error);
    if (openexec::http::has_lone_line_feed(bytes.substr(0, size > 0 ? size : bytes.size())))
      return on_header(http::error::bad_line_ending);
    if (size == 0 && bytes.size() == buffer_.max_size()) return on_header(http::error::header_limit);
    if (size == 0) {
      const std::size_t room = std::min(header_chunk, buffer_.max_size() - bytes.size());
      return stream_.async_read_some(buffer_.prepare(room),
                                     [self = shared_from_this()](error_code failed, std::size_t got) {
                                       self->buffer_.commit(got);
                                       self->await_head(failed);
                                     });
    }
    if (openexec::http::has_folded_line(bytes.substr(0, size))) return on_header(http::error::bad_obs_fold);
    buffer_.consume(parser_->put(buffer_.data(), error));
    on_header(error);
  }

  /// A web page may neither use a name of its own that leads here, nor ask from elsewhere.
  [[nodiscard]] std::pair<int, std::string_view> visitor_fault() const {
    const auto& request = parser_->get();
    const auto host = request.find(http::field::host);
    if (server_.checks_names && host != request.end())
      if (const auto fault = server_.visitors.host_fault(view(host->value())); !fault.empty()) return {421, fault};
    const auto origins = request.equal_range(http::field::origin);
    for (auto origin = origins.first; origin != origins.second; ++origin)
      if (const auto fault = server_.visitors.origin_fault(view(origin->value())); !fault.empty()) return {403, fault};
    return {0, {}};
  }

  void on_header(error_code error) {
    began_ = std::chrono::steady_clock::now();
    keep_alive_ = false;
    served_ = {};
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
      return plain(431, "the header is too large");
    if (error == http::error::body_limit) return plain(413, "the body is too large");
    if (is_bad_http(error)) return plain(400, error.message());
    if (error) return stream_.close();

    const auto& request = parser_->get();
    served_.method = view(http::to_string(request.method()));
    if (request.version() != 11 && request.version() != 10) return plain(505, "HTTP/1.1 or HTTP/1.0");
    if (request.version() == 11 && request.count(http::field::host) != 1) return plain(400, "exactly one Host field");
    // Anything but plain chunking invites two readers to disagree on where a request ends.
    if (const auto codings = request.count(http::field::transfer_encoding); codings > 0) {
      if (request.version() == 10 || request.count(http::field::content_length) > 0)
        return plain(400, "Transfer-Encoding beside something that contradicts it");
      if (codings > 1 || !beast::iequals(request[http::field::transfer_encoding], "chunked"))
        return plain(501, "Transfer-Encoding other than chunked");
    }
    if (const auto fault = visitor_fault(); !fault.second.empty()) return plain(fault.first, fault.second);
    keep_alive_ = request.keep_alive() && parser_->is_done();  // a body that is not read ends the connection
    const std::string_view target = view(request.target());
    if (target == health_path) served_.path = health_path;
    if (target == add_path) served_.path = add_path;
    if (!hash_in(target).empty()) served_.path = checkpoint_path;
    if (served_.path.empty())
      return plain(404, "no such path; the paths are POST /add-checkpoint, GET /HASH/checkpoint, GET /health");
    const bool adds = served_.path == add_path;
    if (request.method() != (adds ? http::verb::post : http::verb::get)) {
      allow_ = adds ? "POST" : "GET";
      return plain(405, "the method is not the one of this path");
    }
    if (!request[http::field::content_encoding].empty()) return plain(415, "Content-Encoding is not understood");
    if (const auto length = parser_->content_length(); length && *length > server_.body_limit)
      return plain(413, "the body is too large");
    keep_alive_ = request.keep_alive();
    if (parser_->is_done()) return on_body({});
    if (beast::iequals(request[http::field::expect], "100-continue")) return send_continue();
    read_body();
  }

  void send_continue() {
    static constexpr std::string_view line = "HTTP/1.1 100 Continue\r\n\r\n";
    stream_.expires_after(server_.options.write_deadline);
    asio::async_write(stream_, asio::buffer(line), [self = shared_from_this()](error_code error, std::size_t) {
      if (!error) self->read_body();
    });
  }

  void read_body() {
    stream_.expires_after(server_.options.body_deadline);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, std::size_t) { self->on_body(error); });
  }

  void on_body(error_code error) {
    if (error) keep_alive_ = false;
    if (error == http::error::body_limit) return plain(413, "the body is too large");
    if (is_bad_http(error)) return plain(400, error.message());
    if (error) return stream_.close();
    if (served_.path == health_path) return respond({200, "text/plain; charset=utf-8", "ok\n"});
    if (served_.path == checkpoint_path) return respond(server_.checkpoint(hash_in(view(parser_->get().target()))));
    respond(server_.add(parser_->get().body()));
  }

  void plain(int status, std::string_view text) {
    respond({status, "text/plain; charset=utf-8", std::string(text) + "\n"});
  }

  void respond(Reply reply) {
    if (server_.ending) keep_alive_ = false;
    auto& response = response_.emplace(static_cast<http::status>(reply.status), 11);
    response.set(http::field::content_type, reply.content_type);
    response.set(http::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    if (!allow_.empty()) response.set(http::field::allow, std::exchange(allow_, {}));
    response.content_length(reply.body.size());
    response.body() = std::move(reply.body);
    response.keep_alive(keep_alive_);
    served_.status = reply.status;
    writing_ = true;
    stream_.expires_after(server_.options.write_deadline);
    http::async_write(stream_, response, [self = shared_from_this()](error_code error, std::size_t bytes) {
      self->on_written(error, bytes);
    });
  }

  void on_written(error_code error, std::size_t bytes) {
    served_.duration = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began_);
    served_.bytes_out = bytes;
    served_.delivered = !error;
    server_.log(served_);
    if (error) return stream_.close();
    if (keep_alive_ && !server_.ending) return read_header();
    linger();
  }

  // Closing with unread input would reset the connection and could take the answer with it.
  void linger() {
    error_code failed;
    stream_.socket().shutdown(tcp::socket::shutdown_send, failed);
    if (failed) return stream_.close();
    stream_.expires_after(linger_time);
    discard();
  }
  void discard() {
    stream_.async_read_some(asio::buffer(discarded_), [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->stream_.close();
      self->discard();
    });
  }

  Server::Impl& server_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{header_limit};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
  std::array<char, 4096> discarded_{};
  std::string allow_;
  Served served_;
  std::chrono::steady_clock::time_point began_{};
  bool keep_alive_ = false;
  bool writing_ = false;
};

void Server::Impl::accept() {
  accepting = !ending && connections.size() < options.max_connections;
  if (!accepting) return;
  acceptor.async_accept([this](error_code error, tcp::socket socket) {
    if (ending) return;
    if (error) return accept_later();  // no descriptors left, or a connection that died: never spin on it
    try {
      std::make_shared<Connection>(*this, std::move(socket))->read_header();
    } catch (const std::bad_alloc&) {
      return accept_later();
    }
    accept();
  });
}

void Server::Impl::accept_later() {
  pause.expires_after(accept_pause);
  pause.async_wait([this](error_code cancelled) {
    if (!cancelled) accept();
  });
}

void Server::Impl::end() {
  ending = true;
  error_code ignored;
  acceptor.close(ignored);
  pause.cancel();
  std::vector<std::shared_ptr<Connection>> open;
  for (Connection* connection : connections) open.push_back(connection->shared_from_this());
  for (const auto& connection : open) connection->end_if_idle();
  signals.async_wait([](error_code error, int) {
    if (!error) std::_Exit(EXIT_FAILURE);
  });
}

Server::Server(const ServerOptions& options, std::size_t body_limit, Add add, Checkpoint checkpoint, Log log)
    : impl_(std::make_unique<Impl>(options, body_limit, std::move(add), std::move(checkpoint), std::move(log))) {
  error_code error;
  const auto address = asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, error);
  if (error) throw std::runtime_error("--host: not a numeric address: " + options.host);
  auto visitors = openexec::http::Visitors::make(options.allowed_hosts, {});
  if (!visitors.ok()) throw std::runtime_error(visitors.status().detail());
  impl_->visitors = *std::move(visitors);
  impl_->checks_names = address.is_loopback() || impl_->visitors.names_hosts();
  const tcp::endpoint endpoint(address, options.port);
  tcp::acceptor& acceptor = impl_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    throw std::runtime_error("cannot listen on " + options.host + " port " + std::to_string(options.port) + ": " +
                             error.message());
  impl_->signals.async_wait([impl = impl_.get()](error_code failed, int) {
    if (!failed) impl->end();
  });
  impl_->accept();
}

Server::~Server() = default;

std::uint16_t Server::port() const { return impl_->acceptor.local_endpoint().port(); }

void Server::run() {
  const auto idle = [this] { return impl_->ending && impl_->connections.empty(); };
  while (!idle()) {
    try {
      // One by one, since the wait for a second signal would keep run() going for ever.
      while (!idle() && impl_->io.run_one() > 0) {
      }
    } catch (const std::exception&) {
      // One connection's failure, most likely memory; it ended with the handler that threw. The others go on.
    }
  }
}

}  // namespace openexec::witness
