// SPDX-License-Identifier: Apache-2.0
// The statement of a DSSE approval (docs/formats.md, section 10).
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

/// One approved request.
struct Step {
  std::string action;
  std::string nonce;
  Digest parameters_hash{};
};

/// A well-formed statement. Its signatures are verified separately. An absent optional text is empty, because an empty
/// text is malformed.
struct Statement {
  std::string token_id;
  std::string tenant_id;
  std::vector<Step> steps;         ///< one step, or those of a plan
  std::optional<StepOrder> order;  ///< of a plan; otherwise absent
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
  std::string unknown_constraint;  ///< the name of an unknown constraint, in a form for details

  [[nodiscard]] bool is_plan() const { return order.has_value(); }
  /// Returns the step for this nonce, by binary search. There is at most one.
  [[nodiscard]] std::optional<std::uint32_t> step_for(std::string_view nonce) const;

  std::vector<std::uint32_t> by_nonce;  ///< the steps' indices, sorted by their nonces
};

/// Reads a statement strictly. Returns approval_malformed with the member in the detail, such as `statement.nonce:
/// missing`. An unknown constraint is not malformed, because it is refused with another code.
Result<Statement> read_statement(std::string_view json);

}  // namespace openexec::approval
