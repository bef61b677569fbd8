// SPDX-License-Identifier: Apache-2.0
#include "http/connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "http/network.hpp"

namespace openexec::http {
namespace {

namespace asio = boost::asio;
using State = Reader::State;

constexpr std::chrono::milliseconds for_ever = std::chrono::hours(24 * 365);  // keeps sums in range
constexpr auto linger_time = std::chrono::seconds(1);
constexpr std::size_t discard_chunk = 4096;
constexpr auto turned_away_time = std::chrono::seconds(1);  // for the header of a request that is turned away

/// The address of the other side; a proxy's where there is one in front.
std::string address_of(const Stream::Socket& socket) {
  boost::system::error_code error;
  const Protocol::endpoint endpoint = socket.remote_endpoint(error);
  if (error) return "gone";
  if (endpoint.protocol().family() == AF_UNIX) return "unix";
  asio::ip::tcp::endpoint peer;
  std::copy_n(reinterpret_cast<const char*>(endpoint.data()), std::min(endpoint.size(), peer.capacity()),
              reinterpret_cast<char*>(peer.data()));
  return peer.address().to_string();
}

}  // namespace

Connection::Connection(Network& network, Stream::Socket socket, asio::ssl::context* tls, bool turned_away)
    : network_(network),
      stream_(std::move(socket), tls),
      peer_(address_of(stream_.socket())),
      reader_(network.options().limits),
      turned_away_(turned_away) {}

Connection::~Connection() { network_.leave(*this); }

void Connection::start() {
  network_.enter(*this);
  // The header of a request that is turned away is read first. It says which shape the answer has, and a proxy takes an
  // answer for a breach of the protocol that comes before it has sent its request.
  if (!stream_.is_tls()) return turned_away_ ? begin_request() : await_request();
  const std::chrono::milliseconds patience = network_.options().deadlines.header;
  enter(Phase::handshake, turned_away_ ? std::min<std::chrono::milliseconds>(patience, turned_away_time) : patience);
  stream_.async_handshake([self = shared_from_this()](Error error) {
    if (self->phase_ == Phase::closed) return;
    if (error) return self->close();
    self->turned_away_ ? self->begin_request() : self->await_request();
  });
}

void Connection::close() {
  Error ignored;
  stream_.socket().close(ignored);
  phase_ = Phase::closed;
  deadline_ = Time::max();
}

void Connection::enter(Phase phase, std::chrono::milliseconds patience) {
  phase_ = phase;
  deadline_ = std::chrono::steady_clock::now() + std::min(patience, for_ever);
  if (phase == Phase::header || phase == Phase::body || phase == Phase::answering)
    deadline_ = std::min(deadline_, began_ + std::min(network_.options().deadlines.answer, for_ever));
}

void Connection::on_deadline() {
  switch (phase_) {
    case Phase::header:
    case Phase::body: {  // the read ends with an error and answers
      timed_out_ = true;
      deadline_ = Time::max();
      Error ignored;
      stream_.socket().cancel(ignored);
      return;
    }
    case Phase::answering:
      ++ticket_;
      keep_alive_ = false;
      return respond(network_.application().missing(reader_.line(), Application::Missing::late));
    default: return close();
  }
}

void Connection::await_request() {
  if (reader_.state() != State::empty) return begin_request();  // pipelined
  enter(Phase::idle, network_.options().deadlines.idle);
  if (stream_.is_tls()) return read_head();
  // A connection that says nothing holds no buffer.
  stream_.socket().async_wait(asio::socket_base::wait_read, [self = shared_from_this()](Error error) {
    if (self->phase_ == Phase::closed) return;
    if (error) return self->close();
    self->read_head();
  });
}

void Connection::start_clock() {
  began_ = std::chrono::steady_clock::now();
  const std::chrono::milliseconds patience = network_.options().deadlines.header;
  enter(Phase::header, turned_away_ ? std::min<std::chrono::milliseconds>(patience, turned_away_time) : patience);
}

void Connection::begin_request() {
  start_clock();
  if (reader_.state() == State::empty) return read_head();
  on_head({});
}

void Connection::read(void (Connection::*then)(Error)) {
  const auto room = reader_.room();
  stream_.async_read_some(asio::buffer(room.data(), room.size()),
                          [self = shared_from_this(), then](Error error, std::size_t bytes) {
                            if (self->phase_ == Phase::closed) return;
                            self->reader_.took(bytes);
                            if (error == asio::error::eof) self->reader_.ended();
                            ((*self).*then)(error);
                          });
}

void Connection::read_head() { read(&Connection::on_head); }
void Connection::read_body() { read(&Connection::on_body); }

void Connection::on_head(Error error) {
  const State state = reader_.state();
  if (phase_ == Phase::idle && state != State::empty) start_clock();
  if (turned_away_ && (timed_out_ || state == State::headed || state == State::refused))
    return refuse(503, "too many connections; try again");
  if (timed_out_) return refuse(408, "the header took too long");
  if (state == State::refused) return refuse();
  if (error) return close();  // gone
  if (state == State::headed) return on_headed();
  read_head();
}

void Connection::on_headed() {
  const Head& head = reader_.head();
  Application& application = network_.application();
  keep_alive_ = false;
  context_.reset();
  auto judged = application.judge(head, context_);
  if (const auto wrong = visitor_problem(head, network_.visitors(), network_.checks_names()))
    return refuse(wrong->status, wrong->detail);
  if (const auto origin = head.first("Origin"); network_.visitors().invites(origin)) origin_ = origin;
  keep_alive_ = reader_.keeps_alive();  // not if there is a body, which is not read now
  if (judged) return respond(*std::move(judged));
  reader_.read_body();
  if (reader_.state() != State::body) return on_body({});
  enter(Phase::body, network_.options().deadlines.body);
  if (!reader_.awaits_continue()) return read_body();
  stream_.async_write(asio::buffer(continue_line), [self = shared_from_this()](Error failed, std::size_t) {
    if (self->phase_ == Phase::closed) return;
    if (failed) return self->close();
    self->read_body();
  });
}

void Connection::on_body(Error error) {
  const State state = reader_.state();
  keep_alive_ = false;
  if (timed_out_) return refuse(408, "the body took too long");
  if (state == State::refused) return refuse();
  if (error) return close();
  if (state == State::body) return read_body();
  keep_alive_ = reader_.keeps_alive();
  dispatch();
}

void Connection::refuse() {
  keep_alive_ = false;
  const Problem problem = reader_.problem();
  refuse(problem.status, problem.detail);
}

void Connection::refuse(int status, std::string_view detail) {
  respond(network_.application().refuse(reader_.line(), status, detail));
}

void Connection::dispatch() {
  if (network_.in_flight() >= network_.options().max_in_flight)
    return refuse(429, "too many requests are under way; nothing ran");
  Request request{.head = reader_.head(), .body = reader_.take_body(), .context = context_};
  auto response = network_.application().handle(std::move(request), *this);
  if (response) return respond(*std::move(response));
  if (phase_ != Phase::answering) refuse(500, "no answer was made");
}

Deferral Connection::defer() {
  Deferral deferral = network_.defer(shared_from_this(), ++ticket_);
  enter(Phase::answering, for_ever);
  return deferral;
}

void Connection::answer(Deferred& deferred) {
  Application& application = network_.application();
  const bool awaited = deferred.ticket == ticket_ && phase_ == Phase::answering;
  if (deferred.lost) {
    if (awaited) respond(application.missing(reader_.line(), Application::Missing::lost));
    return;
  }
  if (awaited) return respond(std::move(deferred.response));
  application.answered_late(deferred.response);
}

void Connection::respond(Response response) {
  ++ticket_;  // a deferral that is still held gets no client any more
  if (network_.draining() || turned_away_) keep_alive_ = false;
  response_ = std::move(response);
  const Framing framing{.version = reader_.has_head() ? reader_.head().version : 11,
                        .keep_alive = keep_alive_,
                        .without_body = reader_.is_head_method(),
                        .date = network_.http_date(),
                        .origin = origin_};
  head_ = head_text(response_, framing);
  const std::string_view body = framing.without_body || response_.status == 204 ? std::string_view() : response_.body;
  enter(Phase::writing, network_.options().deadlines.write);
  stream_.async_write(std::array<asio::const_buffer, 2>{asio::buffer(head_), asio::buffer(body)},
                      [self = shared_from_this()](Error error, std::size_t bytes) { self->on_written(error, bytes); });
}

void Connection::on_written(Error error, std::size_t bytes) {
  response_.body = {};
  tell(bytes, !error);
  if (phase_ == Phase::closed) return;
  if (error) return close();
  if (!keep_alive_) return linger();
  origin_.clear();
  context_.reset();
  timed_out_ = false;
  reader_.next();
  await_request();
  network_.settle();  // a drain may have begun since the answer was made
}

// Closing with unread input would reset the connection and could take the answer with it.
void Connection::linger() {
  enter(Phase::closing, linger_time);
  if (stream_.is_tls()) {
    return stream_.async_shutdown([self = shared_from_this()](Error) {
      if (self->phase_ != Phase::closed) self->close();
    });
  }
  Error error;
  stream_.socket().shutdown(asio::socket_base::shutdown_send, error);
  if (error) return close();
  head_.resize(discard_chunk);
  discard();
}

void Connection::discard() {
  stream_.async_read_some(asio::buffer(head_), [self = shared_from_this()](Error error, std::size_t) {
    if (self->phase_ == Phase::closed) return;
    if (error) return self->close();
    self->discard();
  });
}

void Connection::tell(std::size_t bytes_out, bool delivered) {
  const auto took = std::chrono::steady_clock::now() - began_;
  network_.application().served({.line = reader_.line(),
                                 .method = reader_.has_head() ? reader_.known_method() : std::string_view(),
                                 .context = context_,
                                 .response = response_,
                                 .peer = peer_,
                                 .duration = std::chrono::duration_cast<std::chrono::microseconds>(took),
                                 .bytes_out = bytes_out,
                                 .delivered = delivered});
}

}  // namespace openexec::http
