// Objects with a fixed set of members: what is unknown is refused, so that nothing unapproved slips by unread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "canon/json.hpp"

namespace openexec::approval {

/// The first member of `object` that is not in `known`.
std::optional<std::string_view> unknown_member(canon::View object, std::span<const std::string_view> known);

/// A stranger's name for a member, as a detail may carry it: quoted, escaped and cut to 64 bytes.
std::string shown(std::string_view name);

}  // namespace openexec::approval
