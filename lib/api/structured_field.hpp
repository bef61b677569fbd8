// SPDX-License-Identifier: Apache-2.0
// The parts of structured header fields that Idempotency-Key and Prefer need.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace openexec::service {

/// Returns the value of a field that is one String item, such as Idempotency-Key. Returns nullopt for a token, a list
/// or any other type, for parameters, and for bytes outside printable ASCII, such as a line feed between two lines of
/// the field.
std::optional<std::string> parse_string_item(std::string_view field);

/// Returns the value of an Idempotency-Key. It is a String item or, as most clients send it, 1 to 255 visible ASCII
/// characters without quotes around them. Returns nullopt for anything else, so that no list and no parameter is taken
/// for a key.
std::optional<std::string> parse_idempotency_key(std::string_view field);

/// Returns whether a Prefer field (RFC 7240) holds this preference, without a value. A malformed field holds none.
bool prefers(std::string_view field, std::string_view preference);

}  // namespace openexec::service
