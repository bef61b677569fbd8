// SPDX-License-Identifier: Apache-2.0
#include "service/connection.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/optional/optional.hpp>

#include "api/structured_field.hpp"
#include "http/head.hpp"

namespace openexec::service {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::chrono::milliseconds for_ever = std::chrono::hours(24 * 365);  // keeps sums in range
constexpr auto linger_time = std::chrono::seconds(1);
constexpr auto turned_away_time = std::chrono::seconds(1);  // for the header of a request that is turned away
constexpr std::size_t header_chunk = 4096;
constexpr std::size_t discard_chunk = 4096;
constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

// Sent, and wrong; as against a client that is gone.
bool is_bad_http(boost::system::error_code error) {
  return error.category() == http::make_error_code(http::error::end_of_stream).category() &&
         error != http::error::end_of_stream;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }
boost::beast::string_view view(std::string_view text) { return {text.data(), text.size()}; }

std::string_view buffer_view(const boost::beast::flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

/// What became of an execution, for the log.
void tell_execution(const Answer& answer, JsonObject& line) {
  line.text_or_null("action", answer.action)
      .text_or_null("verdict", answer.verdict)
      .text_or_null("effect", answer.effect)
      .boolean("replayed", answer.replayed);
}

/// The address of the other side; a proxy's where there is one in front.
std::string address_of(const asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string("gone") : endpoint.address().to_string();
}

/// The route whose shape an answer has that is given before the header is understood.
const Route* asked_for(std::string_view head) {
  const openexec::http::RequestLine line = openexec::http::request_line(head);
  return Api::find(line.method, line.target);
}

}  // namespace

Connection::Connection(Server& server, asio::ip::tcp::socket socket)
    : server_(server), socket_(std::move(socket)), peer_(address_of(socket_)), buffer_(server.options().header_limit) {}

Connection::~Connection() { server_.leave(*this); }

void Connection::start() {
  server_.enter(*this);
  await_request();
}

void Connection::turn_away() {
  turned_away_ = true;
  server_.enter(*this);
  // The header is read first. It says which shape the answer has, and a proxy takes an answer for a breach of the
  // protocol that comes before it has sent its request.
  prepare();
  read_header();
}

void Connection::close() {
  Error ignored;
  socket_.close(ignored);
  phase_ = Phase::closed;
  deadline_ = Time::max();
}

void Connection::enter(Phase phase, std::chrono::milliseconds patience) {
  phase_ = phase;
  deadline_ = std::chrono::steady_clock::now() + std::min(patience, for_ever);
  if (phase == Phase::header || phase == Phase::body || phase == Phase::executing)
    deadline_ = std::min(deadline_, began_ + std::min(server_.options().request_deadline, for_ever));
}

void Connection::on_deadline() {
  switch (phase_) {
    case Phase::header:
    case Phase::body: {  // the read ends with an error and answers
      timed_out_ = true;
      deadline_ = Time::max();
      Error ignored;
      socket_.cancel(ignored);
      return;
    }
    case Phase::executing:
      ++ticket_;
      keep_alive_ = false;
      if (routed_.route->lane == Lane::execute) {
        return refuse(409, "still running; ask again with the same nonce");
      }
      return refuse(503, "no answer in time");
    default: return close();
  }
}

void Connection::prepare() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(server_.options().header_limit));
  parser_->body_limit(boost::none);  // known only once the path is
  response_.reset();
  routed_ = {};
  origin_.clear();
  timed_out_ = false;
}

void Connection::await_request() {
  prepare();
  if (buffer_.size() > 0) return read_header();  // pipelined
  enter(Phase::idle, server_.options().idle_deadline);
  socket_.async_wait(asio::socket_base::wait_read, [self = shared_from_this()](Error error) {
    if (self->phase_ == Phase::closed) return;
    if (error) return self->close();
    self->read_header();
  });
}

void Connection::read_header() {
  began_ = std::chrono::steady_clock::now();
  const std::chrono::milliseconds patience = server_.options().header_deadline;
  enter(Phase::header, turned_away_ ? std::min<std::chrono::milliseconds>(patience, turned_away_time) : patience);
  scanned_ = 0;
  await_header();
}

// The parser gets a header once it is whole, so that its raw bytes can be judged before.
void Connection::await_header() {
  if (const std::size_t empty = openexec::http::empty_lines(buffer_view(buffer_)); empty > 0) {
    buffer_.consume(empty);
    scanned_ = 0;
  }
  const std::string_view bytes = buffer_view(buffer_);
  // A client that speaks TLS waits for an answer and sends no header at all. A CR alone may be half an empty line.
  if (!bytes.empty() && bytes != "\r" && (bytes.front() <= ' ' || bytes.front() > '~'))
    return on_header(bytes.front() == '\n' ? http::error::bad_line_ending : http::error::bad_method);
  if (const std::size_t size = openexec::http::head_size(bytes, scanned_)) return parse_header(size);
  if (openexec::http::has_lone_line_feed(bytes, scanned_)) return on_header(http::error::bad_line_ending);
  scanned_ = bytes.size();
  if (bytes.size() >= server_.options().header_limit) return on_header(http::error::buffer_overflow);
  socket_.async_read_some(buffer_.prepare(std::min(header_chunk, buffer_.max_size() - buffer_.size())),
                          [self = shared_from_this()](Error error, std::size_t got) {
                            if (self->phase_ == Phase::closed) return;
                            self->buffer_.commit(got);
                            if (!error) return self->await_header();
                            const bool half = error == asio::error::eof && self->buffer_.size() > 0;
                            self->on_header(half ? Error(http::error::partial_message) : error);
                          });
}

void Connection::parse_header(std::size_t size) {
  const std::string_view head = buffer_view(buffer_).substr(0, size);
  if (openexec::http::has_lone_line_feed(head)) return on_header(http::error::bad_line_ending);
  if (openexec::http::has_folded_line(head)) return on_header(http::error::bad_obs_fold);
  routed_.route = asked_for(head);
  Error error;
  buffer_.consume(parser_->put(buffer_.data(), error));
  on_header(error);
}

void Connection::on_header(Error error) {
  keep_alive_ = false;
  if (error && routed_.route == nullptr) routed_.route = asked_for(buffer_view(buffer_));
  if (turned_away_ && (!error || timed_out_ || is_bad_http(error)))
    return refuse(503, "too many connections; try again");
  if (timed_out_) return refuse(408, "the header took too long");
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return refuse(431, "the header is over " + std::to_string(server_.options().header_limit) + " bytes");
  if (error == http::error::bad_version) return refuse(505, "HTTP/1.1 or HTTP/1.0");
  if (error == http::error::bad_line_ending) return refuse(400, "a line of the header must end with CR LF (RFC 9112)");
  if (error == http::error::bad_obs_fold) return refuse(400, "a header line begins with a blank (obs-fold)");
  if (is_bad_http(error)) return refuse(400, error.message());
  if (error) return close();  // gone

  if (const auto problem = header_problem()) return refuse(problem->first, problem->second);

  const auto& request = parser_->get();
  Head head{.method = view(request.method_string()), .target = view(request.target())};
  const auto types = request.equal_range(http::field::content_type);
  for (auto field = types.first; field != types.second; ++field) head.content_type.push_back(view(field->value()));
  // Now, since trailers would join the fields later.
  idempotency_key_.reset();
  const auto keys = request.equal_range("Idempotency-Key");
  for (auto field = keys.first; field != keys.second && !server_.options().ignore_idempotency_key; ++field) {
    idempotency_key_ = idempotency_key_ ? *idempotency_key_ + "\n" : std::string();
    *idempotency_key_ += view(field->value());
  }
  wants_proof_ = false;
  const auto preferences = request.equal_range(http::field::prefer);
  for (auto field = preferences.first; field != preferences.second; ++field)
    wants_proof_ = wants_proof_ || prefers(view(field->value()), "receipt-proof");
  head.content_encoding = view(request[http::field::content_encoding]);
  routed_ = server_.api().route(head);

  if (const auto problem = visitor_problem(head.target)) return refuse(problem->first, problem->second);
  origin_ = server_.visitors().invites(view(request[http::field::origin])) ? view(request[http::field::origin]) : "";

  keep_alive_ = request.keep_alive() && parser_->is_done();  // a body that is not read ends the connection
  if (routed_.refusal) return respond(std::move(*routed_.refusal));
  const std::size_t limit = server_.options().body_limit;
  if (const auto length = parser_->content_length(); length && *length > limit)
    return refuse(413, "the body is over " + std::to_string(limit) + " bytes");
  keep_alive_ = request.keep_alive();

  if (parser_->is_done()) return dispatch();
  parser_->body_limit(limit);
  enter(Phase::body, server_.options().body_deadline);
  if (request[http::field::expect].empty() || buffer_.size() > 0) return read_body();
  asio::async_write(socket_, asio::buffer(continue_line), [self = shared_from_this()](Error failed, std::size_t) {
    if (self->phase_ == Phase::closed) return;
    if (failed) return self->close();
    self->read_body();
  });
}

std::optional<std::pair<int, std::string>> Connection::header_problem() const {
  const auto& request = parser_->get();
  if (request.version() != 11 && request.version() != 10) return std::pair(505, "HTTP/1.1 or HTTP/1.0");
  if (request.version() == 11 && request.count(http::field::host) != 1) return std::pair(400, "exactly one Host field");
  // Anything but plain chunking invites two readers to disagree on where a request ends.
  if (const auto codings = request.count(http::field::transfer_encoding); codings > 0) {
    if (request.version() == 10) return std::pair(400, "Transfer-Encoding in HTTP/1.0");
    if (request.count(http::field::content_length) > 0)
      return std::pair(400, "Content-Length beside Transfer-Encoding");
    if (codings > 1 || !boost::beast::iequals(request[http::field::transfer_encoding], "chunked"))
      return std::pair(501, "Transfer-Encoding other than chunked");
  }
  if (const auto expect = request[http::field::expect];
      !expect.empty() && !boost::beast::iequals(expect, "100-continue"))
    return std::pair(417, "Expect other than 100-continue");
  return std::nullopt;
}

std::optional<std::pair<int, std::string>> Connection::visitor_problem(std::string_view target) const {
  const auto& request = parser_->get();
  const openexec::http::Visitors& visitors = server_.visitors();
  if (server_.checks_names()) {
    // HTTP/1.0 need not name a host, and no browser speaks it.
    if (const auto host = request.find(http::field::host); host != request.end())
      if (const auto fault = visitors.host_fault(view(host->value())); !fault.empty())
        return std::pair(421, std::string(fault));
    if (const auto authority = openexec::http::authority_of(target))
      if (const auto fault = visitors.host_fault(*authority); !fault.empty()) return std::pair(421, std::string(fault));
  }
  const auto origins = request.equal_range(http::field::origin);
  for (auto origin = origins.first; origin != origins.second; ++origin)
    if (const auto fault = visitors.origin_fault(view(origin->value())); !fault.empty())
      return std::pair(403, std::string(fault));
  return std::nullopt;
}

void Connection::read_body() {
  http::async_read(socket_, buffer_, *parser_, [self = shared_from_this()](Error error, std::size_t) {
    if (self->phase_ != Phase::closed) self->on_body(error);
  });
}

void Connection::on_body(Error error) {
  if (!error) return dispatch();
  keep_alive_ = false;
  if (timed_out_) return refuse(408, "the body took too long");
  if (error == http::error::body_limit)
    return refuse(413, "the body is over " + std::to_string(server_.options().body_limit) + " bytes");
  if (is_bad_http(error)) return refuse(400, error.message());
  close();
}

void Connection::dispatch() {
  const Route& route = *routed_.route;
  Api& api = server_.api();
  if (route.lane == Lane::immediate) return respond(api.run(route, Call{.argument = routed_.argument}));
  if (route.lane == Lane::execute && api.draining()) return refuse(503, "the service is draining; nothing ran");

  Work work{.route = &route,
            .argument = routed_.argument,
            .query = routed_.query,
            .body = std::move(parser_->get().body()),
            .idempotency_key = std::move(idempotency_key_),
            .wants_proof = wants_proof_,
            .connection = shared_from_this(),
            .ticket = ++ticket_};
  enter(Phase::executing, for_ever);
  if (!server_.submit(std::move(work))) refuse(429, "every worker is busy and the queue is full; nothing ran");
}

void Connection::answer(std::uint64_t ticket, Answer answer) {
  if (ticket == ticket_ && phase_ == Phase::executing) return respond(std::move(answer));
  auto line = EventLog::line("late_answer");
  line.text("code", answer.code).text_or_null("exec_id", answer.exec_id);
  tell_execution(answer, line);
  server_.log().write(line);
}

void Connection::refuse(int status, std::string_view detail) { respond(Api::problem(routed_.route, status, detail)); }

void Connection::respond(Answer answer) {
  if (server_.api().draining() || turned_away_) keep_alive_ = false;
  const bool has_request = parser_ && parser_->is_header_done();
  const unsigned version = has_request && parser_->get().version() == 10 ? 10 : 11;

  auto& response = response_.emplace(static_cast<http::status>(answer.status), version);
  response.set(http::field::date, server_.http_date());
  response.set(http::field::cache_control, view(answer.cache_control));
  response.set("X-Content-Type-Options", "nosniff");
  if (!answer.allow.empty()) response.set(http::field::allow, answer.allow);
  if (!origin_.empty()) {
    response.set(http::field::access_control_allow_origin, origin_);
    response.set(http::field::vary, "Origin");
    if (answer.is_preflight) {
      response.set(http::field::access_control_allow_methods, answer.allow);
      response.set(http::field::access_control_allow_headers, "Content-Type, Idempotency-Key, Prefer");
    }
  }
  if (answer.gave_proof) response.set(http::field::preference_applied, "receipt-proof");
  if (answer.status == 429 || answer.status == 503) response.set(http::field::retry_after, "1");
  if (answer.status != 204) {
    response.set(http::field::content_type, view(answer.content_type));
    response.content_length(answer.body.size());
    if (!has_request || parser_->get().method() != http::verb::head) response.body() = std::move(answer.body);
  }
  response.keep_alive(keep_alive_);
  answered_ = std::move(answer);

  enter(Phase::writing, server_.options().write_deadline);
  http::async_write(socket_, response,
                    [self = shared_from_this()](Error error, std::size_t bytes) { self->on_written(error, bytes); });
}

void Connection::on_written(Error error, std::size_t bytes) {
  log_request(bytes, !error);
  if (phase_ == Phase::closed) return;
  if (error) return close();
  if (!keep_alive_) return linger();
  await_request();
  server_.settle();  // a drain may have begun since the answer was made
}

// Closing with unread input would reset the connection and could take the answer with it.
void Connection::linger() {
  Error error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) return close();
  enter(Phase::closing, linger_time);
  buffer_.clear();
  discard();
}

void Connection::discard() {
  socket_.async_read_some(buffer_.prepare(std::min(discard_chunk, buffer_.max_size())),
                          [self = shared_from_this()](Error error, std::size_t) {
                            if (self->phase_ == Phase::closed) return;
                            if (error) return self->close();
                            self->discard();
                          });
}

void Connection::log_request(std::size_t bytes_out, bool delivered) {
  auto line = EventLog::line("request");
  // Only what the service knows itself: a client may put anything into a path.
  if (parser_ && parser_->is_header_done()) line.text("method", view(to_string(parser_->get().method())));
  line.text("path", routed_.route != nullptr ? routed_.route->path : "unknown");
  const auto took = std::chrono::steady_clock::now() - began_;
  line.number("status", answered_.status).text("code", answered_.code).text_or_null("exec_id", answered_.exec_id);
  if (!answered_.verdict.empty()) tell_execution(answered_, line);
  line.text("peer", peer_)
      .number("duration_us", std::chrono::duration_cast<std::chrono::microseconds>(took).count())
      .number("bytes_out", bytes_out)
      .boolean("delivered", delivered);
  server_.log().write(line);
}

}  // namespace openexec::service
