// SPDX-License-Identifier: Apache-2.0
// Who approved it, or why not.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/bytes.hpp>
#include <openexec/clock.hpp>
#include <openexec/money.hpp>
#include <openexec/request.hpp>
#include <openexec/status.hpp>

namespace openexec {

/// What an approval is subject to besides what it names. The executor enforces each, or refuses.
struct Constraints {
  std::optional<Usd> max_cost_usd;                      ///< what the execution may cost, at most
  std::optional<std::uint32_t> max_executions_per_min;  ///< of this action in this tenant, this one included

  [[nodiscard]] bool operator==(const Constraints&) const = default;
};

/// When a step of a plan may run.
enum class StepOrder : std::uint8_t {
  in_sequence = 1,  ///< only when the step before it has executed
  any = 2,          ///< whenever it is asked for
};

/// A principal's approval of one proposal, as far as it was verified.
struct Approval {
  std::string profile;  ///< the rules it was verified under: "clawshield-v1", "dsse"
  /// Spent together with the nonce; empty only where no approval is needed (DemoVerifier)
  std::string id;
  std::vector<std::string> keys;  ///< ids of the keys that approved, sorted

  /// Of a plan: which of its steps, from 0. Each step is spent by itself; absent: the approval is spent as a whole.
  std::optional<std::uint32_t> step;
  StepOrder step_order = StepOrder::in_sequence;  ///< means something where there is a step
  std::string plan;  ///< tells the plan from every other one with the same id: one of them alone can be used
  Constraints constraints;

  // What the approver said for the record; empty where nothing was said.
  std::string trace_id;
  std::string request_id;
  std::string approval_scope;

  /// When it was issued. Absent: the verifier does not say, and a ledger that was adopted takes none of its approvals.
  std::optional<Timestamp> issued_at = std::nullopt;
};

/// What the executor takes back while it runs: keys and approvals. Immutable; copies share it, from any thread.
class Revocations {
 public:
  Revocations() noexcept = default;  ///< nothing is revoked
  /// A key goes by its id in the trust policy or by its fingerprint (hex SHA-256 of its raw 32 bytes). An approval goes
  /// by its id; that of a plan revokes all its steps.
  Revocations(std::vector<std::string> keys, std::vector<std::string> approvals);

  [[nodiscard]] bool revokes_key(std::string_view id_or_fingerprint) const noexcept;
  [[nodiscard]] bool revokes_approval(std::string_view id) const noexcept;

  /// Success where neither the approval nor any key that it names is revoked; else approval_key_revoked, or
  /// approval_spent with a detail that says "revoked".
  [[nodiscard]] Status check(const Approval& approval) const;

 private:
  struct Lists;
  std::shared_ptr<const Lists> lists_;
};

/// Checks approvals offline.
///
/// Contract
///  - Answers from the artifact, the proposal, its own configuration, `now` and the revocations it is given: no
///    network, no clock of its own.
///  - Stateless about use: that an approval is used once is the NonceStore's promise.
///  - Anything that is not a verified approval is a Status of 110 to 122, or 123 for a revoked approval; an exception
///    refuses the request as well.
///  - A verifier that cannot decide, because it has no memory, says overloaded or throws std::bad_alloc. The attempt is
///    answered as overloaded then, and nothing is spent.
///  - Called from any thread, concurrently.
class Verifier {
 public:
  virtual ~Verifier() = default;

  /// The profile's name, as log entries carry it where no approval says its own. Empty means that nothing is verified
  /// (demo).
  [[nodiscard]] virtual std::string_view profile() const noexcept = 0;

  [[nodiscard]] virtual Result<Approval> verify(const Proposal& proposal, Timestamp now) const = 0;

  /// The same after `revocations`. The default asks verify(proposal, now), and then revocations.check(): one revoked
  /// key refuses. A verifier of m-of-n approvals overrides it, and counts again without the revoked keys.
  [[nodiscard]] virtual Result<Approval> verify(const Proposal& proposal, Timestamp now,
                                                const Revocations& revocations) const;

  /// Success when the verifier is configured and could accept something; else why not. Readiness checks show it.
  [[nodiscard]] virtual Status ready() const { return Status::success(); }
};

}  // namespace openexec
