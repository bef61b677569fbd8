// SPDX-License-Identifier: Apache-2.0
// Numbers, texts and digests as bytes: what the ledger's rows are made of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>

#include "sqlite/guard.hpp"

namespace openexec::store {

/// Appends a number in the variable-length form of LEB128.
inline void append_number(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  out += static_cast<char>(value);
}

/// Appends a number that may be negative: small ones of either sign are short.
inline void append_signed(std::int64_t value, std::string& out) {
  const auto bits = static_cast<std::uint64_t>(value);
  append_number(bits << 1 ^ (value < 0 ? ~std::uint64_t{0} : 0), out);
}

inline void append_text(std::string_view text, std::string& out) {
  append_number(text.size(), out);
  out.append(text);
}

inline void append_digest(const Digest& digest, std::string& out) {
  out.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

inline std::string_view bytes_of(const Digest& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// Eight bytes, most significant first: what hashes are made over.
inline std::string fixed_number(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(value >> (8 * (7 - i)));
  return bytes;
}

/// Reads what the functions above wrote, and refuses everything else: each throws StoreFailure at a byte that they
/// would not have written.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] bool ended() const noexcept { return bytes_.empty(); }
  [[nodiscard]] std::string_view rest() const noexcept { return bytes_; }

  std::uint8_t byte() { return static_cast<std::uint8_t>(take(1).front()); }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const std::uint8_t next = byte();
      if (shift == 63 && next > 1) damaged();
      value |= std::uint64_t{next & 0x7fU} << shift;
      if (next >= 0x80) continue;
      if (next == 0 && shift > 0) damaged();  // a longer spelling of a shorter number
      return value;
    }
  }

  std::int64_t signed_number() {
    const std::uint64_t bits = number();
    return static_cast<std::int64_t>(bits >> 1 ^ ((bits & 1) != 0 ? ~std::uint64_t{0} : 0));
  }

  std::string_view text() {
    const std::uint64_t size = number();
    if (size > bytes_.size()) damaged();
    return take(static_cast<std::size_t>(size));
  }

  Digest digest() {
    const std::string_view bytes = take(sizeof(Digest));
    Digest digest;
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    return digest;
  }

  void end() const {
    if (!ended()) damaged();
  }

  [[noreturn]] static void damaged() { throw StoreFailure("the ledger is damaged: a row is malformed"); }

 private:
  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) damaged();
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  std::string_view bytes_;
};

}  // namespace openexec::store
