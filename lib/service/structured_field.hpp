// Structured field values (RFC 9651), as far as one header needs them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace openexec::service {

/// The value of a field that is one String item, such as Idempotency-Key. Strict: a token, a list or any other type,
/// parameters, and bytes outside printable ASCII are nothing. `field` is the value with its lines joined by ", ".
std::optional<std::string> parse_string_item(std::string_view field);

}  // namespace openexec::service
