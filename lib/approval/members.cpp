#include "approval/members.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace openexec::approval {

std::optional<std::string_view> unknown_member(canon::View object, std::span<const std::string_view> known) {
  for (const auto [key, value] : object)
    if (std::find(known.begin(), known.end(), key) == known.end()) return key;
  return std::nullopt;
}

std::string shown(std::string_view name) {
  constexpr std::size_t most = 64;
  std::string_view part = name.substr(0, most);
  while (!base::is_utf8(part)) part.remove_suffix(1);  // the cut may fall inside a character
  std::string text;
  canon::append_jcs_string(part, text);
  if (part.size() < name.size()) text += "...";
  return text;
}

}  // namespace openexec::approval
