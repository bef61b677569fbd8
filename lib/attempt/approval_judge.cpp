// SPDX-License-Identifier: Apache-2.0
#include "attempt/approval_judge.hpp"

#include <new>
#include <utility>

#include "attempt/terms.hpp"
#include "base/unwind.hpp"

namespace openexec::exec {
namespace {

/// The verifier could not decide, as opposed to a refusal.
bool is_undecided(const Status& status) noexcept { return status.code() == Code::overloaded; }

}  // namespace

Result<Granted> ApprovalJudge::grant(const Parsed& parsed, const RegisteredAction& action, Timestamp at) const {
  const std::uint64_t epoch = controls_.epoch();  // before the revocations are read: a later one has another epoch
  Result<Approval> approval = ask_verifier(parsed, at, epoch);
  if (!approval.ok()) return approval.status();
  Terms terms;
  if (asks_for_approvals()) {
    if (Status status = check_identity(*approval); !status.ok()) return status;
    if (approval->step || approval->constraints != Constraints{}) {
      Result<Terms> held = hold_terms({*parts_.store, action, inside_}, parsed.proposal, *approval);
      if (!held.ok()) return held.status();
      terms = *std::move(held);
    }
  }
  return Granted(*std::move(approval), std::move(terms), epoch);
}

Status ApprovalJudge::check_identity(const Approval& approval) const {
  if (approval.id.empty()) return {Code::approval_malformed, "the approval has no id to spend"};
  if (floor_ && !(approval.issued_at && *approval.issued_at > *floor_))
    return {Code::approval_spent,
            "the approval was issued before the ledger was adopted, and may have been spent in what the ledger lost; "
            "ask for a new one"};
  if (approval.id.find(step_mark) != std::string::npos)
    return {Code::approval_malformed, "the approval's id has a line feed"};
  return Status::success();
}

Status ApprovalJudge::still_granted(Granted& granted, const Parsed& parsed, Timestamp at) const {
  const std::uint64_t epoch = controls_.epoch();
  if (granted.epoch_ == epoch || !asks_for_approvals()) return Status::success();
  Result<Approval> approval = ask_verifier(parsed, at, epoch);
  if (!approval.ok() && is_undecided(approval.status()))
    return {approval.status().code(), "the approval could not be verified again before the handler was entered"};
  if (!approval.ok() || approval->id != granted.approval_.id)
    return {Code::approval_spent, "the approval was revoked before the handler was entered"};
  granted.approval_.keys = std::move(approval->keys);
  granted.epoch_ = epoch;
  return Status::success();
}

Result<Approval> ApprovalJudge::ask_verifier(const Parsed& parsed, Timestamp at, std::uint64_t epoch) const {
  const auto began = parts_.clock->monotonic();
  Result<Approval> approval = [&]() OPENEXEC_CATCHES_UNWIND -> Result<Approval> {
    try {
      if (epoch == 0) return parts_.verifier->verify(parsed.proposal, at);
      return parts_.verifier->verify(parsed.proposal, at, controls_.revocations());
    } catch (base::ForcedUnwind&) {
      throw;
    } catch (const std::bad_alloc&) {
      return Status(Code::overloaded, "out of memory while the approval was verified; nothing ran");
    } catch (...) {
      return Status(Code::approval_signature_invalid, "the verifier failed");
    }
  }();
  meters_.verified(began, parts_.clock->monotonic());
  if (approval.ok()) return approval;
  const Status& status = approval.status();
  if (is_undecided(status)) return approval;
  const bool revoked = status.code() == Code::approval_spent && epoch != 0;
  if (revoked || (status.code() >= Code::approval_missing && status.code() < Code::approval_spent)) return approval;
  return Status(Code::approval_signature_invalid, "the verifier failed: " + status.detail());
}

}  // namespace openexec::exec
