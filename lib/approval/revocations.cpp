// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <openexec/verifier.hpp>

namespace openexec {

struct Revocations::Lists {
  std::vector<std::string> keys;
  std::vector<std::string> approvals;
};

Revocations::Revocations(std::vector<std::string> keys, std::vector<std::string> approvals) {
  std::sort(keys.begin(), keys.end());
  std::sort(approvals.begin(), approvals.end());
  lists_ = std::make_shared<const Lists>(Lists{std::move(keys), std::move(approvals)});
}

bool Revocations::revokes_key(std::string_view id_or_fingerprint) const noexcept {
  return lists_ && std::binary_search(lists_->keys.begin(), lists_->keys.end(), id_or_fingerprint);
}

bool Revocations::revokes_approval(std::string_view id) const noexcept {
  return lists_ && std::binary_search(lists_->approvals.begin(), lists_->approvals.end(), id);
}

Status Revocations::check(const Approval& approval) const {
  for (const std::string& key : approval.keys)
    if (revokes_key(key)) return {Code::approval_key_revoked, "a key of the approval is revoked"};
  if (revokes_approval(approval.id)) return {Code::approval_spent, "the approval is revoked"};
  return Status::success();
}

Result<Approval> Verifier::verify(const Proposal& proposal, Timestamp now, const Revocations& revocations) const {
  Result<Approval> approval = verify(proposal, now);
  if (!approval.ok()) return approval;
  if (Status no = revocations.check(*approval); !no.ok()) return no;
  return approval;
}

}  // namespace openexec
