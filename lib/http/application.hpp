// SPDX-License-Identifier: Apache-2.0
// What stands behind a server: a request in, a response out, now or later.
#pragma once

#include <any>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string_view>

#include "http/head.hpp"
#include "http/message.hpp"

namespace openexec::http {

class Connection;
class Network;

/// A request whose answer comes later, on its way between threads.
struct Deferred {
  std::shared_ptr<Connection> connection;
  std::uint64_t ticket = 0;
  Response response;
  bool lost = true;  ///< no response was given
};

/// The duty to answer a request later, from any thread. The server must outlive it. Neither answering nor letting it go
/// allocates, so that memory which runs out never leaves a client without an answer: a duty that is let go is answered
/// by Application::missing().
class Deferral {
 public:
  Deferral() = default;
  Deferral(Network& network, std::list<Deferred> one) noexcept : network_(&network), one_(std::move(one)) {}
  Deferral(Deferral&& other) noexcept : network_(other.network_) { one_.swap(other.one_); }
  Deferral& operator=(Deferral&& other) noexcept {
    std::swap(network_, other.network_);
    one_.swap(other.one_);
    return *this;
  }
  ~Deferral() { hand_back(); }

  void answer(Response&& response) noexcept;

 private:
  void hand_back() noexcept;
  Network* network_ = nullptr;
  std::list<Deferred> one_;
};

/// Lets the application answer later. Valid during Application::handle().
class Exchange {
 public:
  virtual Deferral defer() = 0;

 protected:
  ~Exchange() = default;
};

/// What became of a request, for the log.
struct Served {
  RequestLine line;          ///< as the client sent it: not for the log as it is
  std::string_view method;   ///< one of HTTP's, or empty if no head was parsed
  const std::any& context;   ///< what the application noted when it judged the head
  const Response& response;  ///< without its body
  std::string_view peer;     ///< the address of the other side, which may be a proxy's
  std::chrono::microseconds duration{0};
  std::size_t bytes_out = 0;
  bool delivered = false;
};

/// All calls come from the server's thread and must not block. What they throw ends the connection.
class Application {
 public:
  virtual ~Application() = default;

  /// Judges a head that keeps the rules of the wire, of Host and of Origin. A response answers the request without its
  /// body being read. `context` travels with the request.
  virtual std::optional<Response> judge(const Head& head, std::any& context) = 0;
  /// Answers a whole request; nullopt if it was deferred.
  virtual std::optional<Response> handle(Request request, Exchange& exchange) = 0;

  /// A refusal by the server itself.
  virtual Response refuse(const RequestLine& line, int status, std::string_view detail);
  /// Why a deferred request has no answer.
  enum class Missing : std::uint8_t { late, lost };
  virtual Response missing(const RequestLine& line, Missing why);

  /// Whether the name that a client calls the server by is checked, besides on loopback addresses and where names are
  /// listed.
  virtual bool checks_names() const { return false; }

  virtual void served(const Served&) {}
  /// An answer whose client has been answered already.
  virtual void answered_late(const Response&) {}
  /// A connection ended by an exception, most likely for want of memory.
  virtual void connection_failed() noexcept {}
};

}  // namespace openexec::http
