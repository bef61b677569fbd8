// SPDX-License-Identifier: Apache-2.0
// How a Document holds its value: simdjson's tape, and the order of each object's members, which simdjson leaves out.
//
// The tape (simdjson's doc/tape.md) is the value in document order, in words of 64 bits: a tag in the highest byte, and
//   {  [   below it the number of members or elements (24 bits, full meaning "that many or more"), and in the lowest
//          32 bits the index behind the matching bracket; the children follow, members as key, value, key, value
//   "      below it where the string lies: 32 bits of length, then the characters
//   l  d   an integer or a double in the next word
//   t f n  true, false, null
// Reading or writing a value is therefore a loop over indices.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include <canon/json.hpp>

namespace openexec::canon {

/// An array that grows and is never cleared, so that its elements are initialised once.
template <class T>
class Buffer {
 public:
  /// Makes room for `count` items, and keeps the first `kept`.
  T* reserve(std::size_t count, std::size_t kept) {
    if (count > capacity_) grow(std::bit_ceil(count), kept);
    return items_.get();
  }
  T& operator[](std::size_t i) { return items_[i]; }
  const T& operator[](std::size_t i) const { return items_[i]; }
  T* data() { return items_.get(); }
  const T* data() const { return items_.get(); }

 private:
  [[gnu::noinline]] void grow(std::size_t capacity, std::size_t kept) {
    auto larger = std::make_unique_for_overwrite<T[]>(capacity);
    std::copy_n(items_.get(), kept, larger.get());
    items_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<T[]> items_;
  std::size_t capacity_ = 0;
};

/// The result of simdjson for a text. It is copied, so that the compiler can assume that writes through char pointers
/// do not change it.
struct Tape {
  const std::uint64_t* words = nullptr;
  const char* strings = nullptr;

  static constexpr std::uint32_t root = 1;

  char tag(std::uint32_t at) const { return static_cast<char>(words[at] >> 56); }

  /// At least sixteen bytes can be read from every position within a string.
  std::string_view string(std::uint32_t at) const {
    const char* text = strings + (words[at] & ((std::uint64_t{1} << 56) - 1));
    std::uint32_t size;
    std::memcpy(&size, text, sizeof size);
    return {text + sizeof size, size};
  }

  /// The tag of a double that was written as an integer beyond 2^64 - 1, or below -2^63. It is ours, not simdjson's.
  static constexpr char large_integer = 'D';

  std::int64_t integer(std::uint32_t at) const { return static_cast<std::int64_t>(words[at + 1]); }
  double number(std::uint32_t at) const { return std::bit_cast<double>(words[at + 1]); }

  /// Returns the index after a container.
  std::uint32_t behind(std::uint32_t at) const { return static_cast<std::uint32_t>(words[at]); }

  /// Returns the index after any value.
  std::uint32_t after(std::uint32_t at) const {
    switch (tag(at)) {
      case '{':
      case '[': return behind(at);
      case 'l':
      case 'u':
      case 'd':
      case large_integer: return at + 2;
      default: return at + 1;
    }
  }

  /// Returns the number of members or elements of a container.
  std::uint32_t size(std::uint32_t at) const {
    constexpr std::uint32_t full = 0xffffff;
    const auto count = static_cast<std::uint32_t>(words[at] >> 32) & full;
    return count < full ? count : counted(at);
  }

 private:
  std::uint32_t counted(std::uint32_t at) const {
    const std::uint32_t values_each = tag(at) == '{' ? 2 : 1, end = behind(at) - 1;
    std::uint32_t count = 0;
    for (++at; at < end; at = after(at)) ++count;
    return count / values_each;
  }
};

/// Where the keys of an object are in Tree::keys, sorted.
struct Order {
  std::uint32_t by_utf16;
  std::uint32_t by_code_point;  ///< nearly always equal
};

struct Tree {
  Tree();
  ~Tree();

  struct Source;
  std::unique_ptr<Source> source;  ///< simdjson's document, which owns the tape
  Tape tape;
  Buffer<Order> order;         ///< by an object's index
  Buffer<std::uint32_t> keys;  ///< the indices of keys, object by object
  std::size_t depth = 0;       ///< the greatest depth of nested containers
  bool empty = true;           ///< whether no text was parsed into it
};

}  // namespace openexec::canon
