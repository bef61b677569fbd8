// SPDX-License-Identifier: Apache-2.0
// What attempts work with, used by one after the other, so that buffers are allocated once.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

#include "canon/json.hpp"

namespace openexec::exec {

struct Attempt;

/// Bytes of a text beyond which the buffers that it left behind are not kept.
constexpr std::size_t longest_kept = std::size_t{4} << 10;

/// What a text is read with, a request or a result; for as long as that takes.
struct Reader {
  canon::Parser parser;
  canon::Document result;
  std::string text;         ///< scratch
  std::size_t longest = 0;  ///< bytes of what it read

  /// Before a text of so many bytes.
  void expect(std::size_t bytes) noexcept { longest = std::max(longest, bytes); }
  [[nodiscard]] bool fits() const noexcept { return longest <= longest_kept; }
};

/// What a hand of attempts has for the store at one time.
struct Submission {
  std::vector<Attempt*> attempts;                                   ///< in the order of the operations
  std::optional<std::chrono::steady_clock::time_point> claimed_at;  ///< right before the claims are handed over
  std::vector<std::string> notes;
  std::vector<Claim> claims;
  std::vector<Seal> seals;
  std::vector<NewEntry> entries;
  std::vector<Operation> operations;

  /// Empty, with room for so many: nothing moves afterwards.
  void start(std::size_t most) {
    attempts.clear();
    claimed_at.reset();
    claims.clear();
    seals.clear();
    entries.clear();
    operations.clear();
    attempts.reserve(most);
    claims.reserve(most);
    seals.reserve(most);
    entries.reserve(most);
    operations.reserve(most);
    if (notes.size() < most) notes.resize(most);
  }
  /// Adds what an attempt asks of the store. Within the room of start(); does not throw.
  template <class What>
  void add(Attempt& attempt, const What* what) {
    attempts.push_back(&attempt);
    operations.push_back({.what = what});
  }
  [[nodiscard]] bool fits() const noexcept { return operations.capacity() <= 256; }
};

}  // namespace openexec::exec
