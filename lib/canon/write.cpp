#include <algorithm>
#include <charconv>
#include <vector>

#include <canon/number.hpp>
#include <canon/tree.hpp>
#include <canon/word.hpp>

namespace openexec::canon {

/// Opens a View to the writers.
struct Writing {
  static const Tree& tree(View view) { return *view.tree_; }
  static std::uint32_t node(View view) { return view.node_; }
};

namespace {

/// Appends to a string through a pointer. Grows in proportion to what it has written itself, so that many small values
/// cost no more than one large one.
class Sink {
 public:
  explicit Sink(std::string& out) : out_(out), start_(out.size()), at_(out.size()) {}
  ~Sink() { out_.resize(at_); }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  /// Room for `size` characters more; wrote() ends their writing.
  char* room(std::size_t size) {
    if (out_.size() - at_ < size) out_.resize(at_ + std::max({size, at_ - start_, least_growth}));
    return out_.data() + at_;
  }
  void wrote(const char* end) { at_ = static_cast<std::size_t>(end - out_.data()); }

 private:
  static constexpr std::size_t least_growth = 256;
  std::string& out_;
  std::size_t start_;
  std::size_t at_;
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

/// Flags the bytes equal to `byte`: the lowest flag is right, those above it may not be.
constexpr std::uint64_t flag_equal(std::uint64_t word, std::uint8_t byte) {
  const std::uint64_t difference = word ^ every_byte(byte);
  return (difference - every_byte(1)) & ~difference;
}

/// Flags the characters that the form escapes, in the highest bit of each; the lowest flag is right.
template <class Form>
constexpr std::uint64_t flag_special(std::uint64_t word) {
  std::uint64_t flags = ((word - every_byte(0x20)) & ~word) | flag_equal(word, '"') | flag_equal(word, '\\');
  if constexpr (Form::ascii_only) flags |= word | (word + every_byte(1));
  return flags & every_byte(0x80);
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
    case '\\':
      return put_short(c);
    case '\b':
      return put_short('b');
    case '\t':
      return put_short('t');
    case '\n':
      return put_short('n');
    case '\f':
      return put_short('f');
    case '\r':
      return put_short('r');
    default:
      return put_code_unit(static_cast<unsigned char>(c), out);
  }
}

/// Writes the escape for the character at `in`; returns the next one. Precondition: well-formed UTF-8.
const char* escape(const char* in, char*& out) {
  const auto byte = [in](int i) { return std::uint32_t{static_cast<unsigned char>(in[i])}; };
  const auto tail = [byte](int i) { return byte(i) & 0x3f; };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) {
    out = put_escaped_ascii(*in, out);
    return in + 1;
  }
  if (lead < 0xe0) {
    out = put_code_unit((lead & 0x1f) << 6 | tail(1), out);
    return in + 2;
  }
  if (lead < 0xf0) {
    out = put_code_unit((lead & 0x0f) << 12 | tail(1) << 6 | tail(2), out);
    return in + 3;
  }
  const std::uint32_t beyond = ((lead & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3)) - 0x10000;
  out = put_code_unit(0xd800 + (beyond >> 10), out);
  out = put_code_unit(0xdc00 + (beyond & 0x3ff), out);
  return in + 4;
}

template <class Form>
void put_string(std::string_view text, Sink& sink) {
  constexpr std::size_t slack = 8 + max_escape + 2;  // a word stored whole, an escape, the quotes
  const char* in = text.data();
  const char* const end = in + text.size();
  char* out = sink.room(text.size() + slack);
  *out++ = '"';
  while (in != end) {
    const auto left = static_cast<std::size_t>(end - in);
    const std::uint64_t word = left >= 8 ? load_word(in) : load_short(in, left);
    std::uint64_t special = flag_special<Form>(word);
    if (left < 8) special &= (std::uint64_t{1} << (8 * left)) - 1;
    const std::size_t plain = special != 0 ? first_flagged(special) : std::min<std::size_t>(left, 8);
    store_word(word, out);
    in += plain;
    out += plain;
    if (special == 0) continue;
    in = escape(in, out);
    sink.wrote(out);
    out = sink.room(static_cast<std::size_t>(end - in) + slack);
  }
  *out++ = '"';
  sink.wrote(out);
}

template <class Form>
class Writer {
 public:
  Writer(const Tree& tree, std::string& out) : tree_(tree), sink_(out) {}

  void write(std::uint32_t root) {
    value(tree_.nodes[root]);
    while (!open_.empty()) {
      Frame& frame = open_.back();
      if (frame.next == frame.end) {
        text(frame.object ? "}" : "]");
        open_.pop_back();
        continue;
      }
      if (frame.next != frame.begin) text(Form::comma);
      if (frame.object) {
        put_string<Form>(string_of(tree_.nodes[frame.next++]), sink_);
        text(Form::colon);
      }
      value(tree_.nodes[frame.next++]);  // may open a container and so invalidate `frame`
    }
  }

 private:
  /// An open container's children that are still to be written.
  struct Frame {
    std::uint32_t begin, next, end;
    bool object;
  };

  void value(const Node& node) {
    switch (node.type) {
      case Type::null:
        return text("null");
      case Type::boolean:
        return text(node.boolean ? "true" : "false");
      case Type::integer: {
        char* out = sink_.room(max_number_size);
        return sink_.wrote(std::to_chars(out, out + max_number_size, node.integer).ptr);
      }
      case Type::number:
        return sink_.wrote(Form::number(node.number, sink_.room(max_number_size)));
      case Type::string:
        return put_string<Form>(string_of(node), sink_);
      case Type::array:
        text("[");
        return open_.push_back({node.first, node.first, node.first + node.size, false});
      case Type::object: {
        text("{");
        const std::uint32_t width = 2 * node.size;
        const std::uint32_t first = Form::by_code_point && node.twice ? node.first + width : node.first;
        return open_.push_back({first, first, first + width, true});
      }
    }
  }

  void text(std::string_view text) { sink_.wrote(put(text, sink_.room(text.size()))); }

  const Tree& tree_;
  Sink sink_;
  std::vector<Frame> open_;
};

template <class Form>
void append(View value, std::string& out) {
  if (value.is(Type::null)) {
    out += "null";
  } else {
    Writer<Form>(Writing::tree(value), out).write(Writing::node(value));
  }
}

template <class Form>
std::string written(View value) {
  std::string out;
  append<Form>(value, out);
  return out;
}

template <class Form>
void append_string(std::string_view text, std::string& out) {
  Sink sink(out);
  put_string<Form>(text, sink);
}

}  // namespace

void append_jcs(View value, std::string& out) { append<Jcs>(value, out); }
void append_clawshield_v1(View value, std::string& out) { append<ClawshieldV1>(value, out); }
void append_display(View value, std::string& out) { append<Display>(value, out); }
std::string jcs(View value) { return written<Jcs>(value); }
std::string clawshield_v1(View value) { return written<ClawshieldV1>(value); }
std::string display(View value) { return written<Display>(value); }

void append_jcs_string(std::string_view text, std::string& out) { append_string<Jcs>(text, out); }
void append_clawshield_v1_string(std::string_view text, std::string& out) { append_string<ClawshieldV1>(text, out); }

}  // namespace openexec::canon
