// SPDX-License-Identifier: Apache-2.0
#include "ledger/nonce_table.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "rows/record_lookup.hpp"
#include "rows/rules.hpp"

namespace openexec::store {

Result<ClaimAnswer> NonceTable::claim(const Claim& claim) {
  if (Status status = check(claim); !status.ok()) return status;
  const Digest key = pair_key(claim.tenant, claim.nonce);
  if (const auto known = nonces_.find(key); known != nonces_.end()) {
    if (!same_request(known->second, claim)) return ClaimAnswer{ClaimAnswer::Kind::nonce_conflict, std::nullopt};
    if (!opens_next_attempt(known->second, claim)) return ClaimAnswer{ClaimAnswer::Kind::exists, known->second};
    if (const auto unmet = unmet_term(claim)) return ClaimAnswer{*unmet, std::nullopt};
    open_next_attempt(known->second, claim);
    return ClaimAnswer{ClaimAnswer::Kind::fresh, std::nullopt};
  }
  if (claim.attempt != 1) return no_attempt_before();
  std::optional<Digest> approval;
  if (!claim.approval_id.empty()) approval = pair_key(claim.tenant, claim.approval_id);
  if (approval && (approvals_.count(*approval) != 0 || is_used_otherwise(claim)))
    return ClaimAnswer{ClaimAnswer::Kind::approval_spent, std::nullopt};
  if (const auto unmet = unmet_term(claim)) return ClaimAnswer{*unmet, std::nullopt};

  const auto place = nonces_.emplace(key, record_of(claim)).first;
  std::pair<decltype(plans_)::iterator, bool> token{plans_.end(), false};
  try {
    const Timestamp at = std::max(latest_, claim.at);
    last_minute_.push_back({at, &place->second});
    if (approval) token = plans_.try_emplace(pair_key(claim.tenant, token_of(claim.approval_id)), claim.approval_id);
    if (approval) approvals_.emplace(*approval, &place->second);
    while (last_minute_.front().at.micros <= at.micros - minute_us) last_minute_.pop_front();
  } catch (...) {
    if (!last_minute_.empty() && last_minute_.back().claim == &place->second) last_minute_.pop_back();
    nonces_.erase(place);
    if (token.second) plans_.erase(token.first);
    throw;
  }
  saw(claim.at);
  return ClaimAnswer{ClaimAnswer::Kind::fresh, std::nullopt};
}

std::optional<ClaimAnswer::Kind> NonceTable::unmet_term(const Claim& claim) const {
  if (!claim.predecessor.empty() && !has_executed(claim.tenant, claim.predecessor))
    return ClaimAnswer::Kind::out_of_order;
  if (claim.max_per_minute != 0 && within_a_minute(claim) >= claim.max_per_minute)
    return ClaimAnswer::Kind::rate_reached;
  return std::nullopt;
}

void NonceTable::open_next_attempt(NonceRecord& record, const Claim& claim) {
  NonceRecord next = record_of(claim);
  const Timestamp at = std::max(latest_, claim.at);
  last_minute_.push_back({at, &record});
  while (last_minute_.front().at.micros <= at.micros - minute_us) last_minute_.pop_front();
  record = std::move(next);  // nothing fails from here on
  saw(claim.at);
}

bool NonceTable::is_used_otherwise(const Claim& claim) const {
  const auto first = plans_.find(pair_key(claim.tenant, token_of(claim.approval_id)));
  return first != plans_.end() && !of_one_plan(first->second, claim.approval_id);
}

bool NonceTable::has_executed(std::string_view tenant, std::string_view approval_id) const {
  const auto spent = approvals_.find(pair_key(tenant, approval_id));
  return spent != approvals_.end() && spent->second->state == NonceState::sealed && spent->second->code == Code::ok;
}

std::size_t NonceTable::within_a_minute(const Claim& claim) const {
  const std::int64_t over = std::max(latest_, claim.at).micros - minute_us;
  return static_cast<std::size_t>(std::count_if(last_minute_.begin(), last_minute_.end(), [&](const Seen& seen) {
    return seen.at.micros > over && seen.claim->action == claim.action && seen.claim->tenant == claim.tenant;
  }));
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

void NonceTable::seal(const Seal& seal, std::string result, std::optional<std::uint64_t> entry) {
  const auto known = nonces_.find(pair_key(seal.tenant, seal.nonce));
  OPENEXEC_ASSERT(known != nonces_.end(), "nonce table: what is sealed was claimed");
  NonceRecord& record = known->second;
  OPENEXEC_ASSERT(record.state != NonceState::in_doubt || doubts_ > 0, "nonce table: a claim in doubt is counted");
  if (record.state == NonceState::in_doubt) --doubts_;
  if (seal.state == NonceState::in_doubt) ++doubts_;
  record.state = seal.state;
  record.code = seal.code;
  record.effect = seal.effect;
  record.result = std::move(result);
  record.entry = entry;
  record.retryable = seal.retryable;
  saw(seal.at);
}

std::vector<NonceRecord> NonceTable::doubts(std::optional<std::uint64_t> after, std::size_t count) const {
  std::vector<const NonceRecord*> found;
  for (const auto& [key, record] : nonces_)
    if (record.state == NonceState::in_doubt && record.entry && (!after || *record.entry > *after))
      found.push_back(&record);
  std::sort(found.begin(), found.end(),
            [](const NonceRecord* a, const NonceRecord* b) { return *a->entry < *b->entry; });
  std::vector<NonceRecord> records;
  for (const NonceRecord* record : found) {
    if (records.size() == count) break;
    records.push_back(*record);
  }
  return records;
}

Status NonceTable::pin(std::string_view key, std::string_view value) {
  if (Status status = check_pin(key, value); !status.ok()) return status;
  const auto [known, added] = pins_.emplace(key, value);
  return added || known->second == value ? Status::success() : pinned_otherwise(key);
}

void NonceTable::control(const ControlChange& change, ControlName name) {
  OPENEXEC_ASSERT(check(change).ok(), "nonce table: a control that is kept was checked");
  if (change.stands)
    controls_.insert(std::move(name));
  else
    controls_.erase(name);
  saw(change.at);
}

void NonceTable::saw(Timestamp at) noexcept { latest_ = std::max(latest_, at); }

}  // namespace openexec::store
