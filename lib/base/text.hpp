// SPDX-License-Identifier: Apache-2.0
// Hexadecimal and base64 text. Each value has one accepted spelling.
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
/// Reads lower-case hexadecimal of any even length; returns nullopt for any other text.
std::optional<std::string> unhex(std::string_view text);

/// RFC 4648 section 4, padded.
std::string base64(std::string_view bytes);
/// Reads strict base64: canonical padding, no white space, zero unused bits. Returns nullopt for any other text.
std::optional<std::string> unbase64(std::string_view text);
/// Reads strict base64 in the standard alphabet or in the URL-safe one (RFC 4648 section 5), but not in a mixture.
std::optional<std::string> unbase64_either(std::string_view text);

/// Returns the number of the line, from 1, of the byte at `offset`, or of the end of the text if it is shorter.
std::size_t line_at(std::string_view text, std::size_t offset);

/// Returns the length of the longest well-formed UTF-8 prefix.
std::size_t utf8_prefix(std::string_view text);
/// True for well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
bool is_utf8(std::string_view text);

}  // namespace openexec::base
