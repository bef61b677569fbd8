// SPDX-License-Identifier: Apache-2.0
// Reads requests out of the bytes of one connection, without any socket: here are the rules of the wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/head.hpp"
#include "http/message.hpp"

namespace openexec::http {

struct Limits {
  std::size_t head = std::size_t{16} << 10;
  std::size_t body = std::size_t{1} << 20;
};

struct Problem {
  int status = 0;
  std::string detail;
};

/// The driver reads bytes into room() and calls took(). Service, admin socket and witness are drivers.
///
/// The rules, in their order:
///   1. A head is judged by its raw bytes before it is parsed: CR LF at every line's end, no folded line, no byte in front
///      of it but empty lines, and at most Limits::head bytes.
///   2. HTTP/1.1 with exactly one Host, or HTTP/1.0 with at most one.
///   3. A body has one length: one Content-Length of digits alone, or one plain `chunked` in HTTP/1.1, never both.
///   4. Expect is 100-continue or absent.
///   5. A body has at most Limits::body bytes, however it is framed.
/// A request that breaks one is refused, and what follows it on its connection is never read as a request.
class Reader {
 public:
  enum class State : std::uint8_t {
    empty,    ///< no byte of a request has come
    head,     ///< a part of the head has
    headed,   ///< the head is whole and keeps the rules; the driver answers, or calls read_body()
    body,     ///< a part of the body is missing
    whole,    ///< take_body(), answer, next()
    refused,  ///< see problem()
  };

  explicit Reader(Limits limits);
  Reader(Reader&& other) noexcept;
  Reader& operator=(Reader&&) = delete;
  ~Reader();

  [[nodiscard]] State state() const noexcept;

  /// Where the next bytes go. Precondition: empty, head or body. Never empty.
  [[nodiscard]] std::span<char> room();
  /// So many bytes have come there.
  void took(std::size_t bytes);
  /// No byte will follow: a request that is not whole is refused.
  void ended();

  /// Precondition: headed.
  void read_body();
  /// Whether the client waits for `100 Continue` before it sends the body. Precondition: body.
  [[nodiscard]] bool awaits_continue() const;
  [[nodiscard]] std::string take_body();
  /// Forgets the request and looks at the bytes behind it.
  void next();

  [[nodiscard]] bool has_head() const noexcept;     ///< a head was parsed, and may have been refused since
  [[nodiscard]] const Head& head() const noexcept;  ///< Precondition: has_head()
  /// What was asked for, also of a head that was refused or has not come whole.
  [[nodiscard]] RequestLine line() const;
  /// The method if it is one of HTTP's, and else "<unknown>": nothing that only the client chose.
  [[nodiscard]] std::string_view known_method() const;
  [[nodiscard]] bool is_head_method() const;
  /// Whether the connection may serve another request after this one.
  [[nodiscard]] bool keeps_alive() const;
  [[nodiscard]] const Problem& problem() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace openexec::http
