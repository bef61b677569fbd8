// SPDX-License-Identifier: Apache-2.0
#include "api/structured_field.hpp"

#include <algorithm>
#include <cctype>

namespace openexec::service {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Returns the text up to the next comma outside a quoted string, or an empty text if a quoted string does not end.
std::string_view first_of_list(std::string_view list) {
  bool quoted = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '"') quoted = !quoted;
    if (quoted && list[i] == '\\') ++i;
    if (!quoted && list[i] == ',') return list.substr(0, i);
  }
  return quoted ? std::string_view() : list;
}

}  // namespace

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

std::optional<std::string> parse_idempotency_key(std::string_view field) {
  constexpr std::size_t longest = 255;
  const std::string_view key = trimmed(field);
  if (key.starts_with('"')) return parse_string_item(field);
  const bool visible = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; });
  return visible && !key.empty() && key.size() <= longest ? std::optional(std::string(key)) : std::nullopt;
}

bool prefers(std::string_view field, std::string_view preference) {
  while (!field.empty()) {
    const std::string_view item = first_of_list(field);
    if (item.empty() && field.front() != ',') return false;  // a quoted string without an end
    field.remove_prefix(std::min(item.size() + 1, field.size()));
    const std::string_view token = trimmed(item.substr(0, item.find(';')));
    if (std::equal(token.begin(), token.end(), preference.begin(), preference.end(),
                   [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); }))
      return true;
  }
  return false;
}

}  // namespace openexec::service
