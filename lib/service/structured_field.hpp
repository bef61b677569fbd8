// Structured field values (RFC 9651), as far as one header needs them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace openexec::service {

/// The value of a field that is one String item, such as Idempotency-Key. Strict: a token, a list or any other type,
/// parameters, and bytes outside printable ASCII (such as a line feed between two lines of the field) are nothing.
std::optional<std::string> parse_string_item(std::string_view field);

}  // namespace openexec::service
