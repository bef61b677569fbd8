// SPDX-License-Identifier: Apache-2.0
// One client: its requests in order, each within its deadlines.
#pragma once

#include <any>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/application.hpp"
#include "http/reader.hpp"
#include "http/stream.hpp"

namespace openexec::http {

/// Lives as long as an operation of it is under way, or a request of it is deferred. Reads nothing while a request is
/// being answered, so pipelined requests wait in the socket, and answers leave in order.
class Connection final : public std::enable_shared_from_this<Connection>, private Exchange {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// `turned_away`: the first request is answered 503, as is a second without one, and the connection ends.
  Connection(Network& network, Stream::Socket socket, boost::asio::ssl::context* tls, bool turned_away);
  ~Connection();

  void start();
  /// The answer to a deferred request; dropped if the client has been answered already.
  void answer(Deferred& deferred);

  void close();
  void on_deadline();
  [[nodiscard]] Time deadline() const { return deadline_; }
  [[nodiscard]] bool turned_away() const { return turned_away_; }
  /// Is there an answer on its way?
  [[nodiscard]] bool busy() const {
    return phase_ == Phase::answering || phase_ == Phase::writing || phase_ == Phase::closing;
  }

 private:
  enum class Phase : std::uint8_t { handshake, idle, header, body, answering, writing, closing, closed };
  using Error = boost::system::error_code;

  void enter(Phase phase, std::chrono::milliseconds patience);
  void await_request();
  /// The first byte of a request has come, or has to come soon: its deadlines run.
  void start_clock();
  void begin_request();
  void read_head();
  void read_body();
  void read(void (Connection::*then)(Error));
  void on_head(Error error);
  void on_headed();
  void on_body(Error error);
  /// Answers what the reader refused.
  void refuse();
  void refuse(int status, std::string_view detail);
  void dispatch();
  Deferral defer() override;
  void respond(Response response);
  void on_written(Error error, std::size_t bytes);
  void linger();
  void discard();
  void tell(std::size_t bytes_out, bool delivered);

  Network& network_;
  Stream stream_;
  const std::string peer_;  ///< for the log
  Reader reader_;
  std::any context_;
  Response response_;
  std::string head_;

  Phase phase_ = Phase::idle;
  Time deadline_ = Time::max();
  Time began_{};            ///< this request's first byte
  bool timed_out_ = false;  ///< the read that was cancelled was cancelled for its deadline
  const bool turned_away_;
  bool keep_alive_ = false;
  std::uint64_t ticket_ = 0;
  std::string origin_;  ///< of a page that is invited, as it was sent
};

}  // namespace openexec::http
