// SPDX-License-Identifier: Apache-2.0
// A member of a batch is one durable operation on its way through the queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

namespace openexec::store {

struct Pin {
  std::string_view key;
  std::string_view value;
};

/// An operation that writes nothing. Its status says whether a write would be possible now.
struct Probe {};

/// An operation that writes nothing. It returns the claims without an outcome that no caller of this process waits for.
struct FindOrphans {
  std::vector<NonceRecord>* found;
};

/// An operation that makes the file the ledger from now on, and spends all approvals issued up to a time.
struct Adopt {
  std::string_view entry;
  Timestamp floor;
  Timestamp at;
};

/// The operation, by reference to the caller's argument, and its answer. The answer starts as a failure.
struct Member {
  std::variant<Probe, FindOrphans, const Claim*, const Seal*, const NewEntry*, Pin, const ControlChange*, Adopt> what;

  Status status{Code::store_failed, "not reached"};
  ClaimAnswer claim;        ///< of a Claim; counts only where `status` is success
  std::uint64_t entry = 0;  ///< of a Seal, a NewEntry or a ControlChange: its index
};

/// Returns whether the member is accepted even if the queue is full. A handler ran for a seal, and without room its
/// nonce would be in doubt. There are at most as many seals as accepted claims. A control may be the order that ends
/// the flood.
inline bool cannot_wait(const Member& member) noexcept {
  return std::holds_alternative<const Seal*>(member.what) || std::holds_alternative<const ControlChange*>(member.what);
}

/// Returns about how many bytes of a transaction the member takes.
inline std::size_t weight(const Member& member) noexcept {
  constexpr std::size_t row = 512;
  if (const auto* seal = std::get_if<const Seal*>(&member.what))
    return row + (*seal)->entry.size() + (*seal)->result.size();
  if (const auto* entry = std::get_if<const NewEntry*>(&member.what)) return row + (*entry)->json.size();
  if (const auto* control = std::get_if<const ControlChange*>(&member.what)) return row + (*control)->entry.size();
  return row;
}

}  // namespace openexec::store
