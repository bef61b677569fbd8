// SPDX-License-Identifier: Apache-2.0
// What a row is found by: 48 bits of a hash, what kind of name was hashed, and the row's number.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include <openexec/bytes.hpp>

namespace openexec::store {

/// Whose name a key is, and so whether its number is a claim's or an entry's.
enum class KeyKind : std::uint8_t {
  nonce = 1,      ///< of a claim
  approval = 2,   ///< of a claim
  execution = 3,  ///< of an entry that is no outcome: its exec_id; many entries may share it
  attempt = 4,    ///< of an entry
  outcome = 5,    ///< of an entry that seals a claim or puts it in doubt: its exec_id
};

/// Names are hashed with SHA-256, so that no caller chooses where they land. 48 bits decide nothing: a row that is
/// found is compared with what was asked for.
struct Key {
  KeyKind kind;
  std::uint64_t hash;  ///< 48 bits

  bool operator==(const Key&) const = default;

  Key(KeyKind of, const Digest& name) noexcept : kind(of), hash(0) {
    for (std::size_t i = 0; i < 6; ++i) hash = hash << 8 | name[i];
  }
};

/// Ordered by hash, then kind, then row.
struct KeyRecord {
  std::uint64_t hash = 0;   ///< 48 bits
  std::uint64_t place = 0;  ///< the kind in 4 bits, the row's number in 44

  KeyRecord() = default;
  KeyRecord(Key key, std::int64_t row) noexcept
      : hash(key.hash),
        place(std::uint64_t{static_cast<std::uint8_t>(key.kind)} << row_bits | static_cast<std::uint64_t>(row)) {}

  [[nodiscard]] bool is_of(Key key) const noexcept { return hash == key.hash && kind() == key.kind; }
  [[nodiscard]] KeyKind kind() const noexcept { return static_cast<KeyKind>(place >> row_bits); }
  [[nodiscard]] std::int64_t row() const noexcept {
    return static_cast<std::int64_t>(place & ((std::uint64_t{1} << row_bits) - 1));
  }

  /// A number that records are summed up by, to find one that is missing or is another.
  [[nodiscard]] std::uint64_t mixed() const noexcept {
    std::uint64_t value =
        hash * 0x9e37'79b9'7f4a'7c15ULL ^ (place + 0xbf58'476d'1ce4'e5b9ULL) * 0x94d0'49bb'1331'11ebULL;
    value = (value ^ value >> 31) * 0xd6e8'feb8'6659'fd93ULL;
    return value ^ value >> 32;
  }

  auto operator<=>(const KeyRecord&) const = default;

  static constexpr unsigned row_bits = 44;
};

}  // namespace openexec::store
