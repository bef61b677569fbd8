// SPDX-License-Identifier: Apache-2.0
// Rules for the raw bytes of an HTTP header, which are no longer visible after parsing.
#pragma once

#include <cstddef>
#include <string_view>

namespace openexec::http {

/// Returns the bytes up to and including the empty line that ends a header, or 0 if it has not arrived yet.
inline std::size_t head_size(std::string_view bytes, std::size_t from = 0) noexcept {
  constexpr std::string_view end = "\r\n\r\n";
  const std::size_t at = bytes.find(end, from < end.size() ? 0 : from - end.size());
  return at == bytes.npos ? 0 : at + end.size();
}

/// Returns whether a line begins with a blank. RFC 9112 calls this obs-fold: one reader joins the line to the field
/// above it and another does not, so that the two disagree on where the request ends.
inline bool has_folded_line(std::string_view head) noexcept {
  for (std::size_t at = 0; (at = head.find('\n', at)) != head.npos;)
    if (++at < head.size() && (head[at] == ' ' || head[at] == '\t')) return true;
  return false;
}

/// Returns whether a line of the header, or of the part that has arrived, ends with a line feed alone. RFC 9112,
/// section 2.2, asks for CR LF. A proxy that treats such a line feed as part of the value sees other fields than a
/// reader that ends the line there. The request is therefore refused at once.
inline bool has_lone_line_feed(std::string_view head, std::size_t from = 0) noexcept {
  for (std::size_t at = from; (at = head.find('\n', at)) != head.npos; ++at)
    if (at == 0 || head[at - 1] != '\r') return true;
  return false;
}

/// Returns the bytes of the empty lines in front of a request: RFC 9112, section 2.2, lets an older client send one
/// after the body of its last request.
inline std::size_t empty_lines(std::string_view bytes) noexcept {
  std::size_t size = 0;
  while (bytes.substr(size).starts_with("\r\n")) size += 2;
  return size;
}

/// Method and target of a request whose header is malformed or incomplete. Empty if the first line is not a request
/// line.
struct RequestLine {
  std::string_view method;
  std::string_view target;
};
inline RequestLine request_line(std::string_view head) noexcept {
  const std::string_view line = head.substr(0, head.find_first_of("\r\n"));
  const std::size_t method = line.find(' ');
  if (method == line.npos) return {};
  const std::string_view rest = line.substr(method + 1);
  return {line.substr(0, method), rest.substr(0, rest.find(' '))};
}

}  // namespace openexec::http
