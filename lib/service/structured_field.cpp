#include "service/structured_field.hpp"

namespace openexec::service {

std::optional<std::string> parse_string_item(std::string_view field) {
  while (field.starts_with(' ')) field.remove_prefix(1);
  while (field.ends_with(' ')) field.remove_suffix(1);
  if (!field.starts_with('"')) return std::nullopt;
  field.remove_prefix(1);

  std::string value;
  while (!field.empty()) {
    char c = field.front();
    field.remove_prefix(1);
    if (c == '"') return field.empty() ? std::optional(std::move(value)) : std::nullopt;
    if (c == '\\') {
      if (field.empty() || (field.front() != '"' && field.front() != '\\')) return std::nullopt;
      c = field.front();
      field.remove_prefix(1);
    } else if (c < 0x20 || c > 0x7e) {
      return std::nullopt;
    }
    value += c;
  }
  return std::nullopt;  // no closing quote
}

}  // namespace openexec::service
