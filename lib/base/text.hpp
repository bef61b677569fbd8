// SPDX-License-Identifier: Apache-2.0
// Spellings of bytes: hex and base64, one spelling each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace openexec::base {

/// Lower-case hexadecimal.
std::string hex(std::span<const std::uint8_t> bytes);
void append_hex(std::span<const std::uint8_t> bytes, std::string& out);
/// Reads lower-case hexadecimal of any even length; nothing for any other text.
std::optional<std::string> unhex(std::string_view text);

/// RFC 4648 section 4, padded.
std::string base64(std::string_view bytes);
/// Strict: canonical padding, no white space, zero unused bits; nothing for any other text.
std::optional<std::string> unbase64(std::string_view text);
/// The same of a text in the URL-safe alphabet (RFC 4648 section 5), which is as strictly padded; all of it is in one
/// alphabet or the other.
std::optional<std::string> unbase64_either(std::string_view text);

/// The number of the line, from 1, that holds the byte at `offset`, or the text's end where it is shorter.
std::size_t line_at(std::string_view text, std::size_t offset);

/// The length of the longest well-formed UTF-8 prefix: the place of the first ill-formed sequence, or the whole size.
std::size_t utf8_prefix(std::string_view text);
/// True for well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
bool is_utf8(std::string_view text);

}  // namespace openexec::base
