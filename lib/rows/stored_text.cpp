// SPDX-License-Identifier: Apache-2.0
#include "rows/stored_text.hpp"

#include <openexec/bytes.hpp>

#include "base/text.hpp"
#include "index/row_bytes.hpp"

namespace openexec::store {
namespace {

constexpr char mark = '\x01';  // before the 32 bytes of a digest; stands for a JSON string, its quotes included
constexpr std::size_t digits = 2 * sizeof(Digest);
constexpr auto none = std::string_view::npos;

}  // namespace

bool append_packed(std::string_view text, std::string& out) {
  const bool packed = text.find(mark) == none;
  std::size_t appended = 0;
  // Of the digits of a digest exactly one stands at a multiple of their number. The quote before it opens the digest.
  for (std::size_t place = digits; packed && place < text.size(); place += digits) {
    const std::size_t found = text.substr(place - digits, digits).rfind('"');
    if (found == none) continue;
    const std::size_t quote = place - digits + found, end = quote + 1 + digits;
    Digest digest;
    if (quote < appended || end >= text.size() || text[end] != '"' || !from_hex(text.substr(quote + 1, digits), digest))
      continue;
    out.append(text.substr(appended, quote - appended)) += mark;
    append_digest(digest, out);
    appended = end + 1;
  }
  out.append(text.substr(appended));
  return packed;
}

void StoredText::append_to(std::string& out) const {
  std::string_view rest = bytes;
  for (std::size_t at = packed ? rest.find(mark) : none; at != none; at = rest.find(mark)) {
    out.append(rest.substr(0, at)) += '"';
    rest.remove_prefix(at + 1);
    if (rest.size() < sizeof(Digest)) ByteReader::damaged();
    base::append_hex({reinterpret_cast<const std::uint8_t*>(rest.data()), sizeof(Digest)}, out);
    out += '"';
    rest.remove_prefix(sizeof(Digest));
  }
  out.append(rest);
}

std::string StoredText::str() const {
  std::string text;
  text.reserve(packed ? 2 * bytes.size() : bytes.size());
  append_to(text);
  return text;
}

}  // namespace openexec::store
