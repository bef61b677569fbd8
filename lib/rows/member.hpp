// SPDX-License-Identifier: Apache-2.0
// A member of a batch: one durable operation on its way through the queue.
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

/// Writes nothing. Its status says whether a write would be possible now.
struct Probe {};

/// Writes nothing: gives the claims without an outcome that no caller of this process waits for.
struct FindOrphans {
  std::vector<NonceRecord>* found;
};

/// Makes the file what the ledger is from now on, and spends all approvals issued up to a time.
struct Adopt {
  std::string_view entry;
  Timestamp floor;
  Timestamp at;
};

/// What is asked, by reference to the caller's argument, and the answer. It starts as a failure.
struct Member {
  std::variant<Probe, FindOrphans, const Claim*, const Seal*, const NewEntry*, Pin, const ControlChange*, Adopt> what;

  Status status{Code::store_failed, "not reached"};
  ClaimAnswer claim;        ///< of a Claim; counts only where `status` is success
  std::uint64_t entry = 0;  ///< of a Seal, a NewEntry or a ControlChange: its index
};

/// Whether it is let in even if the queue is full. A handler ran for a seal, and its nonce would be in doubt for want
/// of room. There are only as many seals as claims were let in. A control may be what ends the flood.
inline bool cannot_wait(const Member& member) noexcept {
  return std::holds_alternative<const Seal*>(member.what) || std::holds_alternative<const ControlChange*>(member.what);
}

/// About how many bytes of a transaction it takes.
inline std::size_t weight(const Member& member) noexcept {
  constexpr std::size_t row = 512;
  if (const auto* seal = std::get_if<const Seal*>(&member.what))
    return row + (*seal)->entry.size() + (*seal)->result.size();
  if (const auto* entry = std::get_if<const NewEntry*>(&member.what)) return row + (*entry)->json.size();
  if (const auto* control = std::get_if<const ControlChange*>(&member.what)) return row + (*control)->entry.size();
  return row;
}

}  // namespace openexec::store
