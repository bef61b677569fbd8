// SPDX-License-Identifier: Apache-2.0
// What a DSSE approval says (docs/formats.md, section 10).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/bytes.hpp>
#include <openexec/clock.hpp>
#include <openexec/status.hpp>
#include <openexec/verifier.hpp>

namespace openexec::approval {

inline constexpr std::size_t max_steps = 1000;

/// One request that is approved.
struct Step {
  std::string action;
  std::string nonce;
  Digest parameters_hash{};
};

/// A statement whose shape is right; who signed it is another matter. An optional text that is absent is empty: none
/// may be given as such.
struct Statement {
  std::string token_id;
  std::string tenant_id;
  std::vector<Step> steps;         ///< one, unless it is a plan
  std::optional<StepOrder> order;  ///< of a plan; nothing else has one
  Digest plan{};                   ///< of a plan: the SHA-256 of the statement's jcs form
  Timestamp issued_at;
  Timestamp expires_at;
  std::optional<Timestamp> not_before;
  std::string audience;
  std::string policy_bundle_hash;  ///< 64 hexadecimal digits
  std::string constitution_version;
  std::string trace_id;
  std::string request_id;
  std::string approval_scope;
  Constraints constraints;
  std::string unknown_constraint;  ///< the name of one, as a detail may carry it

  [[nodiscard]] bool is_plan() const { return order.has_value(); }
  /// The step for this nonce: there is at most one. Takes no longer for more steps than a few comparisons.
  [[nodiscard]] std::optional<std::uint32_t> step_for(std::string_view nonce) const;

  std::vector<std::uint32_t> by_nonce;  ///< the steps' indices, sorted by their nonces
};

/// Reads a statement, strictly; otherwise approval_malformed, with the member in the detail: `statement.nonce:
/// missing`. A constraint of an unknown name is read, since that is a no of another code.
Result<Statement> read_statement(std::string_view json);

}  // namespace openexec::approval
