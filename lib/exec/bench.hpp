// What attempts work with, lent from one to the next, so that buffers are allocated once.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

#include "approval/proposal.hpp"
#include "canon/json.hpp"

namespace openexec::exec {

struct Attempt;

/// For one attempt.
struct Bench {
  canon::Parser parser;
  std::unique_ptr<Proposal::Parts> parts;  ///< null while a Proposal holds them
  canon::Document result;
  std::string text;           ///< scratch
  std::size_t stretched = 0;  ///< bytes of the longest text it read

  /// Whether it is worth keeping: a large request leaves large buffers behind.
  [[nodiscard]] bool fits() const noexcept { return parts && stretched <= (std::size_t{4} << 10); }
};

/// What a batch of attempts has for the store at one time.
struct Submission {
  std::vector<Attempt*> attempts;  ///< in the order of the operations
  std::vector<std::string> notes;
  std::vector<Claim> claims;
  std::vector<Seal> seals;
  std::vector<NewEntry> entries;
  std::vector<Operation> operations;

  /// Empty, with room for so many: nothing moves afterwards.
  void start(std::size_t most) {
    attempts.clear();
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
  [[nodiscard]] bool fits() const noexcept { return operations.capacity() <= 256; }
};

}  // namespace openexec::exec
