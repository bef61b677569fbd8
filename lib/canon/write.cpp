// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <memory>

#include <base/assert.hpp>
#include <base/text.hpp>
#include <canon/block.hpp>
#include <canon/number.hpp>
#include <canon/tree.hpp>

namespace openexec::canon {

/// Gives the writers access to the tree of a View.
struct Writing {
  static const Tree* tree(View view) { return view.tree_; }  ///< nothing stands for null
  static std::uint32_t node(View view) { return view.node_; }
};

namespace {

/// The room behind what is being written; the place itself is handed around as a pointer, since a store through it
/// would make the compiler read a member again. Grows in proportion to what was written here, so that many small values
/// cost no more than one large one.
class Sink {
 public:
  explicit Sink(std::string& out) : out_(out), start_(out.size()), end_(begin()) {}

  char* begin() { return out_.data() + start_; }
  void finish(const char* at) { out_.resize(static_cast<std::size_t>(at - out_.data())); }

  /// Room for `size` characters at `at`, which may move.
  char* room(char* at, std::size_t size) { return static_cast<std::size_t>(end_ - at) >= size ? at : grow(at, size); }

 private:
  static constexpr std::size_t least_growth = 512;

  [[gnu::noinline]] char* grow(const char* at, std::size_t size) {
    const auto used = static_cast<std::size_t>(at - out_.data());
    out_.resize(used + std::max({size, used - start_, least_growth}));
    end_ = out_.data() + out_.size();
    return out_.data() + used;
  }

  std::string& out_;
  std::size_t start_;
  const char* end_;
};

struct Jcs {
  static constexpr std::string_view comma = ",";
  static constexpr std::string_view colon = ":";
  static constexpr bool ascii_only = false;
  static constexpr bool by_code_point = false;
  static char* number(double value, char* out) { return write_ecmascript(value, out); }
};

struct ClawshieldV1 {
  static constexpr std::string_view comma = ",";
  static constexpr std::string_view colon = ":";
  static constexpr bool ascii_only = true;
  static constexpr bool by_code_point = true;
  static char* number(double value, char* out) { return write_python(value, out); }
};

struct Display : ClawshieldV1 {
  static constexpr std::string_view comma = ", ";
  static constexpr std::string_view colon = ": ";
};

char* put(std::string_view text, char* out) { return std::copy(text.begin(), text.end(), out); }

/// Returns the mask of the characters that the form escapes.
template <class Form>
BlockMask special(const Block& block) {
  const BlockMask mask = block.control() | block.equal('"') | block.equal('\\');
  return Form::ascii_only ? mask | block.equal(0x7f) | block.not_ascii() : mask;
}

constexpr std::size_t max_escape = 12;  // a surrogate pair

char* put_code_unit(std::uint32_t unit, char* out) {
  constexpr std::string_view digits = "0123456789abcdef";
  out = put("\\u", out);
  for (int shift = 12; shift >= 0; shift -= 4) *out++ = digits[unit >> shift & 0xf];
  return out;
}

char* put_escaped_ascii(char c, char* out) {
  const auto put_short = [&](char letter) {
    *out++ = '\\';
    *out++ = letter;
    return out;
  };
  switch (c) {
    case '"':
    case '\\': return put_short(c);
    case '\b': return put_short('b');
    case '\t': return put_short('t');
    case '\n': return put_short('n');
    case '\f': return put_short('f');
    case '\r': return put_short('r');
    default: return put_code_unit(static_cast<unsigned char>(c), out);
  }
}

/// Returns the size of the character that begins with this byte.
std::size_t utf8_size(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/// Writes the escape for the character at `in`, which is of a text that the parser, or append_string, found to be UTF-8.
char* put_escaped(const char* in, char* out) {
  const auto byte = [in](int i) { return std::uint32_t{static_cast<unsigned char>(in[i])}; };
  const auto tail = [byte](int i) { return byte(i) & 0x3f; };
  switch (utf8_size(*in)) {
    case 1: return put_escaped_ascii(*in, out);
    case 2: return put_code_unit((byte(0) & 0x1f) << 6 | tail(1), out);
    case 3: return put_code_unit((byte(0) & 0x0f) << 12 | tail(1) << 6 | tail(2), out);
    default: {
      const std::uint32_t beyond = ((byte(0) & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3)) - 0x10000;
      return put_code_unit(0xdc00 + (beyond & 0x3ff), put_code_unit(0xd800 + (beyond >> 10), out));
    }
  }
}

Block short_block(const char* text, std::size_t size) {
  char bytes[Block::size] = {};
  std::memcpy(bytes, text, size);
  return Block(bytes);
}

/// Room for the quotes, for a whole block stored where less is meant, and for one escape. What is left of it after the
/// closing quote holds any separator.
constexpr std::size_t string_slack = 2 + Block::size + max_escape;

/// Writes a string's characters and the closing quote. There is room for `text` and string_slack. `Slack` tells that a
/// whole block can be read wherever the text has not ended, as in a Tree.
template <class Form, bool Slack>
[[gnu::noinline]] char* put_characters(std::string_view text, char* out, Sink& sink) {
  const char* in = text.data();
  std::size_t left = text.size();
  while (left != 0) {
    const std::size_t size = std::min(left, Block::size);
    const Block block = Slack || size == Block::size ? Block(in) : short_block(in, size);
    block.store(out);
    const BlockMask mask = special<Form>(block) & first_of(size);
    const std::size_t plain = mask == 0 ? size : static_cast<std::size_t>(std::countr_zero(mask));
    in += plain;
    out += plain;
    left -= plain;
    if (mask == 0) continue;
    out = put_escaped(in, out);
    in += utf8_size(*in);
    left = static_cast<std::size_t>(text.data() + text.size() - in);
    out = sink.room(out, left + string_slack);
  }
  *out++ = '"';
  return out;
}

/// Most strings are short and plain: one block, no branch taken.
template <class Form, bool Slack>
[[gnu::always_inline]] inline char* put_string(std::string_view text, char* out, Sink& sink) {
  out = sink.room(out, text.size() + string_slack);
  *out++ = '"';
  if (Slack && text.size() <= Block::size) {
    const Block block(text.data());
    block.store(out);
    if ((special<Form>(block) & first_of(text.size())) == 0) {
      out += text.size();
      *out++ = '"';
      return out;
    }
  }
  return put_characters<Form, Slack>(text, out, sink);
}

template <class Form>
class Writer {
 public:
  Writer(const Tree& tree, std::string& out) : tree_(tree), sink_(out), many_parents_(many(tree.depth)) {}

  void write(std::uint32_t root) {
    const Tape tape = tree_.tape;
    const std::uint32_t* const keys = tree_.keys.data();
    std::array<Children, few> few_parents;
    Children* parent = many_parents_ ? many_parents_.get() : few_parents.data();
    const Children* const none = parent;
    Children children{root, tape.after(root), false};
    char* out = sink_.begin();
    for (;;) {
      while (children.next != children.end) {
        std::uint32_t at = children.next;
        if (children.object) {
          at = keys[children.next++];
          out = put(Form::colon, put_string<Form, true>(tape.string(at++), out, sink_));
        } else {
          children.next = tape.after(at);
        }
        const char tag = tape.tag(at);
        if (tag == '{' || tag == '[') {
          *parent++ = children;
          children = children_of(at);
          out = sink_.room(out, separator_room);
          *out++ = tag;
        } else {
          out = separated(children, scalar(tape, at, out));
        }
      }
      if (parent == none) break;
      out = sink_.room(out, separator_room);
      *out++ = children.object ? '}' : ']';
      children = *--parent;
      out = separated(children, out);
    }
    sink_.finish(out);
  }

 private:
  /// A container's children that are still to be written: an array's as indices of the tape, an object's of Tree::keys.
  struct Children {
    std::uint32_t next, end;
    bool object;
  };

  static constexpr std::size_t few = 16;
  static constexpr std::size_t separator_room = 4;
  static constexpr std::size_t scalar_room = max_number_size + separator_room;

  static std::unique_ptr<Children[]> many(std::size_t depth) {
    return depth > few ? std::make_unique_for_overwrite<Children[]>(depth) : nullptr;
  }

  Children children_of(std::uint32_t at) const {
    if (tree_.tape.tag(at) == '[') return {at + 1, tree_.tape.behind(at) - 1, false};
    const Order& order = tree_.order[at];
    const std::uint32_t first = Form::by_code_point ? order.by_code_point : order.by_utf16;
    return {first, first + tree_.tape.size(at), true};
  }

  /// A comma where a child follows. Whatever was written last has left room for it.
  static char* separated(const Children& children, char* out) {
    return children.next != children.end ? put(Form::comma, out) : out;
  }

  char* scalar(const Tape tape, std::uint32_t at, char* out) {
    const char tag = tape.tag(at);
    if (tag == '"') return put_string<Form, true>(tape.string(at), out, sink_);
    out = sink_.room(out, scalar_room);
    switch (tag) {
      case 'l': return std::to_chars(out, out + max_number_size, tape.integer(at)).ptr;
      case 'u': return std::to_chars(out, out + max_number_size, static_cast<std::uint64_t>(tape.integer(at))).ptr;
      case Tape::large_integer:  // its digits are those that jcs writes, in every form
        return write_ecmascript(tape.number(at), out);
      case 'd': return Form::number(tape.number(at), out);
      case 't': return put("true", out);
      case 'f': return put("false", out);
      default: return put("null", out);
    }
  }

  const Tree& tree_;
  Sink sink_;
  std::unique_ptr<Children[]> many_parents_;
};

template <class Form>
void append(View value, std::string& out) {
  if (const Tree* tree = Writing::tree(value)) {
    Writer<Form>(*tree, out).write(Writing::node(value));
  } else {
    out += "null";
  }
}

template <class Form>
std::string written(View value) {
  std::string out;
  append<Form>(value, out);
  return out;
}

/// Whether there is nothing to escape, eight characters at a time. It may say no where there is nothing.
template <class Form>
bool is_plain(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101u;
  constexpr std::uint64_t highs = 0x8080808080808080u;
  const auto below = [](std::uint64_t word, std::uint64_t limit) { return (word - ones * limit) & ~word & highs; };
  const auto equal = [&](std::uint64_t word, char c) { return below(word ^ ones * static_cast<unsigned char>(c), 1); };
  while (!text.empty()) {
    std::uint64_t word = ones * ' ';
    const std::size_t size = std::min(sizeof word, text.size());
    std::memcpy(&word, text.data(), size);
    std::uint64_t special = below(word, 0x20) | equal(word, '"') | equal(word, '\\');
    if (Form::ascii_only) special |= (word & highs) | equal(word, 0x7f);
    if (special != 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

template <class Form>
void append_string(std::string_view text, std::string& out) {
  if (is_plain<Form>(text)) {  // names, as a rule: no room is made beyond what they take
    out.append(1, '"').append(text).append(1, '"');
    return;
  }
  Sink sink(out);
  sink.finish(put_string<Form, false>(text, sink.begin(), sink));
}

}  // namespace

void append_jcs(View value, std::string& out) { append<Jcs>(value, out); }
void append_clawshield_v1(View value, std::string& out) { append<ClawshieldV1>(value, out); }
void append_display(View value, std::string& out) { append<Display>(value, out); }
std::string jcs(View value) { return written<Jcs>(value); }
std::string clawshield_v1(View value) { return written<ClawshieldV1>(value); }
std::string display(View value) { return written<Display>(value); }

void append_jcs_string(std::string_view text, std::string& out) {
  OPENEXEC_ASSERT_SLOW(base::is_utf8(text), "canon: a string that is written is UTF-8");
  append_string<Jcs>(text, out);
}
void append_clawshield_v1_string(std::string_view text, std::string& out) {
  OPENEXEC_ASSERT_SLOW(base::is_utf8(text), "canon: a string that is written is UTF-8");
  append_string<ClawshieldV1>(text, out);
}

}  // namespace openexec::canon
