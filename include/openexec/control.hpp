// SPDX-License-Identifier: Apache-2.0
// Controls: what an operator commands while executors run.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace openexec {

/// The operator who commands a control, and the reason. Both go into the log, in the entry of verdict `control` that
/// the command leaves.
struct Order {
  std::string_view who;     ///< 1 to 255 bytes of UTF-8 without control characters
  std::string_view why;     ///< 1 to 1,024 bytes of UTF-8
  std::string_view tenant;  ///< the tenant that the control binds; empty: every tenant
};

/// A kind of control. A control is active from the order that sets it until the order that lifts it.
enum class ControlKind : std::uint8_t {
  halt = 1,             ///< no handler is entered
  revoke_approval = 2,  ///< the approval with this id is no longer accepted
  revoke_key = 3,       ///< the key with this id or fingerprint is no longer counted
  confirm_clock = 4,    ///< the wall clock was right when the order was given; only the executor reads its id
};

/// Returns "halt", "revoke_approval", "revoke_key" or "confirm_clock": the kind as entries and the admin API spell it.
std::string_view name(ControlKind kind) noexcept;

/// Identifies a control. A store holds at most one control of each name.
struct ControlName {
  ControlKind kind = ControlKind::halt;
  std::string id;      ///< the id of the approval, key or confirmation; empty for a halt
  std::string tenant;  ///< the tenant that the control binds; empty: every tenant
  /// The index of the entry that records it, if the store knows it. Names are compared without it.
  std::optional<std::uint64_t> entry = std::nullopt;

  friend auto operator<=>(const ControlName& a, const ControlName& b) {
    return std::tie(a.kind, a.id, a.tenant) <=> std::tie(b.kind, b.id, b.tenant);
  }
  friend bool operator==(const ControlName& a, const ControlName& b) { return (a <=> b) == 0; }
};

}  // namespace openexec
