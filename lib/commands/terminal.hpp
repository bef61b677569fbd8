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

/// JSON on several lines, its strings shown like that (which is still the same JSON).
std::string pretty(canon::View value, std::size_t indent = 0);

// Output.

/// Writes one line.
void print(const Console& console, std::string_view line);

/// Where a text will be read: in the output, among the messages, or on the terminal that a question is asked on.
enum class Shown { as_output, as_message, on_terminal };

/// Colours, only where a person looks: on a terminal, and unless NO_COLOR is set.
class Style {
 public:
  explicit Style(const Console& console, Shown where = Shown::as_output);
  /// How wide the terminal is that the text goes to; nullopt if it goes to a file or to a program.
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

/// "  name   value" lines, aligned. Values may have several lines. A value that does not fit beside its name stands
/// below it, each line behind a mark: nothing from a value begins a line.
std::string fields(const Style& style, const std::vector<std::pair<std::string, std::string>>& rows);
/// A heading and rows, in columns.
std::string table(const Style& style, const std::vector<std::string>& heading,
                  const std::vector<std::vector<std::string>>& rows);

// Input.

/// Who may be able to read a file.
enum class Readers { owner, anybody };

/// The whole of a regular file, or of standard input for "-". Stop if it cannot be read, is larger than 16 MiB, or may
/// be read by others than `readers`.
std::string read_input(const Console& console, const std::string& path, Readers readers = Readers::anybody);
/// A file that must not exist yet. Stop where it does, or cannot be written.
void write_new_file(const std::string& path, std::string_view text, unsigned mode);

/// Shows a text and asks, on the terminal itself, so that standard input stays free for data. What was typed before the
/// text was there is discarded. Stop(no, declined) for any answer but the expected one, Stop(cannot) if there is no
/// terminal.
void confirm(const Console& console, const std::string& text, const std::string& question, const std::string& expected,
             const std::string& otherwise, const std::string& declined);
/// Shows a text there that is asked about later.
void show_on_terminal(const Console& console, const std::string& text, const std::string& otherwise);
/// Asks for what is not shown as it is typed.
std::string ask_secret(const Console& console, const std::string& question, const std::string& otherwise);
/// The first line that a file descriptor gives.
std::string read_secret(int file_descriptor);

}  // namespace openexec::terminal
