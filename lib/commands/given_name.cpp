// SPDX-License-Identifier: Apache-2.0
#include "commands/given_name.hpp"

#include <cstddef>

#include "base/names.hpp"
#include "commands/screen.hpp"

namespace openexec::terminal {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Precondition: one character. Controls and blanks of every kind are not shown as they are, the space alone is.
bool is_blank(std::string_view character) { return character == " " || shown(character) != character; }

/// Precondition: the text is UTF-8, and not empty.
bool has_outer_blank(std::string_view text) {
  std::size_t first = 1;
  while (first < text.size() && continues(text[first])) ++first;
  std::size_t last = text.size() - 1;
  while (last > 0 && continues(text[last])) --last;
  return is_blank(text.substr(0, first)) || is_blank(text.substr(last));
}

}  // namespace

std::string given_name_fault(std::string_view name) {
  if (const std::string_view fault = base::tenant_fault(name); !fault.empty()) return std::string(fault);
  if (has_outer_blank(name))
    return "begins or ends with a blank, a line break or an invisible character, and approvals for the name without it would "
           "be refused; remove it";
  if (name.size() > 1 && name.front() == name.back() && (name.front() == '"' || name.front() == '\''))
    return "is between quotes, which are part of the name here; remove them";
  return {};
}

}  // namespace openexec::terminal
