// SPDX-License-Identifier: Apache-2.0
// One client: its requests in order, each within its deadlines.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "api/api.hpp"
#include "service/server.hpp"

namespace openexec::service {

/// Lives as long as an operation of it is under way. Reads nothing while a request is being answered, so pipelined
/// requests wait in the socket, and answers leave in order.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Connection(Server& server, boost::asio::ip::tcp::socket socket);
  ~Connection();

  void start();
  /// Answers 503 to the first request, or after a second without one, and closes.
  void turn_away();
  /// The answer to `ticket`, which was submitted; dropped where the client has been answered already.
  void answer(std::uint64_t ticket, Answer answer);

  void close();
  void on_deadline();
  [[nodiscard]] Time deadline() const { return deadline_; }
  [[nodiscard]] bool turned_away() const { return turned_away_; }
  /// Is there an answer on its way?
  [[nodiscard]] bool busy() const {
    return phase_ == Phase::executing || phase_ == Phase::writing || phase_ == Phase::closing;
  }

 private:
  enum class Phase : std::uint8_t { idle, header, body, executing, writing, closing, closed };
  using Error = boost::system::error_code;

  void enter(Phase phase, std::chrono::milliseconds patience);
  /// Forgets the request before.
  void prepare();
  void await_request();
  void read_header();
  void await_header();
  void parse_header(std::size_t size);
  void on_header(Error error);
  /// What is wrong with the header as HTTP: a status and its explanation.
  [[nodiscard]] std::optional<std::pair<int, std::string>> header_problem() const;
  /// Whether the client may call the service by this name, and the page behind it may call at all.
  [[nodiscard]] std::optional<std::pair<int, std::string>> visitor_problem(std::string_view target) const;
  void read_body();
  void on_body(Error error);
  void dispatch();
  void refuse(int status, std::string_view detail);
  void respond(Answer answer);
  void on_written(Error error, std::size_t bytes);
  void linger();
  void discard();
  void log_request(std::size_t bytes_out, bool delivered);

  Server& server_;
  boost::asio::ip::tcp::socket socket_;
  const std::string peer_;  ///< for the log
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  std::optional<boost::beast::http::response<boost::beast::http::string_body>> response_;

  std::size_t scanned_ = 0;  ///< bytes of the buffer in which no header ends

  Phase phase_ = Phase::idle;
  Time deadline_ = Time::max();
  Time began_{};            ///< this request's first byte
  bool timed_out_ = false;  ///< the read that was cancelled was cancelled for its deadline
  bool turned_away_ = false;
  bool keep_alive_ = false;
  std::uint64_t ticket_ = 0;
  Routed routed_;
  std::optional<std::string> idempotency_key_;
  bool wants_proof_ = false;
  std::string origin_;  ///< of a page that is invited, as it was sent
  Answer answered_;     ///< without its body: for the log
};

}  // namespace openexec::service
