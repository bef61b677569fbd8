// SPDX-License-Identifier: Apache-2.0
// What somebody is asked to approve, and how it is shown so that nothing hides in it.
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
  std::vector<Proposal> steps;     ///< one, unless it is a plan
  std::optional<StepOrder> order;  ///< of a plan; nothing else has one
  bool has_nonce = true;           ///< a request for a clawshield-v1 artifact may come without one
  std::string artifact;            ///< the approval that it carries already; empty: none
  std::string tenant;

  [[nodiscard]] bool is_plan() const { return order.has_value(); }
};

/// Stop(no) where it is neither.
Subject read_subject(const std::string& text, const std::string& tenant);

/// The subject with an approval, ready to be handed on. Payloads are in the form that is hashed: RFC 8785 would turn
/// 1.0 into 1, which clawshield-v1 tells apart.
std::string with_approval(const Subject& subject, const std::string& artifact);

/// Everything that is approved by approving it: each step's action, nonce and hash, and every parameter by its path.
/// Long values are there whole, on lines of their own; what a terminal does not show plainly is escaped; and the last
/// lines count what should have been seen. With `before`, what changed since is marked.
std::string review(const Style& style, const Subject& subject, const Subject* before = nullptr);

/// The same for programs.
std::string review_json(const Subject& subject);

/// Whether a "yes" is too little for it: a plan, or a word of money or of deletion in an action or in a parameter's
/// path.
bool is_weighty(const Subject& subject);

}  // namespace openexec::terminal
