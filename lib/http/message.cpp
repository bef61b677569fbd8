// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include <algorithm>

#include <boost/beast/http/status.hpp>

#include "canon/json_object.hpp"

namespace openexec::http {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view reason(int status) {
  const auto text = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {text.data(), text.size()};
}

}  // namespace

std::vector<std::string_view> Head::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Field& field : fields)
    if (same_name(field.name, name)) values.push_back(field.value);
  return values;
}

std::string_view Head::first(std::string_view name) const {
  for (const Field& field : fields)
    if (same_name(field.name, name)) return field.value;
  return {};
}

std::string_view problem_code(int status) noexcept {
  switch (status) {
    case 400: return "bad_request";
    case 403: return "forbidden";
    case 404: return "not_found";
    case 405: return "method_not_allowed";
    case 408: return "request_timeout";
    case 413: return "body_too_large";
    case 415: return "unsupported_media_type";
    case 417: return "expectation_failed";
    case 421: return "misdirected_request";
    case 422: return "invalid_field";
    case 429: return "overloaded";
    case 431: return "header_too_large";
    case 501: return "not_implemented";
    case 503: return "unavailable";
    case 505: return "http_version_not_supported";
    default: return "internal_error";
  }
}

std::string problem_json(std::string_view code, std::string_view detail) {
  using canon::JsonObject;
  return JsonObject().raw("error", JsonObject().text("code", code).text("detail", detail).take()).take();
}

Response problem(int status, std::string_view detail) {
  return {.status = status, .body = problem_json(problem_code(status), detail)};
}

std::string head_text(const Response& response, const Framing& framing) {
  std::string text = framing.version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ";
  text.append(std::to_string(response.status)).append(" ").append(reason(response.status)).append("\r\n");
  const auto field = [&](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
  };
  if (!framing.date.empty()) field("Date", framing.date);
  field("Cache-Control", response.cache_control);
  field("X-Content-Type-Options", "nosniff");
  if (!response.allow.empty()) field("Allow", response.allow);
  if (!framing.origin.empty()) {
    field("Access-Control-Allow-Origin", framing.origin);
    field("Vary", "Origin");
    if (!response.preflight.empty()) {
      field("Access-Control-Allow-Methods", response.allow);
      field("Access-Control-Allow-Headers", response.preflight);
    }
  }
  for (const Response::Field& other : response.fields) field(other.name, other.value);
  if (response.status == 429 || response.status == 503) field("Retry-After", "1");
  if (response.status != 204) {
    field("Content-Type", response.content_type);
    field("Content-Length", std::to_string(response.body.size()));
  }
  if (!framing.keep_alive) field("Connection", "close");
  if (framing.keep_alive && framing.version == 10) field("Connection", "keep-alive");
  return text.append("\r\n");
}

}  // namespace openexec::http
