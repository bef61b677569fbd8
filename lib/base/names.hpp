// SPDX-License-Identifier: Apache-2.0
// The rules for names in a request (docs/formats.md, section 1), in one place.
#pragma once

#include <string_view>

#include <openexec/status.hpp>

namespace openexec::base {

// Each function returns the rule that a name breaks, as a detail states it after the place, or an empty string.

/// An action: 1 to 128 bytes of [A-Za-z0-9_.:/-].
std::string_view action_fault(std::string_view text);
/// A nonce, or another free name: 1 to 255 bytes of UTF-8 without U+0000..U+001F and U+007F.
std::string_view label_fault(std::string_view text);
/// A tenant: 1 to 255 bytes of UTF-8.
std::string_view tenant_fault(std::string_view text);
/// A pattern of actions: an action, or a prefix of one, which may be empty, followed by `*`.
std::string_view pattern_fault(std::string_view text);

/// Whether the pattern matches the action. Preconditions: the pattern has no fault, and `action` is an action or the
/// beginning of one, which may be empty.
bool matches(std::string_view pattern, std::string_view action);

// These return malformed_request (http 422) if the field of a request has a fault.
Status check_action(std::string_view action);
Status check_nonce(std::string_view nonce);

}  // namespace openexec::base
