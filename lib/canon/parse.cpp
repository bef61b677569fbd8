// SPDX-License-Identifier: Apache-2.0
#include <simdjson.h>
#include "base/assert.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include <canon/block.hpp>
#include <canon/number.hpp>
#include <canon/order.hpp>
#include <canon/scan.hpp>
#include <canon/tree.hpp>

namespace openexec::canon {

struct Tree::Source {
  simdjson::dom::document document;
};

Tree::Tree() : source(std::make_unique<Source>()) {}
Tree::~Tree() = default;

namespace {

/// simdjson selects the code for this processor at its first use, in noexcept functions that allocate: if memory cannot
/// be allocated there, the process ends. Its first use is therefore when the library is loaded, before the host runs.
/// After that it reports failed allocations.
[[maybe_unused]] const bool simdjson_has_chosen = !simdjson::get_active_implementation()->name().empty();

/// The largest text that simdjson accepts and that indices of the tape can count.
constexpr std::size_t max_text = (std::size_t{1} << 31) - Block::size;
constexpr std::size_t least_capacity = 256;

/// A container that is still open.
struct Frame {
  std::uint32_t at;     ///< where it begins
  std::uint32_t first;  ///< of an object: its first key among the waiting keys
  bool object;
  bool ascending;  ///< its keys were in order so far
  bool ascii;      ///< and were ASCII
};

/// A key of an object that has not ended. Its keys are sorted at the end.
struct Key {
  std::uint64_t prefix;
  std::uint32_t at;
};

/// Buffers for sorting, which are reused.
struct Workbench {
  Buffer<Frame> open;  ///< the open containers
  Buffer<Key> waiting;
};

enum class Verdict { strict, duplicate_key, other };

/// Walks the tape once, sorts the keys of every object, and checks the rules that simdjson does not.
class Sorter {
 public:
  Sorter(Tree& tree, const ParseLimits& limits, Workbench& bench)
      : tree_(tree), tape_(tree.tape), max_depth_(limits.max_depth), open_(bench.open), waiting_(bench.waiting) {}

  Verdict sort() {
    words_ = tape_.behind(0);
    tree_.order.reserve(words_, 0);
    tree_.keys.reserve(words_, 0);
    waiting_.reserve(words_, 0);
    tree_.depth = 0;
    const Tape tape = tape_;
    Frame frame{0, 0, false, true, true};
    for (std::uint32_t at = Tape::root;; ++at) {
      if (frame.object && tape.tag(at) == '"') add_key(frame, at++);
      switch (const char tag = tape.tag(at)) {
        case '"':
        case 't':
        case 'f':
        case 'n': break;
        case 'l': {
          const std::int64_t value = tape.integer(at++);
          if ((value < -max_integer || value > max_integer) && !is_jcs_form(value)) return Verdict::other;
          break;
        }
        case 'u':
          if (!is_jcs_form(static_cast<std::uint64_t>(tape.integer(at++)))) return Verdict::other;
          break;
        case 'd':
        case Tape::large_integer: ++at; break;
        case '{':
        case '[':
          if (depth_ >= max_depth_) return Verdict::other;
          open_.reserve(depth_ + 1, depth_)[depth_] = frame;
          tree_.depth = std::max(tree_.depth, ++depth_);
          frame = {at, count_, tag == '{', true, true};
          break;
        case '}':
          if (!sort_keys(frame)) return Verdict::duplicate_key;
          [[fallthrough]];
        case ']': frame = open_[--depth_]; break;
        case 'r': return Verdict::strict;
        default:  // a tag that no present version of simdjson writes
          return Verdict::other;
      }
    }
  }

  /// Returns the path of the duplicate key, such as "/payload/3/a", cut at the front if it is too long. Precondition:
  /// sort() found one.
  std::string duplicate_path() const {
    OPENEXEC_ASSERT(duplicate_ != 0, "parse: a key that is there twice was found");
    std::string path;
    prepend(printable(tape_.string(duplicate_)), path);
    std::uint32_t child = duplicate_in_;
    for (std::size_t depth = depth_; depth > 1 && path.size() < max_path; --depth) {
      const Frame& parent = open_[depth - 1];
      prepend(parent.object ? printable(tape_.string(child - 1)) : std::to_string(place(parent.at, child)), path);
      child = parent.at;
    }
    if (path.size() > max_path) path.replace(0, path.size() - max_path, "...");
    return path;
  }

 private:
  static constexpr std::size_t max_path = 160;

  template <class Integer>
  static bool is_jcs_form(Integer value) {
    std::array<char, max_number_size> text;
    const char* end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return is_jcs_integer({text.data(), static_cast<std::size_t>(end - text.data())});
  }

  static void prepend(const std::string& step, std::string& path) { path.insert(0, step).insert(0, 1, '/'); }

  /// Returns the index of the child in the array.
  std::size_t place(std::uint32_t array, std::uint32_t child) const {
    std::size_t place = 0;
    for (std::uint32_t at = array + 1; at < child; at = tape_.after(at)) ++place;
    return place;
  }

  /// Returns the end of a key in printable ASCII, short enough for a detail.
  static std::string printable(std::string_view key) {
    if (key.size() > max_path) {
      key.remove_prefix(key.size() - max_path);
      while (!key.empty() && (static_cast<unsigned char>(key.front()) & 0xc0) == 0x80) key.remove_prefix(1);
    }
    std::string quoted;
    append_clawshield_v1_string(key, quoted);
    return quoted.substr(1, quoted.size() - 2);
  }

  void add_key(Frame& frame, std::uint32_t at) {
    const std::string_view name = tape_.string(at);
    const Key key{utf16_prefix(name), at};
    if ((key.prefix & every_byte(0x80)) != 0 || (name.size() > 8 && !is_ascii(name))) frame.ascii = false;
    if (frame.ascending && count_ != frame.first) frame.ascending = before(waiting_[count_ - 1], key);
    waiting_[count_++] = key;
  }

  /// Returns false if two members have the same key.
  bool sort_keys(const Frame& object) {
    Key* const begin = waiting_.data() + object.first;
    Key* const end = waiting_.data() + count_;
    count_ = object.first;
    Order& order = tree_.order[object.at];
    order.by_utf16 = order.by_code_point = listed_;
    const auto by_utf16 = [this](const Key& a, const Key& b) { return before(a, b); };
    if (object.ascending) {
      list(begin, end);
    } else if (!list_by_rank(begin, end)) {
      std::sort(begin, end, by_utf16);
      const Key* const same = std::adjacent_find(begin, end, std::not_fn(by_utf16));
      if (same != end) {
        duplicate_ = same->at;
        duplicate_in_ = object.at;
        return false;
      }
      list(begin, end);
    }
    if (!object.ascii && order_depends(begin, end)) {
      std::sort(begin, end, [this](const Key& a, const Key& b) { return tape_.string(a.at) < tape_.string(b.at); });
      words_ += static_cast<std::size_t>(end - begin);
      tree_.keys.reserve(words_, listed_);
      order.by_code_point = listed_;
      list(begin, end);
    }
    return true;
  }

  /// Whether the order by code point may differ from the order by UTF-16.
  bool order_depends(const Key* begin, const Key* end) const {
    const auto any_key = [&](std::uint8_t from, std::uint8_t to) {
      return std::any_of(begin, end, [&](const Key& key) { return has_byte(tape_.string(key.at), from, to); });
    };
    return any_key(0xee, 0xef) && any_key(0xf0, 0xf4);
  }

  /// Puts the keys into the tree in their order.
  void list(const Key* begin, const Key* end) {
    for (const Key* key = begin; key != end; ++key) tree_.keys[listed_++] = key->at;
  }

  /// Sorts a few keys with different prefixes: the place of each is the number of keys below it. No branch depends on
  /// their order, which a processor cannot predict. Returns false without effect for other keys.
  bool list_by_rank(const Key* begin, const Key* end) {
    constexpr std::ptrdiff_t few = 8;
    if (end - begin > few) return false;
    const auto count = static_cast<std::uint32_t>(end - begin);
    std::array<std::uint32_t, few> ranks{};
    std::uint32_t taken = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      for (std::uint32_t j = 0; j < count; ++j) ranks[i] += begin[j].prefix < begin[i].prefix;
      taken |= std::uint32_t{1} << ranks[i];
    }
    if (taken != (std::uint32_t{1} << count) - 1) return false;
    for (std::uint32_t i = 0; i < count; ++i) tree_.keys[listed_ + ranks[i]] = begin[i].at;
    listed_ += count;
    return true;
  }

  bool before(const Key& a, const Key& b) const {
    return a.prefix != b.prefix ? a.prefix < b.prefix : compare_utf16(tape_.string(a.at), tape_.string(b.at)) < 0;
  }

  Tree& tree_;
  const Tape tape_;
  std::size_t max_depth_;
  Buffer<Frame>& open_;
  Buffer<Key>& waiting_;
  std::size_t depth_ = 0;
  std::size_t words_ = 0;           ///< at least the number of keys to be listed: each has a word on the tape
  std::uint32_t count_ = 0;         ///< the number of waiting keys
  std::uint32_t listed_ = 0;        ///< the number of keys in the tree
  std::uint32_t duplicate_ = 0;     ///< a duplicate key
  std::uint32_t duplicate_in_ = 0;  ///< the object of the duplicate key
};

Status malformed(std::string detail, int http = 0) { return {Code::malformed_request, std::move(detail), http}; }

Status too_large(std::size_t size, std::size_t limit) {
  return malformed("JSON text of " + std::to_string(size) + " bytes, the limit is " + std::to_string(limit), 413);
}

Status say_where(const std::optional<Fault>& fault) {
  if (!fault) return malformed("not strict JSON");
  return malformed("byte " + std::to_string(fault->offset) + ": " + std::string(fault->reason));
}

/// Returns the text with ".0" after each large integer, so that simdjson reads it as a double.
std::string with_points(std::string_view text, const std::vector<LargeInteger>& large) {
  std::string out;
  out.reserve(text.size() + 2 * large.size());
  std::size_t at = 0;
  for (const LargeInteger& integer : large) {
    out.append(text.substr(at, integer.end - at)).append(".0");
    at = integer.end;
  }
  return out.append(text.substr(at));
}

/// Marks the large integers on the tape, so that the writers write them as integers again.
void mark_large(std::uint64_t* words, const std::vector<LargeInteger>& large) {
  const Tape tape{words, nullptr};
  auto next = large.begin();
  std::uint32_t number = 0;
  for (std::uint32_t at = Tape::root; next != large.end(); ++at) {
    const char tag = tape.tag(at);
    if (tag != 'l' && tag != 'u' && tag != 'd') continue;
    if (number++ == next->number) {
      constexpr std::uint64_t tag_bits = std::uint64_t{0xff} << 56;
      words[at] = (words[at] & ~tag_bits) | std::uint64_t{Tape::large_integer} << 56;
      ++next;
    }
    ++at;  // its value
  }
}

}  // namespace

struct Parser::Impl {
  simdjson::dom::parser simd;
  Workbench bench;
  Buffer<char> padded;

  /// Copies the text with the padding that simdjson needs after it.
  const char* pad(std::string_view text) {
    char* const copy = padded.reserve(text.size() + simdjson::SIMDJSON_PADDING, 0);
    std::copy(text.begin(), text.end(), copy);
    std::fill_n(copy + text.size(), simdjson::SIMDJSON_PADDING, ' ');
    return copy;
  }

  static std::size_t rounded(std::size_t size) { return std::bit_ceil(std::max(size, least_capacity)); }

  simdjson::error_code prepare(std::size_t size, const ParseLimits& limits, simdjson::dom::document& document) {
    // Memory for one more block lets the writers read a whole block at the end of every string.
    const std::size_t needed = size + Block::size;
    // The limit of simdjson must not be lower than ours. A text cannot be nested deeper than its length.
    const std::size_t depth = std::min(limits.max_depth, size) + 1;
    simdjson::error_code error = simdjson::SUCCESS;
    if (document.capacity() < needed) error = document.allocate(rounded(needed));
    if (error == simdjson::SUCCESS && (simd.capacity() < needed || simd.max_depth() < depth))
      error = simd.allocate(rounded(needed), std::max(depth, simd.max_depth()));
    return error;
  }

  bool read(std::string_view text, const ParseLimits& limits, simdjson::dom::document& document) {
    simdjson::error_code error = prepare(text.size(), limits, document);
    if (error == simdjson::SUCCESS) error = simd.parse_into_document(document, pad(text), text.size(), false).error();
    if (error == simdjson::MEMALLOC) throw std::bad_alloc();
    return error == simdjson::SUCCESS;
  }
};

Parser::Parser() : impl_(std::make_unique<Impl>()) {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

Status Parser::parse(std::string_view text, const ParseLimits& limits, Document& out) {
  if (out.tree_) out.tree_->empty = true;
  const std::size_t max_bytes = std::min(limits.max_bytes, max_text);
  if (text.size() > max_bytes) return too_large(text.size(), max_bytes);
  if (!out.tree_) out.tree_ = std::make_unique<Tree>();

  Tree& tree = *out.tree_;
  const bool has_mark = text.starts_with("\xef\xbb\xbf");  // newer versions of simdjson would skip it
  if (has_mark || !impl_->read(text, limits, tree.source->document)) {
    std::vector<LargeInteger> large;
    const std::optional<Fault> fault = first_fault(text, limits, &large);
    if (fault || large.empty() || text.size() + 2 * large.size() > max_text ||
        !impl_->read(with_points(text, large), limits, tree.source->document))
      return say_where(fault);
    mark_large(tree.source->document.tape.get(), large);
  }

  const simdjson::dom::document& document = tree.source->document;
  tree.tape = {document.tape.get(), reinterpret_cast<const char*>(document.string_buf.get())};
  Sorter sorter(tree, limits, impl_->bench);
  const Verdict verdict = sorter.sort();
  if (verdict == Verdict::duplicate_key) return malformed("duplicate key at " + sorter.duplicate_path());
  if (verdict == Verdict::other) return say_where(first_fault(text, limits));
  tree.empty = false;
  return Status::success();
}

Result<Document> parse(std::string_view text, const ParseLimits& limits) {
  Document document;
  if (Status status = Parser().parse(text, limits, document); !status.ok()) return status;
  return document;
}

}  // namespace openexec::canon
