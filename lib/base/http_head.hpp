// Rules for the raw bytes of an HTTP header, which a parser no longer shows.
#pragma once

#include <cstddef>
#include <string_view>

namespace openexec::base {

/// Returns the bytes up to and including the empty line that ends a header, or 0 if it has not come yet.
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

}  // namespace openexec::base
