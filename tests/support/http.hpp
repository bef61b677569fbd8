// SPDX-License-Identifier: Apache-2.0
// A plain HTTP/1.1 client over a real socket: it sends what it is told, byte by byte if need be.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "canon/json.hpp"

namespace openexec::test {

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  [[nodiscard]] canon::Document json() const;  ///< throws where the body is not strict JSON
  [[nodiscard]] bool closes() const;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One connection. Throws std::runtime_error where the other side does not do what HTTP says, or says nothing for a
/// minute.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port);
  explicit HttpClient(const std::string& unix_path);
  HttpClient(HttpClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient();

  /// False where the other side is gone already.
  bool send(std::string_view bytes);
  void half_close();
  /// The next answer; nothing where the other side closed before one began.
  std::optional<HttpAnswer> receive(bool to_head = false);
  /// Whether the other side closes without another byte.
  bool closed();
  /// Reads, whatever comes, until the other side closes.
  void read_to_end();

  HttpAnswer request(std::string_view method, std::string_view target, std::string_view body = {},
                     const Headers& headers = {});
  HttpAnswer get(std::string_view target) { return request("GET", target); }
  /// As application/json.
  HttpAnswer post(std::string_view target, std::string_view body, Headers headers = {});

 private:
  bool fill();
  std::string line();
  int fd_;
  std::string buffer_;
};

/// The bytes of a request with Host and, where there is a body, Content-Length.
std::string http_request(std::string_view method, std::string_view target, std::string_view body = {},
                         const Headers& headers = {});

}  // namespace openexec::test
