// One strict parse, three canonical forms. The only user of simdjson.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openexec/status.hpp>

namespace openexec::canon {

struct ParseLimits {
  std::size_t max_bytes = std::size_t{1} << 20;
  std::size_t max_depth = 128;  ///< nesting of objects and arrays; 0 admits scalars only
};

enum class Type : std::uint8_t { null, boolean, integer, number, string, array, object };

class Document;

/// A value inside a Document; valid as long as the Document is neither destroyed nor parsed into again. Cheap to copy.
class View {
 public:
  View() = default;
  [[nodiscard]] Type type() const;
  [[nodiscard]] bool is(Type t) const { return type() == t; }

  // Preconditions: the type fits.
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::int64_t integer() const;
  [[nodiscard]] double number() const;  ///< also of an integer
  [[nodiscard]] std::string_view string() const;
  [[nodiscard]] std::size_t size() const;  ///< members or elements

  [[nodiscard]] std::optional<View> find(std::string_view key) const;  ///< of an object

  /// The children in order: an array's elements as written, an object's members in the order of their keys (jcs order).
  class Iterator;
  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const;

 private:
  friend class Document;
  friend class Iterator;
  friend class Writer;
  View(const Document* document, std::uint32_t node) : document_(document), node_(node) {}
  const Document* document_ = nullptr;
  std::uint32_t node_ = 0;
};

/// Owns a parsed value. Movable; a move invalidates Views.
class Document {
 public:
  Document();
  ~Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

  [[nodiscard]] View root() const;

  struct Impl;  // json.cpp

 private:
  friend class View;
  friend class View::Iterator;
  friend class Writer;
  friend class Parser;
  std::unique_ptr<Impl> impl_;
};

/// Keeps its buffers from parse to parse. One thread at a time.
class Parser {
 public:
  Parser();
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;

  /// Strict JSON, any value at the top: UTF-8, no duplicate keys at any depth, no lone surrogates, finite numbers,
  /// integers within ±(2^53 − 1), nothing after the value. malformed_request with the byte offset, or the path of a
  /// duplicate key, in the detail; with http 413 where the text is over max_bytes.
  Status parse(std::string_view text, const ParseLimits& limits, Document& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Convenience: a parser of its own.
Result<Document> parse(std::string_view text, const ParseLimits& limits = {});

// The three forms (docs/formats.md, section 2). Each appends; none recurses.
void append_jcs(View value, std::string& out);
void append_clawshield_v1(View value, std::string& out);
void append_display(View value, std::string& out);
std::string jcs(View value);
std::string clawshield_v1(View value);
std::string display(View value);

// A string alone, quoted and escaped. Precondition: well-formed UTF-8.
void append_jcs_string(std::string_view text, std::string& out);
void append_clawshield_v1_string(std::string_view text, std::string& out);

}  // namespace openexec::canon
