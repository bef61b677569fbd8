// SPDX-License-Identifier: Apache-2.0
// A strict reader of one PEM block (RFC 7468). The reader of OpenSSL accepts trailing garbage, skips unknown blocks,
// and may prompt on a terminal.
#pragma once

#include <string>
#include <string_view>

#include <openexec/status.hpp>

namespace openexec::crypto {

/// More than any Ed25519 key needs, encrypted or not.
inline constexpr std::size_t max_pem_bytes = 4096;

struct PemBlock {
  std::string label;
  std::string der;
};

/// Reads a text that is exactly one block: the BEGIN line, lines of 1 to 64 base64 characters that join to one
/// canonical base64 text, the END line of the same label. Lines end in LF or CRLF; the last end may be missing. Nothing
/// before, between or after: no headers, no blank lines, no spaces, no comments. Returns invalid_argument with the rule
/// and the line.
Result<PemBlock> read_pem(std::string_view text);

/// Replaces each literal `\n` by a line break, since line breaks are awkward in environment variables.
std::string with_line_breaks(std::string_view text);

/// Writes one block, in lines of 64 characters that end in LF.
std::string write_pem(std::string_view label, std::string_view der);

}  // namespace openexec::crypto
