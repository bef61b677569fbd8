// SPDX-License-Identifier: Apache-2.0
// Confirmations of the wall clock by a person, as the store keeps them, and the mark that follows from them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <openexec/clock.hpp>
#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

namespace openexec::exec {

/// A store's highest time never falls, so a confirmation that lowers the mark says how far the store had come.
struct Confirmation {
  std::uint64_t serial = 0;  ///< of several the highest counts; 0: no confirmation
  Timestamp mark;            ///< what was confirmed
  Timestamp seen;            ///< the highest time that the store knew by then

  /// The control under which the store keeps it.
  [[nodiscard]] ControlName name() const;
};

/// Takes the confirmations out of what stands, and returns the newest. One that cannot be read lowers nothing.
Confirmation take_confirmations(std::vector<ControlName>& standing);

/// The time behind which an executor does not go, where `latest` is the store's highest time. While the store knows of
/// no later time than at the confirmation, that is the confirmed mark, or the newest time in the log since then.
Result<Timestamp> mark_of(Timestamp latest, const Confirmation& confirmation, ReceiptLog& log);

}  // namespace openexec::exec
