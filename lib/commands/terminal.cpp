// SPDX-License-Identifier: Apache-2.0
#include "commands/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <ostream>

#include "base/descriptor.hpp"

namespace openexec::terminal {
namespace {

using base::Descriptor;

constexpr std::size_t max_input = std::size_t{16} << 20;

std::string why() { return std::strerror(errno); }

/// Returns a JSON string as JSON text. Plain characters are not escaped.
std::string quoted(std::string_view text) {
  std::string json;
  canon::append_jcs_string(text, json);
  return shown(json);
}

/// Counts the characters of a cell. Colours take no room.
std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t colour = colour_at(text.substr(at));
    if (colour == 0 && (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80) ++columns;
    at += std::max(colour, std::size_t{1});
  }
  return columns;
}

constexpr std::size_t common_columns = 80;
constexpr std::size_t columns_of_files = 100;
constexpr std::size_t widest_name = 24;
constexpr std::string_view continued = "    | ";

/// Returns how wide a terminal is, or nullopt if the descriptor is not a terminal.
std::optional<std::size_t> columns_of(int descriptor) {
  winsize size{};
  if (descriptor < 0 || ::isatty(descriptor) != 1) return std::nullopt;
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return common_columns;
  return size.ws_col;
}

/// Writes a line. Where it would pass the end of the terminal's line, it continues on the next one behind a mark.
std::string marked(std::string_view line, std::size_t columns) {
  std::string out;
  for (const std::string& piece : pieces(line, std::max(columns, continued.size() + 2) - continued.size()))
    out.append(out.empty() ? "" : "\n").append(out.empty() ? "" : continued).append(piece);
  return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t end = 0; end != text.npos; text.remove_prefix(std::min(text.size(), end + 1))) {
    end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == text.npos) break;
  }
  return lines;
}

std::string padded(std::string_view text, std::size_t columns) {
  std::string out(text);
  out.append(columns - std::min(columns, width(text)), ' ');
  return out;
}

std::string read_all(int descriptor, const std::string& name) {
  std::string out;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Stop(cannot, "cannot read " + name + ": " + why());
    if (got == 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(got));
    if (out.size() > max_input) throw Stop(cannot, name + " is larger than 16 MiB");
  }
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(descriptor, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

/// Reads one line, byte by byte, so that the bytes behind it stay unread. Returns nullopt at the end of the input, if
/// reading fails, or if the line is longer than 4,096 bytes.
std::optional<std::string> read_line(int descriptor) {
  std::string line;
  for (char c = 0;;) {
    const ssize_t got = ::read(descriptor, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 || (got == 0 && line.empty())) return std::nullopt;
    if (got == 0 || c == '\n') return line;
    line += c;
    if (line.size() > 4096) return std::nullopt;
  }
}

/// Turns the terminal's echo off, as long as it lives.
class Silence {
 public:
  explicit Silence(int terminal) : terminal_(terminal) {
    if (::tcgetattr(terminal_, &before_) != 0) throw Stop(cannot, "cannot hide what is typed: " + why());
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    if (::tcsetattr(terminal_, TCSAFLUSH, &silent) != 0) throw Stop(cannot, "cannot hide what is typed: " + why());
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() { ::tcsetattr(terminal_, TCSAFLUSH, &before_); }

 private:
  int terminal_;
  termios before_{};
};

Descriptor open_terminal(const Console& console, const std::string& otherwise) {
  const int descriptor = ::open(console.terminal.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) throw Stop(cannot, "there is no terminal to ask on; " + otherwise);
  return Descriptor(descriptor);
}

}  // namespace

void print(const Console& console, std::string_view line) { console.out << line << '\n'; }

std::string pretty(canon::View value, std::size_t indent) {
  if (value.is(canon::Type::string)) return quoted(value.string());
  const bool object = value.is(canon::Type::object);
  if ((!object && !value.is(canon::Type::array)) || value.size() == 0) return canon::clawshield_v1(value);

  const std::string margin(indent + 2, ' ');
  std::string out(1, object ? '{' : '[');
  bool first = true;
  for (const auto& member : value) {
    out.append(first ? "\n" : ",\n").append(margin);
    if (object) out.append(quoted(member.key)).append(": ");
    out += pretty(member.value, indent + 2);
    first = false;
  }
  return out.append("\n").append(indent, ' ').append(object ? "}" : "]");
}

Style::Style(const Console& console, Shown where)
    : on_(has_colours(console, where == Shown::as_output ? console.out_descriptor : console.err_descriptor)) {
  if (where == Shown::on_terminal) {
    const Descriptor terminal(::open(console.terminal.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY));
    columns_ = columns_of(terminal.get()).value_or(common_columns);
  } else {
    columns_ = columns_of(where == Shown::as_output ? console.out_descriptor : console.err_descriptor);
  }
}

std::string Style::paint(const char* code, std::string_view text) const {
  if (!on_ || text.empty()) return std::string(text);
  return std::string("\x1b[").append(code).append("m").append(text).append("\x1b[0m");
}

std::string fields(const Style& style, const std::vector<std::pair<std::string, std::string>>& rows) {
  const std::size_t columns = style.columns().value_or(columns_of_files);
  std::size_t column = 0;
  for (const auto& row : rows)
    if (width(row.first) <= widest_name) column = std::max(column, width(row.first));
  std::string out;
  for (const auto& [name, value] : rows) {
    const std::vector<std::string_view> lines = lines_of(value);
    const bool fits = width(name) <= column && std::all_of(lines.begin(), lines.end(), [&](std::string_view line) {
                        return column + 4 + most_columns(line) <= columns;
                      });
    if (fits) {
      out += "  " + style.faint(padded(name, column)) + "  ";
      for (std::size_t i = 0; i < lines.size(); ++i)
        out.append(i == 0 ? 0 : column + 4, ' ').append(lines[i]).append("\n");
    } else {
      // Below its name, and each line with a mark, so that no part of a value stands where a name would.
      out += "  " + style.faint(marked(name, columns)) + "\n";
      for (const std::string_view line : lines) out.append(continued).append(marked(line, columns)).append("\n");
    }
  }
  return out;
}

std::string table(const Style& style, const std::vector<std::string>& heading,
                  const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> columns;
  for (const std::string& cell : heading) columns.push_back(width(cell));
  for (const auto& row : rows)
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = std::max(columns[i], width(row[i]));

  const auto line = [&](const std::vector<std::string>& cells) {
    std::string out;
    for (std::size_t i = 0; i + 1 < columns.size(); ++i) out += padded(cells[i], columns[i]) + "  ";
    out += cells.back();
    return out.erase(out.find_last_not_of(' ') + 1);
  };
  // A row that is too long for the terminal goes on behind a mark.
  const auto fitted = [&](const std::string& text) {
    return (style.columns() && most_columns(text) > *style.columns() ? marked(text, *style.columns()) : text) + "\n";
  };
  std::string out = fitted(style.strong(line(heading)));
  for (const auto& row : rows) out += fitted(line(row));
  return out;
}

std::string read_input(const Console& console, const std::string& path, Readers readers) {
  if (path == "-") return read_all(console.in_descriptor, "standard input");
  // Reading a pipe could block for ever.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0)
    throw Stop(cannot, "cannot open " + path + ": " + why() + "; give a file, or - for standard input");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw Stop(cannot, "cannot look at " + path + ": " + why());
  if (!S_ISREG(status.st_mode)) throw Stop(cannot, path + " is not a regular file; give one, or - for standard input");
  if (readers == Readers::owner && (status.st_mode & 077) != 0)
    throw Stop(cannot, "others may read " + path + "; chmod 600 it, or say --shared-key");
  return read_all(file.get(), path);
}

void write_new_file(const std::string& path, std::string_view text, unsigned mode) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (file.get() < 0 && errno == EEXIST)
    throw Stop(cannot, path + " exists and is not overwritten; choose another name, or move it away");
  if (file.get() < 0) throw Stop(cannot, "cannot create " + path + ": " + why());
  if (!write_all(file.get(), text) || ::fsync(file.get()) != 0) {
    const std::string reason = why();
    ::unlink(path.c_str());
    throw Stop(cannot, "cannot write " + path + ": " + reason);
  }
}

void confirm(const Console& console, const std::string& text, const std::string& question, const std::string& expected,
             const std::string& otherwise, const std::string& declined) {
  const Descriptor terminal = open_terminal(console, otherwise);
  const auto write = [&](const std::string& what) {
    if (!write_all(terminal.get(), on_screen(what, has_colours(console, terminal.get()))))
      throw Stop(cannot, "cannot write to the terminal: " + why());
  };
  write(text);
  // What was typed before the text was shown answers another question.
  if (::tcflush(terminal.get(), TCIFLUSH) != 0) throw Stop(cannot, "cannot discard what was typed before: " + why());
  write(question);
  const auto line = read_line(terminal.get());
  if (line != expected) throw Stop(no, declined);
}

void show_on_terminal(const Console& console, const std::string& text, const std::string& otherwise) {
  const Descriptor terminal = open_terminal(console, otherwise);
  if (!write_all(terminal.get(), on_screen(text, has_colours(console, terminal.get()))))
    throw Stop(cannot, "cannot write to the terminal: " + why());
}

std::string ask_secret(const Console& console, const std::string& question, const std::string& otherwise) {
  const Descriptor terminal = open_terminal(console, otherwise);
  const Silence silence(terminal.get());
  if (!write_all(terminal.get(), on_screen(question, false)))
    throw Stop(cannot, "cannot write to the terminal: " + why());
  auto line = read_line(terminal.get());
  if (!line) throw Stop(no, "no answer");
  return std::move(*line);
}

std::string read_secret(int file_descriptor) {
  auto line = read_line(file_descriptor);
  if (!line) throw Stop(cannot, "no passphrase on file descriptor " + std::to_string(file_descriptor));
  return std::move(*line);
}

}  // namespace openexec::terminal
