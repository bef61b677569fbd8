// The rules for names in a request (docs/formats.md, section 1), in one place.
#pragma once

#include <string_view>

#include <openexec/status.hpp>

namespace openexec::base {

/// 1 to 128 bytes of [A-Za-z0-9_.:/-]; otherwise malformed_request (http 422).
Status check_action(std::string_view action);

/// 1 to 255 bytes of UTF-8 without U+0000..U+001F and U+007F; otherwise malformed_request (http 422).
Status check_nonce(std::string_view nonce);

}  // namespace openexec::base
