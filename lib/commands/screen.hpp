// SPDX-License-Identifier: Apache-2.0
// What may reach a terminal: one function at the output, whichever text it is and wherever that came from.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "commands/console.hpp"

namespace openexec::terminal {

/// Text from others, on one line: everything that a terminal does not plainly show (code_points.hpp) is written as
/// \uXXXX, line ends too. Ill-formed UTF-8 becomes \xXX.
std::string shown(std::string_view text);

/// Text that a program composed: line ends and, where `colours` says so, the colours of Style stay. The rest as
/// shown().
std::string on_screen(std::string_view text, bool colours);

/// The length of one of Style's colours at the front of the text, or 0.
std::size_t colour_at(std::string_view text) noexcept;

/// A line in pieces of at most so many columns. A character counts as one column if it is ASCII and as two if it is
/// not, which is never too few. Precondition: `columns` is at least 2.
std::vector<std::string> pieces(std::string_view line, std::size_t columns);

/// The same measure of a whole line. Colours take no room.
std::size_t most_columns(std::string_view line) noexcept;

/// Leads everything that is written to the console's streams through on_screen(), as long as it lives. The console's
/// streams must outlive it.
class Screen {
 public:
  explicit Screen(const Console& console);
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen();

 private:
  friend void write_bytes(const Console& console, std::string_view bytes);
  class Filter;
  std::unique_ptr<Filter> out_;
  std::unique_ptr<Filter> err_;
};

/// Writes bytes to the output as they are, for programs. A terminal gets them as on_screen() shows them.
void write_bytes(const Console& console, std::string_view bytes);

/// Returns whether colours go to this descriptor: it is a terminal, and NO_COLOR is not set.
bool has_colours(const Console& console, int file_descriptor);

}  // namespace openexec::terminal
