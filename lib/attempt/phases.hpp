// SPDX-License-Identifier: Apache-2.0
// What an attempt has proved so far: Parsed → Granted → Claimed. Each is a value that only its proof makes, so that a
// step which needs the proof cannot be called without it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <openexec/handler.hpp>
#include <openexec/nonce_store.hpp>
#include <openexec/request.hpp>
#include <openexec/verifier.hpp>

namespace openexec::exec {

/// A request that passed the one strict parse. Proposal has no other source than that parse.
struct Parsed {
  Proposal proposal;
  Digest exec_id{};
  Digest artifact_digest{};  ///< zero if the request has no artifact
};

/// A registered action. Tells what the steps before a claim need; its handler is reached through a Claimed only.
class RegisteredAction {
 public:
  RegisteredAction() = default;  ///< no action
  explicit RegisteredAction(const HandlerTable::Row* row) noexcept : row_(row) {}
  explicit operator bool() const noexcept { return row_ != nullptr; }

  [[nodiscard]] const PayloadSchema* schema() const noexcept { return row_->schema.get(); }
  [[nodiscard]] const Cost& cost() const noexcept { return row_->cost; }
  [[nodiscard]] const Prepare& prepare() const noexcept { return row_->prepare; }
  [[nodiscard]] std::chrono::milliseconds deadline() const noexcept { return row_->deadline; }
  /// Whether its handler finishes later.
  [[nodiscard]] bool is_asynchronous() const noexcept { return static_cast<bool>(row_->start); }
  /// Further attempts that an execution may have. 0 for no action.
  [[nodiscard]] std::uint32_t retry_none() const noexcept { return row_ != nullptr ? row_->retry_none : 0; }

 private:
  friend class Claimed;
  const HandlerTable::Row* row_ = nullptr;
};

/// Conditions of an approval that the claim has to keep.
struct Terms {
  std::string step;         ///< what a step of a plan is spent as; empty for other approvals
  std::string predecessor;  ///< the step that must have executed before; empty: none
};

/// An approval that the verifier accepted, for an action that can keep its terms. Made by ApprovalJudge only.
class Granted {
 public:
  [[nodiscard]] const Approval& approval() const noexcept { return approval_; }
  [[nodiscard]] const Terms& terms() const noexcept { return terms_; }
  /// The epoch of the revocations that it was verified under.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  /// What a claim spends besides the nonce: the id of the approval, or the step of a plan.
  [[nodiscard]] std::string_view spent_id() const noexcept { return terms_.step.empty() ? approval_.id : terms_.step; }

 private:
  friend class ApprovalJudge;
  Granted(Approval approval, Terms terms, std::uint64_t epoch) noexcept
      : approval_(std::move(approval)), terms_(std::move(terms)), epoch_(epoch) {}
  Approval approval_;
  Terms terms_;
  std::uint64_t epoch_;
};

/// A nonce and an approval that this attempt spent, durably. Nothing else reaches a handler, and each reaches it once.
class Claimed {
 public:
  /// Returns nullopt unless the store answered the claim with `fresh`. `since`: when the claim was handed to the store.
  static std::optional<Claimed> from(const Operation& answered, const Granted& granted, const RegisteredAction& action,
                                     std::chrono::steady_clock::time_point since) noexcept {
    (void)granted;  // the proof
    const auto* const claim = std::get_if<const Claim*>(&answered.what);
    if (claim == nullptr || !answered.status.ok() || answered.claim.kind != ClaimAnswer::Kind::fresh) return {};
    return Claimed(*action.row_, since);
  }

  /// Takes the right to call the handler. Returns false if it was taken before.
  [[nodiscard]] bool enter() noexcept { return !std::exchange(entered_, true); }
  [[nodiscard]] bool entered() const noexcept { return entered_; }
  /// Calls the handler. Preconditions: enter() returned true; the action is not asynchronous, or is for start().
  [[nodiscard]] HandlerResult run(const Invocation& invocation) const { return row_->run(invocation); }
  void start(const Invocation& invocation, Pending pending) const { row_->start(invocation, std::move(pending)); }
  [[nodiscard]] std::chrono::steady_clock::time_point since() const noexcept { return since_; }

 private:
  Claimed(const HandlerTable::Row& row, std::chrono::steady_clock::time_point since) noexcept
      : row_(&row), since_(since) {}
  const HandlerTable::Row* row_;
  std::chrono::steady_clock::time_point since_;
  bool entered_ = false;
};

}  // namespace openexec::exec
