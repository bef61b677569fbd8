// SPDX-License-Identifier: Apache-2.0
// Header fields with a grammar of their own, as far as two of them need it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace openexec::service {

/// The value of a field that is one String item, such as Idempotency-Key. Strict: a token, a list or any other type,
/// parameters, and bytes outside printable ASCII (such as a line feed between two lines of the field) are nothing.
std::optional<std::string> parse_string_item(std::string_view field);

/// The value of an Idempotency-Key: a String item, or what most clients send, 1 to 255 visible ASCII characters without
/// quotes around them. Returns nullopt for anything else, so that no list and no parameter is taken for a key.
std::optional<std::string> parse_idempotency_key(std::string_view field);

/// Whether a Prefer field (RFC 7240) holds this preference, without a value. What cannot be read asks for nothing.
bool prefers(std::string_view field, std::string_view preference);

}  // namespace openexec::service
