// SPDX-License-Identifier: Apache-2.0
// What the texts of a log are made of: lines, numbers and hashes, each with one spelling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <openexec/bytes.hpp>
#include <openexec/status.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace openexec::merkle {

/// Lines, each of which ends in a line feed.
class Lines {
 public:
  explicit Lines(std::string_view text) noexcept : rest_(text) {}

  /// Returns the next line without its line feed, or nullopt if there is no line or its line feed is missing.
  std::optional<std::string_view> next() noexcept;
  /// The number of the line that next() gave last, from 1.
  [[nodiscard]] std::size_t number() const noexcept { return number_; }
  /// What next() has not given yet.
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

/// Decimal digits without leading zeros, at most 2^64 - 1.
std::optional<std::uint64_t> read_number(std::string_view text) noexcept;

/// The base64 of 32 bytes.
std::optional<Digest> read_hash(std::string_view text);
std::string hash_text(const Digest& digest);

/// Well-formed UTF-8 without control characters below U+0020 other than the line feed; else invalid_argument that names
/// the byte.
Status check_characters(std::string_view text);

}  // namespace openexec::merkle
