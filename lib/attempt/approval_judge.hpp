// SPDX-License-Identifier: Apache-2.0
// Who approved a request, and whether that approval counts here and now.
#pragma once

#include <optional>

#include <openexec/executor.hpp>

#include "attempt/phases.hpp"
#include "gate/controls.hpp"
#include "gate/limits.hpp"
#include "gate/measuring.hpp"

namespace openexec::exec {

/// Thread-safe. Everything that it refers to must outlive it.
class ApprovalJudge {
 public:
  /// `floor`: approvals issued up to then count no more (NonceStore::floor).
  ApprovalJudge(const Parts& parts, const Controls& controls, Meters& meters, InsideHandlers& inside,
                std::optional<Timestamp> floor)
      : parts_(parts), controls_(controls), meters_(meters), inside_(inside), floor_(floor) {}

  /// Whether requests need an approval at all: a verifier without a profile accepts everything.
  [[nodiscard]] bool asks_for_approvals() const noexcept { return !parts_.verifier->profile().empty(); }

  /// Asks the verifier, and checks what the verifier cannot know. `at`: the trusted time of the attempt.
  [[nodiscard]] Result<Granted> grant(const Parsed& parsed, const RegisteredAction& action, Timestamp at) const;

  /// Asks again if something was revoked since. Must be called under a passage of the gate, right before the handler is
  /// entered. Puts the keys that count now into `granted`.
  [[nodiscard]] Status still_granted(Granted& granted, const Parsed& parsed, Timestamp at) const;

 private:
  [[nodiscard]] Result<Approval> ask_verifier(const Parsed& parsed, Timestamp at, std::uint64_t epoch) const;
  [[nodiscard]] Status check_identity(const Approval& approval) const;

  const Parts& parts_;
  const Controls& controls_;
  Meters& meters_;
  InsideHandlers& inside_;
  const std::optional<Timestamp> floor_;
};

}  // namespace openexec::exec
