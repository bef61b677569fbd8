// SPDX-License-Identifier: Apache-2.0
// Requests and responses, as the application sees them.
#pragma once

#include <any>
#include <string>
#include <string_view>
#include <vector>

namespace openexec::http {

/// The lines before a request's body. The views live as long as the request.
struct Head {
  struct Field {
    std::string_view name;
    std::string_view value;
  };
  std::string_view method;
  std::string_view target;  ///< as sent
  unsigned version = 11;    ///< 10 or 11
  std::vector<Field> fields;

  /// Returns the values of every field line with this name, in their order.
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
  /// Returns the value of the first, or an empty text.
  [[nodiscard]] std::string_view first(std::string_view name) const;
};

/// A request that was read to its end.
struct Request {
  const Head& head;
  std::string body;
  const std::any& context;  ///< what the application noted when it judged the head
};

struct Response {
  struct Field {
    std::string_view name;  ///< lives for ever
    std::string value;
  };
  int status = 500;
  std::string body;
  std::string content_type = "application/json";
  std::string_view cache_control = "no-store";  ///< lives for ever
  std::string allow;                            ///< of the Allow field; empty: no such field
  std::string_view preflight = {};              ///< fields that an invited page may send; empty: not a preflight
  std::vector<Field> fields = {};
  std::any note = {};  ///< the application's own, which it finds again in Served
};

/// The code of a refusal with this status.
[[nodiscard]] std::string_view problem_code(int status) noexcept;
/// `{"error": {"code", "detail"}}`: the one shape of a refusal.
[[nodiscard]] std::string problem_json(std::string_view code, std::string_view detail);
[[nodiscard]] Response problem(int status, std::string_view detail);

/// How a response is framed on its connection.
struct Framing {
  unsigned version = 11;
  bool keep_alive = false;
  bool without_body = false;     ///< the answer to HEAD
  std::string_view date = {};    ///< empty: no Date field
  std::string_view origin = {};  ///< of an invited page; empty: none asks
};
/// The bytes of the response before its body.
[[nodiscard]] std::string head_text(const Response& response, const Framing& framing);

}  // namespace openexec::http
