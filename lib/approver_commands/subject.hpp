// SPDX-License-Identifier: Apache-2.0
// The subject that an approver is asked to approve. It is shown in a way that hides nothing.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <openexec/request.hpp>
#include <openexec/verifier.hpp>

#include "commands/terminal.hpp"

namespace openexec::terminal {

/// A request, or a plan: {"steps": [request, ...], "ordered"?: true}. Read once, so that what is shown is what is
/// signed.
struct Subject {
  std::vector<Proposal> steps;     ///< one step, or those of a plan
  std::optional<StepOrder> order;  ///< set if and only if it is a plan
  bool has_nonce = true;           ///< a request for a clawshield-v1 artifact may come without one
  std::string artifact;            ///< the approval that it carries already, or empty
  std::string tenant;

  [[nodiscard]] bool is_plan() const { return order.has_value(); }
};

/// Throws Stop(no) if the text is neither a request nor a plan.
Subject read_subject(const std::string& text, const std::string& tenant);

/// Returns the subject with an approval, in the form that is sent on. Payloads are in the form that is hashed, because
/// RFC 8785 would turn 1.0 into 1 and clawshield-v1 distinguishes the two.
std::string with_approval(const Subject& subject, const std::string& artifact);

/// Shows everything that an approval would cover: each step's action, nonce and hash, and every parameter by its path.
/// Long values are shown whole, on lines of their own. Characters that a terminal does not plainly show are escaped.
/// The last lines count what was shown. With `before`, the changes since that version are marked.
std::string review(const Style& style, const Subject& subject, const Subject* before = nullptr);

/// The same for programs.
std::string review_json(const Subject& subject);

/// Returns whether a "yes" is not enough to approve it. That is so for a plan, and for a word of money or of deletion
/// in an action or in a parameter's path.
bool is_weighty(const Subject& subject);

}  // namespace openexec::terminal
