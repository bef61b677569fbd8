#include "store/nonce_table.hpp"

#include <algorithm>

#include "store/rules.hpp"

namespace openexec::store {
namespace {

NonceRecord record_of(const Claim& claim) {
  NonceRecord record;
  record.state = NonceState::claimed;
  record.tenant = claim.tenant;
  record.nonce = claim.nonce;
  record.action = claim.action;
  record.exec_id = claim.exec_id;
  record.request_hash = claim.request_hash;
  record.approval_digest = claim.approval_digest;
  record.approval = claim.approval;
  return record;
}

}  // namespace

Result<ClaimAnswer> NonceTable::claim(const Claim& claim) {
  if (Status status = check(claim); !status.ok()) return status;
  const Digest key = pair_key(claim.tenant, claim.nonce);
  if (const auto known = nonces_.find(key); known != nonces_.end()) {
    if (!same_request(known->second, claim)) return ClaimAnswer{ClaimAnswer::Kind::nonce_conflict, std::nullopt};
    return ClaimAnswer{ClaimAnswer::Kind::exists, known->second};
  }
  if (claim.approval_id.empty()) {
    nonces_.emplace(key, record_of(claim));
  } else {
    const auto [approval, unspent] = approvals_.insert(pair_key(claim.tenant, claim.approval_id));
    if (!unspent) return ClaimAnswer{ClaimAnswer::Kind::approval_spent, std::nullopt};
    try {
      nonces_.emplace(key, record_of(claim));
    } catch (...) {
      approvals_.erase(approval);
      throw;
    }
  }
  saw(claim.at);
  return ClaimAnswer{ClaimAnswer::Kind::fresh, std::nullopt};
}

std::optional<NonceRecord> NonceTable::find(std::string_view tenant, std::string_view nonce) const {
  const auto known = nonces_.find(pair_key(tenant, nonce));
  if (known == nonces_.end()) return std::nullopt;
  return known->second;
}

Status NonceTable::may_seal(const Seal& seal) const {
  if (Status status = check(seal); !status.ok()) return status;
  const auto known = nonces_.find(pair_key(seal.tenant, seal.nonce));
  return known == nonces_.end() ? never_claimed() : check_transition(known->second, seal);
}

void NonceTable::seal(const Seal& seal, std::string result, std::optional<std::uint64_t> entry) noexcept {
  NonceRecord& record = nonces_.find(pair_key(seal.tenant, seal.nonce))->second;
  record.state = seal.state;
  record.code = seal.code;
  record.effect = seal.effect;
  record.result = std::move(result);
  record.entry = entry;
  saw(seal.at);
}

Status NonceTable::pin(std::string_view key, std::string_view value) {
  if (Status status = check_pin(key, value); !status.ok()) return status;
  const auto [known, added] = pins_.emplace(key, value);
  return added || known->second == value ? Status::success() : pinned_otherwise(key);
}

void NonceTable::saw(Timestamp at) noexcept { latest_ = std::max(latest_, at); }

}  // namespace openexec::store
