// SPDX-License-Identifier: Apache-2.0
// Decides what may reach a terminal. All output passes one function, whatever the text is and wherever it came from.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "commands/console.hpp"

namespace openexec::terminal {

/// Returns text from others on one line. Everything that a terminal does not plainly show (code_points.hpp), also a
/// line end, is written as \uXXXX. Ill-formed UTF-8 becomes \xXX.
std::string shown(std::string_view text);

/// Returns text that the program itself composed. Line ends stay and, if `colours` is set, the colours of Style. The
/// rest is escaped as shown() does.
std::string on_screen(std::string_view text, bool colours);

/// Returns the length of the colour of Style at the front of the text, or 0 if the text does not begin with one.
std::size_t colour_at(std::string_view text) noexcept;

/// Returns a line in pieces of at most `columns` columns. An ASCII character counts as one column and any other as two,
/// which is never too few. Precondition: `columns` is at least 2.
std::vector<std::string> pieces(std::string_view line, std::size_t columns);

/// Returns the columns of a whole line, counted in the same way. Colours take no room.
std::size_t most_columns(std::string_view line) noexcept;

/// As long as a Screen lives, it passes everything that is written to the console's streams through on_screen(). The
/// console's streams must outlive it.
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

/// Writes bytes to the output unchanged, for programs that read them. A terminal gets them as on_screen() shows them.
void write_bytes(const Console& console, std::string_view bytes);

/// Returns whether colours go to this descriptor: it is a terminal, and NO_COLOR is not set.
bool has_colours(const Console& console, int file_descriptor);

}  // namespace openexec::terminal
