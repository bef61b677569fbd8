// SPDX-License-Identifier: Apache-2.0
// What both command lines share: text that is safe to show, tables, input, questions, and how a run ends.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "canon/json.hpp"
#include "commands/console.hpp"
#include "commands/screen.hpp"
#include "commands/stop.hpp"

namespace openexec::terminal {

// Text from others: see shown() in screen.hpp.

/// Returns JSON on several lines, its strings escaped as shown() does, which is still the same JSON.
std::string pretty(canon::View value, std::size_t indent = 0);

// Output.

/// Writes one line.
void print(const Console& console, std::string_view line);

/// The place where a text is read: the output, the messages, or the terminal that a question is asked on.
enum class Shown { as_output, as_message, on_terminal };

/// Colours a text if it goes to a terminal and NO_COLOR is not set.
class Style {
 public:
  explicit Style(const Console& console, Shown where = Shown::as_output);
  /// Returns how wide the terminal is that the text goes to, or nullopt if it goes to a file or to a program.
  [[nodiscard]] std::optional<std::size_t> columns() const noexcept { return columns_; }
  [[nodiscard]] std::string strong(std::string_view text) const { return paint("1", text); }
  [[nodiscard]] std::string good(std::string_view text) const { return paint("32", text); }
  [[nodiscard]] std::string bad(std::string_view text) const { return paint("31", text); }
  [[nodiscard]] std::string faint(std::string_view text) const { return paint("2", text); }

 private:
  [[nodiscard]] std::string paint(const char* code, std::string_view text) const;
  bool on_;
  std::optional<std::size_t> columns_;
};

/// Writes aligned lines of "  name   value". Values may have several lines. A value that does not fit beside its name
/// stands below it, each line behind a mark, so that nothing from a value begins a line.
std::string fields(const Style& style, const std::vector<std::pair<std::string, std::string>>& rows);
/// A heading and rows, in columns.
std::string table(const Style& style, const std::vector<std::string>& heading,
                  const std::vector<std::vector<std::string>>& rows);

// Input.

/// The users that may have the permission to read a file.
enum class Readers { owner, anybody };

/// Returns the whole of a regular file, or of standard input for "-". Throws Stop if it cannot be read, is larger than
/// 16 MiB, or may be read by others than `readers`.
std::string read_input(const Console& console, const std::string& path, Readers readers = Readers::anybody);
/// Writes a file that must not exist yet. Throws Stop if it exists or cannot be written.
void write_new_file(const std::string& path, std::string_view text, unsigned mode);

/// Shows a text and asks, on the terminal itself, so that standard input stays free for data. What was typed before the
/// text was shown is discarded. Throws Stop(no, declined) for any answer but the expected one, and Stop(cannot) if
/// there is no terminal.
void confirm(const Console& console, const std::string& text, const std::string& question, const std::string& expected,
             const std::string& otherwise, const std::string& declined);
/// Shows a text on that terminal, before a question about it.
void show_on_terminal(const Console& console, const std::string& text, const std::string& otherwise);
/// Asks for a text that the terminal does not show while it is typed.
std::string ask_secret(const Console& console, const std::string& question, const std::string& otherwise);
/// Reads the first line from a file descriptor.
std::string read_secret(int file_descriptor);

}  // namespace openexec::terminal
