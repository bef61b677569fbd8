// SPDX-License-Identifier: Apache-2.0
// Verification of approvals.
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

/// Further conditions of an approval. The executor enforces each, or refuses the request.
struct Constraints {
  std::optional<Usd> max_cost_usd;                      ///< the highest cost of the execution
  std::optional<std::uint32_t> max_executions_per_min;  ///< of the action in the tenant, this one included

  [[nodiscard]] bool operator==(const Constraints&) const = default;
};

/// When a step of a plan may run.
enum class StepOrder : std::uint8_t {
  in_sequence = 1,  ///< only after the previous step has executed
  any = 2,          ///< at any time
};

/// A verified approval of one proposal.
struct Approval {
  std::string profile;  ///< the rules it was verified under: "clawshield-v1", "dsse"
  /// Spent together with the nonce; empty only if no approval is needed (DemoVerifier)
  std::string id;
  std::vector<std::string> keys;  ///< ids of the keys that approved, sorted

  /// The step of a plan, from 0. Each step is spent separately. Absent: the approval is spent as a whole.
  std::optional<std::uint32_t> step;
  StepOrder step_order = StepOrder::in_sequence;  ///< has a meaning only with a step
  std::string plan;  ///< identifies the plan among those with the same id, of which only one can be used
  Constraints constraints;

  // Values that the approver wants on record; each may be empty.
  std::string trace_id;
  std::string request_id;
  std::string approval_scope;

  /// When it was issued. Absent: unknown. A ledger that was adopted then refuses the approval.
  std::optional<Timestamp> issued_at = std::nullopt;
};

/// Keys and approvals that were revoked while the executor runs. Immutable, and copies share it. Thread-safe.
class Revocations {
 public:
  Revocations() noexcept = default;  ///< nothing is revoked
  /// A key is named by its id in the trust policy or by its fingerprint (hex SHA-256 of its raw 32 bytes). An approval
  /// is named by its id. The id of a plan revokes all its steps.
  Revocations(std::vector<std::string> keys, std::vector<std::string> approvals);

  [[nodiscard]] bool revokes_key(std::string_view id_or_fingerprint) const noexcept;
  [[nodiscard]] bool revokes_approval(std::string_view id) const noexcept;

  /// Returns success if neither the approval nor any of its keys is revoked. Otherwise returns approval_key_revoked, or
  /// approval_spent with a detail that says "revoked".
  [[nodiscard]] Status check(const Approval& approval) const;

 private:
  struct Lists;
  std::shared_ptr<const Lists> lists_;
};

/// Checks approvals offline.
///
/// Contract
///  - Decides only by the artifact, the proposal, its own configuration, `now` and the revocations. Uses no network and
///    no other clock.
///  - Does not track use. The NonceStore ensures that an approval is used once.
///  - Returns a Status of 110 to 122 if the approval does not verify, or 123 if it is revoked. An exception also
///    refuses the request.
///  - Returns overloaded or throws std::bad_alloc if memory could not be allocated. The attempt is then answered as
///    overloaded, and nothing is spent.
///  - Called from any thread, concurrently.
class Verifier {
 public:
  virtual ~Verifier() = default;

  /// The name of the profile in log entries without a verified approval. Empty means that nothing is verified (demo).
  [[nodiscard]] virtual std::string_view profile() const noexcept = 0;

  [[nodiscard]] virtual Result<Approval> verify(const Proposal& proposal, Timestamp now) const = 0;

  /// Verifies with `revocations`. The default calls verify(proposal, now) and then revocations.check(), so that one
  /// revoked key refuses the approval. A verifier of m-of-n approvals overrides it and does not count revoked keys.
  [[nodiscard]] virtual Result<Approval> verify(const Proposal& proposal, Timestamp now,
                                                const Revocations& revocations) const;

  /// Returns success if the verifier is configured and can accept requests, else the reason. Readiness checks show it.
  [[nodiscard]] virtual Status ready() const { return Status::success(); }
};

}  // namespace openexec
