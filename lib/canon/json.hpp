// SPDX-License-Identifier: Apache-2.0
// The strict JSON parser and the three canonical forms. The only room that uses simdjson.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openexec/status.hpp>

namespace openexec::canon {

/// The largest integer; the smallest is its negative. Beyond them a double does not represent each integer exactly, so
/// that other parsers would read another value.
constexpr std::int64_t max_integer = (std::int64_t{1} << 53) - 1;

struct ParseLimits {
  std::size_t max_bytes = std::size_t{1} << 20;
  std::size_t max_depth = 128;  ///< depth of nested objects and arrays; 0 permits scalars only
};

enum class Type : std::uint8_t { null, boolean, integer, number, string, array, object };

struct Tree;  // tree.hpp

/// A value inside a Document. Valid until the Document is destroyed or parsed into again, and also after a move. Cheap
/// to copy. Any number of threads may read one Document.
class View {
 public:
  View() = default;  ///< null
  [[nodiscard]] Type type() const;
  [[nodiscard]] bool is(Type t) const { return type() == t; }

  // Preconditions: the type fits, or Breach is thrown.
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::int64_t integer() const;
  [[nodiscard]] double number() const;  ///< also of an integer
  [[nodiscard]] std::string_view string() const;
  [[nodiscard]] std::size_t size() const;  ///< members or elements

  class Found;
  [[nodiscard]] Found find(std::string_view key) const;  ///< of an object, by binary search

  /// The children in order: an array's elements as written, an object's members in the order of their keys (jcs order).
  /// `for (auto [key, value] : object)`; an element's key is empty.
  struct Member;
  class Iterator;
  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const;

 private:
  friend class Document;
  friend struct Writing;
  View(const Tree* tree, std::uint32_t node) : tree_(tree), node_(node) {}
  const Tree* tree_ = nullptr;
  std::uint32_t node_ = 0;
};

/// An optional View. It returns Views by value, never references into itself. With a plain optional, the loop in
/// `for (auto [k, v] : *o.find("a"))` would use a View inside a destroyed temporary.
class View::Found : public std::optional<View> {
 public:
  using std::optional<View>::optional;
  View operator*() const { return value(); }
  [[nodiscard]] View value() const { return std::optional<View>::value(); }  ///< throws std::bad_optional_access
};

struct View::Member {
  std::string_view key;
  View value;
};

class View::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Member;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = Member;

  Iterator() = default;
  [[nodiscard]] Member operator*() const;
  Iterator& operator++();
  Iterator operator++(int) {
    Iterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Iterator&) const = default;

 private:
  friend class View;
  Iterator(const Tree* tree, std::uint32_t at, bool object) : tree_(tree), at_(at), object_(object) {}
  const Tree* tree_ = nullptr;
  std::uint32_t at_ = 0;
  bool object_ = false;
};

/// Owns a parsed value. It is null before the first parse, and after a parse that failed.
class Document {
 public:
  Document();
  ~Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

  [[nodiscard]] View root() const;

 private:
  friend class Parser;
  std::unique_ptr<Tree> tree_;
};

/// A parser, which reuses its buffers. Used by one thread at a time.
class Parser {
 public:
  Parser();
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;

  /// Strict JSON, any value at the top: UTF-8, no duplicate keys at any depth, no lone surrogates, finite numbers,
  /// integers within ±(2^53 − 1), nothing after the value. Returns malformed_request with the byte offset, or the path
  /// of a duplicate key, in the detail (at most 200 bytes of printable ASCII); with http 413 for a text over max_bytes.
  /// Reuses the buffers of `out`, which keep the size for its largest text. Throws only std::bad_alloc.
  Status parse(std::string_view text, const ParseLimits& limits, Document& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Parses with a temporary parser.
Result<Document> parse(std::string_view text, const ParseLimits& limits = {});

// The three forms (docs/formats.md, section 2). Each appends; none recurses.
void append_jcs(View value, std::string& out);
void append_clawshield_v1(View value, std::string& out);
void append_display(View value, std::string& out);
std::string jcs(View value);
std::string clawshield_v1(View value);
std::string display(View value);

// These append one string, quoted and escaped. Precondition: well-formed UTF-8.
void append_jcs_string(std::string_view text, std::string& out);
void append_clawshield_v1_string(std::string_view text, std::string& out);

}  // namespace openexec::canon
