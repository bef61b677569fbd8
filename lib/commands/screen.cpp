// SPDX-License-Identifier: Apache-2.0
#include "commands/screen.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ostream>
#include <streambuf>
#include <utility>

#include "base/text.hpp"
#include "commands/code_points.hpp"

namespace openexec::terminal {
namespace {

// The escape sequences that Style writes (terminal.cpp). No other sequence reaches a terminal.
constexpr std::array<std::string_view, 5> colours{"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m"};

bool plain(char32_t c) {
  const auto after = std::upper_bound(not_plain.begin(), not_plain.end(), c,
                                      [](char32_t at, const CodePoints& r) { return at < r.first; });
  return after == not_plain.begin() || std::prev(after)->last < c;
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

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }
std::size_t columns_of(char first) { return static_cast<unsigned char>(first) < 0x80 ? 1 : 2; }

}  // namespace

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

std::string on_screen(std::string_view text, bool with_colours) {
  std::string out;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t kept = text[at] == '\n' ? 1 : with_colours ? colour_at(text.substr(at)) : 0;
    if (kept > 0) {
      out.append(shown(text.substr(begin, at - begin))).append(text.substr(at, kept));
      begin = at + kept;
    }
    at += std::max(kept, std::size_t{1});
  }
  return out.append(shown(text.substr(begin)));
}

std::size_t colour_at(std::string_view text) noexcept {
  for (const std::string_view colour : colours)
    if (text.starts_with(colour)) return colour.size();
  return 0;
}

std::vector<std::string> pieces(std::string_view line, std::size_t columns) {
  std::vector<std::string> all(1);
  std::size_t column = 0;
  for (std::size_t at = 0; at < line.size();) {
    if (const std::size_t colour = colour_at(line.substr(at)); colour > 0) {
      all.back() += line.substr(at, colour);
      at += colour;
      continue;
    }
    if (begins_character(line[at])) {
      if (column + columns_of(line[at]) > columns) {
        all.emplace_back();
        column = 0;
      }
      column += columns_of(line[at]);
    }
    all.back() += line[at++];
  }
  return all;
}

std::size_t most_columns(std::string_view line) noexcept {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t colour = colour_at(line.substr(at));
    if (colour == 0 && begins_character(line[at])) columns += columns_of(line[at]);
    at += std::max(colour, std::size_t{1});
  }
  return columns;
}

/// Gathers whole lines, or what is there when the writer flushes the stream, so that no character is cut.
class Screen::Filter final : public std::streambuf {
 public:
  Filter(std::ostream& stream, bool with_colours) : stream_(stream), colours_(with_colours), to_(stream.rdbuf(this)) {}
  ~Filter() override {
    (void)emit(pending_.size());
    (void)to_->pubsync();
    stream_.rdbuf(to_);
  }

 protected:
  int overflow(int c) override {
    if (c == traits_type::eof()) return traits_type::not_eof(c);
    const char byte = static_cast<char>(c);
    return xsputn(&byte, 1) == 1 ? c : traits_type::eof();
  }
  std::streamsize xsputn(const char* bytes, std::streamsize size) override {
    pending_.append(bytes, static_cast<std::size_t>(size));
    const std::size_t end = pending_.rfind('\n');
    return end == std::string::npos || emit(end + 1) ? size : 0;
  }
  int sync() override { return emit(pending_.size()) ? to_->pubsync() : -1; }

 public:
  /// Writes bytes that are not text, after everything that was written before.
  bool pass(std::string_view bytes) {
    return sync() == 0 && to_->sputn(bytes.data(), static_cast<std::streamsize>(bytes.size())) ==
                              static_cast<std::streamsize>(bytes.size());
  }

 private:
  bool emit(std::size_t size) {
    const std::string text = on_screen(std::string_view(pending_).substr(0, size), colours_);
    pending_.erase(0, size);
    return to_->sputn(text.data(), static_cast<std::streamsize>(text.size())) ==
           static_cast<std::streamsize>(text.size());
  }

  std::ostream& stream_;
  const bool colours_;
  std::streambuf* to_;
  std::string pending_;
};

Screen::Screen(const Console& console)
    : out_(std::make_unique<Filter>(console.out, has_colours(console, console.out_descriptor))),
      err_(std::make_unique<Filter>(console.err, has_colours(console, console.err_descriptor))) {}
Screen::~Screen() = default;

void write_bytes(const Console& console, std::string_view bytes) {
  auto* filter = dynamic_cast<Screen::Filter*>(console.out.rdbuf());
  if (filter == nullptr || ::isatty(console.out_descriptor) == 1) {
    console.out << bytes;
  } else if (!filter->pass(bytes)) {
    console.out.setstate(std::ios::badbit);
  }
}

bool has_colours(const Console& console, int file_descriptor) {
  if (::isatty(file_descriptor) != 1) return false;
  const std::optional<std::string> term = console.environment("TERM");
  return console.environment("NO_COLOR").value_or("").empty() && term && *term != "dumb";
}

}  // namespace openexec::terminal
