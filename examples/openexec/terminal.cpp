#include "terminal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

#include <CLI/CLI.hpp>

#include "base/text.hpp"

namespace openexec::terminal {
namespace {

constexpr std::size_t max_input = std::size_t{16} << 20;

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string why() { return std::strerror(errno); }

// Characters that a terminal shows as nothing, as something else, or that turn the text around them.
struct Range {
  char32_t first;
  char32_t last;
};
constexpr std::array<Range, 22> not_plain{{
    {0x0000, 0x001f},   {0x007f, 0x009f},                                          // control
    {0x00ad, 0x00ad},   {0x034f, 0x034f},   {0x061c, 0x061c},   {0x115f, 0x1160},  // invisible, and Arabic direction
    {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},                      // zero width, left and right marks
    {0x2028, 0x202e},                                                              // line ends, embedding and override
    {0x2060, 0x206f},   {0x3164, 0x3164},   {0xd800, 0xdfff},   {0xe000, 0xf8ff},  // isolates, filler, private use
    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xffff},  // variation, marks, specials
    {0x13430, 0x13455}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
}};

bool plain(char32_t c) {
  return std::none_of(not_plain.begin(), not_plain.end(), [c](const Range& r) { return r.first <= c && c <= r.last; });
}

/// The code point at the front of well-formed UTF-8, and its length.
std::pair<char32_t, std::size_t> front(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xe0) return {(first & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if (first < 0xf0) return {(first & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
  return {(first & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f), 4};
}

void append_hex(std::string& out, const char* prefix, std::uint32_t value, int digits) {
  out += prefix;
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += "0123456789abcdef"[value >> shift & 0xf];
}

void append_escape(std::string& out, char32_t c) {
  if (c <= 0xffff) return append_hex(out, "\\u", c, 4);
  append_hex(out, "\\u", 0xd7c0 + (c >> 10), 4);  // as JSON writes it: a pair of surrogates
  append_hex(out, "\\u", 0xdc00 + (c & 0x3ff), 4);
}

/// A JSON string as JSON text, plain characters as themselves.
std::string quoted(std::string_view text) {
  std::string json;
  canon::append_jcs_string(text, json);
  return shown(json);
}

/// Characters, as a column counts them: colours take no room.
std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  bool colour = false;
  for (const char c : text) {
    if (c == '\x1b') colour = true;
    if (!colour && (static_cast<unsigned char>(c) & 0xc0) != 0x80) ++columns;
    if (c == 'm') colour = false;
  }
  return columns;
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

/// One line, byte by byte, so that nothing behind it is swallowed. Nothing at the end of the input.
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

/// Hides what is typed, as long as it lives.
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

File open_terminal(const std::string& otherwise) {
  const int descriptor = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) throw Stop(cannot, "there is no terminal to ask on; " + otherwise);
  return File(descriptor);
}

std::string answer_to(int terminal, const std::string& question) {
  if (!write_all(terminal, question)) throw Stop(cannot, "cannot write to the terminal: " + why());
  auto line = read_line(terminal);
  if (!line) throw Stop(no, "no answer");
  return std::move(*line);
}

}  // namespace

int run(CLI::App& app, int argc, char** argv, const std::function<int()>& command, int could_not) {
  try {
    app.parse(argc, argv);
    const int code = command();
    if (!std::cout.flush()) throw Stop(cannot, "cannot write the output: " + why());
    return code;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? yes : could_not;
  } catch (const Stop& stop) {
    std::cout.flush();
    std::cerr << app.get_name() << ": " << stop.what() << '\n';
    return stop.exit_code() == cannot ? could_not : stop.exit_code();
  } catch (const std::exception& error) {
    std::cerr << app.get_name() << ": " << error.what() << '\n';
    return could_not;
  }
}

std::string shown(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t good = base::utf8_prefix(text);
    for (std::string_view rest = text.substr(0, good); !rest.empty();) {
      const auto [c, length] = front(rest);
      if (plain(c)) {
        out += rest.substr(0, length);
      } else {
        append_escape(out, c);
      }
      rest.remove_prefix(length);
    }
    text.remove_prefix(good);
    if (text.empty()) break;
    append_hex(out, "\\x", static_cast<unsigned char>(text.front()), 2);
    text.remove_prefix(1);
  }
  return out;
}

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

Style::Style(int file_descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  on_ = ::isatty(file_descriptor) == 1 && (no_color == nullptr || *no_color == '\0') && !dumb;
}

std::string Style::paint(const char* code, std::string_view text) const {
  if (!on_ || text.empty()) return std::string(text);
  return std::string("\x1b[").append(code).append("m").append(text).append("\x1b[0m");
}

std::string fields(const Style& style, const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t column = 0;
  for (const auto& row : rows) column = std::max(column, width(row.first));
  std::string out;
  for (const auto& [name, value] : rows) {
    out += "  " + style.faint(padded(name, column)) + "  ";
    for (const char c : value) {
      out += c;
      if (c == '\n') out.append(column + 4, ' ');
    }
    out += '\n';
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
  std::string out = style.strong(line(heading)) + "\n";
  for (const auto& row : rows) out += line(row) + "\n";
  return out;
}

std::string read_input(const std::string& path) {
  if (path == "-") return read_all(STDIN_FILENO, "standard input");
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw Stop(cannot, "cannot open " + path + ": " + why() + "; give a file, or - for standard input");
  return read_all(file.get(), path);
}

void write_new_file(const std::string& path, std::string_view text, unsigned mode) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (file.get() < 0 && errno == EEXIST)
    throw Stop(cannot, path + " exists and is not overwritten; choose another name, or move it away");
  if (file.get() < 0) throw Stop(cannot, "cannot create " + path + ": " + why());
  if (!write_all(file.get(), text) || ::fsync(file.get()) != 0) {
    const std::string reason = why();
    ::unlink(path.c_str());
    throw Stop(cannot, "cannot write " + path + ": " + reason);
  }
}

std::string ask(const std::string& question, const std::string& otherwise) {
  const File terminal = open_terminal(otherwise);
  return answer_to(terminal.get(), question);
}

std::string ask_secret(const std::string& question, const std::string& otherwise) {
  const File terminal = open_terminal(otherwise);
  const Silence silence(terminal.get());
  return answer_to(terminal.get(), question);
}

std::string read_secret(int file_descriptor) {
  auto line = read_line(file_descriptor);
  if (!line) throw Stop(cannot, "no passphrase on file descriptor " + std::to_string(file_descriptor));
  return std::move(*line);
}

}  // namespace openexec::terminal
