// SPDX-License-Identifier: Apache-2.0
#include "rows/record_lookup.hpp"

#include <string>

#include "sqlite/guard.hpp"

namespace openexec::store {
namespace {

/// `match`: the names are those that were asked for. `key` and `own`: what was looked up, and what the row is found by.
bool confirmed(bool match, const Key& key, const std::optional<Key>& own) {
  if (!own || *own != key) throw StoreFailure("the ledger is damaged: its index names a row of another name");
  return match;
}

/// Throws unless one of the claim's approval keys is `key`. Returns false: the names differ all the same.
bool is_found_by(const Claim& claim, const Key& key) {
  std::optional<Key> own;
  give_approval_keys(claim, [&](const Key& each) {
    if (!own || each == key) own = each;
  });
  return confirmed(false, key, own);
}

}  // namespace

bool is_of_nonce(const Claim& claim, std::string_view tenant, std::string_view nonce) {
  if (claim.tenant == tenant && claim.nonce == nonce) return true;
  return confirmed(false, nonce_key(tenant, nonce), nonce_key(claim.tenant, claim.nonce));
}

bool spends_approval(const Claim& claim, std::string_view tenant, std::string_view approval_id) {
  if (claim.tenant == tenant && claim.approval_id == approval_id) return true;
  return is_found_by(claim, approval_key(tenant, approval_id));
}

bool spends_token(const Claim& claim, std::string_view tenant, std::string_view token) {
  if (claim.tenant == tenant && !claim.approval_id.empty() && token_of(claim.approval_id) == token) return true;
  return is_found_by(claim, approval_key(tenant, token));
}

bool is_of_execution(const StoredEntry& entry, KeyKind kind, const Digest& exec_id) {
  const KeyKind is = entry.ending ? KeyKind::outcome : KeyKind::execution;
  return confirmed(entry.exec_id == exec_id, Key(kind, exec_id), Key(is, entry.exec_id));
}

bool is_attempt(const StoredEntry& entry, const Digest& attempt) {
  return confirmed(entry.attempt == attempt, Key(KeyKind::attempt, attempt), Key(KeyKind::attempt, entry.attempt));
}

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
  record.attempt = claim.attempt;
  return record;
}

NonceRecord record_of(const StoredClaim& stored) {
  NonceRecord record = record_of(stored.claim);
  record.approval = stored.approval.str();
  return record;
}

void settle(NonceRecord& record, const Outcome& outcome, ReadQueries& read) {
  record.state = outcome.ending.state;
  record.code = outcome.ending.code;
  record.effect = outcome.ending.effect;
  record.result = read.result(outcome.ending, outcome.entry);
  record.entry = static_cast<std::uint64_t>(outcome.entry);
  record.retryable = outcome.ending.retryable;
}

void no_outcome(std::int64_t claim) {
  throw StoreFailure("the ledger is damaged: claim " + std::to_string(claim) + " is neither open nor ended");
}

}  // namespace openexec::store
