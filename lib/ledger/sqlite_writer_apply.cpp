// SPDX-License-Identifier: Apache-2.0
// The lookups and writes of each operation of a batch, inside the transaction.
#include "ledger/sqlite_writer.hpp"

#include <utility>

#include "ledger/adopt.hpp"
#include "rows/rules.hpp"
#include "sqlite/guard.hpp"

namespace openexec::store {

bool SqliteWriter::apply(Member& member, Head& at) {
  member.status = Status::success();
  try {
    return std::visit([&](const auto& what) { return apply(what, member, at); }, member.what);
  } catch (const SqliteError&) {
    throw;
  } catch (const StoreFailure& failure) {  // a row of this member is damaged, and nothing was written for it yet
    member.status = {Code::store_failed, failure.what()};
    return false;
  }
}

bool SqliteWriter::apply(const Probe&, Member&, Head&) { return false; }

bool SqliteWriter::apply(FindOrphans orphans, Member&, Head&) {
  for (const std::int64_t claim : running_.orphans())
    session_->read.with_claim(claim, [&](const StoredClaim& stored) { orphans.found->push_back(record_of(stored)); });
  return false;
}

/// Returns the newest claim of a nonce, or nullopt. Its record does not have the claim's outcome yet.
std::optional<StoredRecord> SqliteWriter::claim_of(const Key& key, std::string_view tenant, std::string_view nonce) {
  std::optional<StoredRecord> found;
  for (const std::int64_t number : session_->index.find(key))
    session_->read.with_claim(number, [&](const StoredClaim& stored) {
      if (is_of_nonce(stored.claim, tenant, nonce) && (!found || found->claim < number))
        found = StoredRecord{number, record_of(stored)};
    });
  return found;
}

void SqliteWriter::learn_end(StoredRecord& stored) {
  if (running_.has(stored.claim)) return;
  settle(stored.record, outcome_of(stored.claim, stored.record.exec_id), session_->read);
}

/// Returns the outcome of a claim. Precondition: the claim is not open.
Outcome SqliteWriter::outcome_of(std::int64_t claim, const Digest& exec_id) {
  OPENEXEC_ASSERT(!running_.has(claim), "ledger writer: the outcome of a claim is asked for when it has ended");
  std::optional<Outcome> outcome;
  session_->index.find(Key(KeyKind::outcome, exec_id), [&](const std::vector<std::int64_t>& entries) {
    outcome = newest_outcome(session_->read, entries, claim, exec_id);
    return outcome.has_value();
  });
  if (!outcome) no_outcome(claim);
  return *outcome;
}

/// Returns whether the approval is spent, or its token is in use for something else already. All claims of a token
/// belong to the same plan or single approval, so it is enough to examine one of them.
bool SqliteWriter::is_spent(const Claim& asked, const ClaimKeys& keys) {
  const std::string_view tenant = asked.tenant, approval_id = asked.approval_id, token = token_of(approval_id);
  bool spent = false;
  const auto look = [&](const Key& key, const auto& judge) {
    session_->index.find(key, [&](const std::vector<std::int64_t>& numbers) {
      bool judged = false;
      for (const std::int64_t number : numbers) {
        if (judged) break;
        session_->read.with_claim(number, [&](const StoredClaim& stored) { judged = judge(stored.claim); });
      }
      return judged;
    });
  };
  if (keys.token)
    look(*keys.approval, [&](const Claim& claim) { return spent = spends_approval(claim, tenant, approval_id); });
  if (spent) return true;
  look(keys.token ? *keys.token : *keys.approval, [&](const Claim& claim) {
    if (!spends_token(claim, tenant, token)) return false;
    spent = !of_one_plan(claim.approval_id, approval_id);
    return true;
  });
  return spent;
}

/// Returns the answer to a claim that may not be made, whichever attempt it opens, or nullopt if it may.
std::optional<ClaimAnswer::Kind> SqliteWriter::unmet_term(const Claim& claim, const Head& at) {
  if (!claim.predecessor.empty() && !has_executed(claim.tenant, claim.predecessor))
    return ClaimAnswer::Kind::out_of_order;
  if (claim.max_per_minute != 0 && pace_.within_a_minute(claim, at.latest, session_->read) >= claim.max_per_minute)
    return ClaimAnswer::Kind::rate_reached;
  return std::nullopt;
}

/// Judges a claim and adds its row. A later attempt is a claim of its own with the same keys, after the one that it
/// follows. So it moves the end of the claims that an anchor covers, and belongs to this process as every claim does.
bool SqliteWriter::apply(const Claim* claim, Member& member, Head& at) {
  KeyIndex& index = session_->index;
  const auto turn_away = [&](ClaimAnswer::Kind kind) {
    member.claim = {kind, std::nullopt};
    return false;
  };
  std::int64_t follows = 0;
  const ClaimKeys keys(*claim);
  if (auto known = claim_of(keys.nonce, claim->tenant, claim->nonce)) {
    if (!same_request(known->record, *claim)) return turn_away(ClaimAnswer::Kind::nonce_conflict);
    learn_end(*known);
    if (!opens_next_attempt(known->record, *claim)) {
      member.claim = {ClaimAnswer::Kind::exists, std::move(known->record)};
      return false;
    }
    follows = known->claim;
  } else if (claim->attempt != 1) {
    member.status = no_attempt_before();
    return false;
  } else if (keys.approval && is_spent(*claim, keys)) {
    return turn_away(ClaimAnswer::Kind::approval_spent);
  }
  if (const auto unmet = unmet_term(*claim, at)) return turn_away(*unmet);
  const std::int64_t number = session_->write.add_claim(*claim, follows, at);
  pace_.claimed(*claim, at.latest);
  index.add(keys.nonce, number);
  for (const std::optional<Key>& key : {keys.approval, keys.token})
    if (key) index.add(*key, number);
  running_.claimed(*claim, number);
  OPENEXEC_ASSERT(running_.has(number), "ledger writer W4: a claim that is answered with fresh is open");
  member.claim = {ClaimAnswer::Kind::fresh, std::nullopt};
  return true;
}

bool SqliteWriter::has_executed(std::string_view tenant, std::string_view approval_id) {
  std::vector<std::pair<std::int64_t, Digest>> claims;  // the attempts of one nonce, or none
  for (const std::int64_t number : session_->index.find(approval_key(tenant, approval_id)))
    session_->read.with_claim(number, [&](const StoredClaim& stored) {
      if (spends_approval(stored.claim, tenant, approval_id)) claims.emplace_back(number, stored.claim.exec_id);
    });
  for (const auto& [claim, exec_id] : claims) {
    if (running_.has(claim)) continue;
    const Ending ending = outcome_of(claim, exec_id).ending;
    if (ending.state == NonceState::sealed && ending.code == Code::ok) return true;
  }
  return false;
}

bool SqliteWriter::apply(const Seal* seal, Member& member, Head& at) {
  std::optional<std::int64_t> claim = running_.ended(*seal);  // of this process: it was claimed, and has no outcome
  std::optional<std::uint64_t> doubt;                         // the entry that put it in doubt
  if (!claim) {
    auto known = claim_of(nonce_key(seal->tenant, seal->nonce), seal->tenant, seal->nonce);
    if (known) learn_end(*known);
    member.status = known ? check_transition(known->record, *seal) : never_claimed();
    if (member.status.ok() && seal->retryable) member.status = not_its_own();
    if (!member.status.ok()) return false;
    claim = known->claim;
    doubt = known->record.entry;
    running_.ended(*claim);
  }
  if (doubt) session_->write.remove_doubt(*doubt, *claim, at);
  const Digest leaf = leaf_hash(seal->entry);
  member.entry = session_->write.add_seal(*seal, leaf, *claim, at);
  log_entry(leaf);
  session_->index.add(Key(KeyKind::outcome, seal->exec_id), static_cast<std::int64_t>(member.entry));
  return true;
}

bool SqliteWriter::apply(const NewEntry* entry, Member& member, Head& at) {
  if (!is_zero(entry->attempt)) {
    std::optional<std::int64_t> known;
    for (const std::int64_t index : session_->index.find(Key(KeyKind::attempt, entry->attempt)))
      session_->read.with_entry(index, [&](const StoredEntry& stored) {
        if (is_attempt(stored, entry->attempt)) known = index;
      });
    if (known) {
      member.entry = static_cast<std::uint64_t>(*known);
      return false;
    }
  }
  member.entry = add_entry(*entry, at);
  return true;
}

std::uint64_t SqliteWriter::add_entry(const NewEntry& entry, Head& at) {
  const Digest leaf = leaf_hash(entry.json);
  const std::uint64_t index = session_->write.add_entry(entry, leaf, at);
  log_entry(leaf);
  const auto number = static_cast<std::int64_t>(index);
  if (!is_zero(entry.exec_id)) session_->index.add(Key(KeyKind::execution, entry.exec_id), number);
  if (!is_zero(entry.attempt)) session_->index.add(Key(KeyKind::attempt, entry.attempt), number);
  return index;
}

void SqliteWriter::log_entry(const Digest& leaf) {
  LedgerTiles tiles(session_->write);
  log_->append(leaf, tiles);
}

bool SqliteWriter::apply(const Pin& pin, Member& member, Head& at) {
  if (const auto known = session_->read.pinned(pin.key, at.pins)) {
    if (*known != pin.value) member.status = pinned_otherwise(pin.key);
    return false;
  }
  session_->write.add_pin(pin, at);
  return true;
}

bool SqliteWriter::apply(const ControlChange* change, Member& member, Head& at) {
  member.entry = add_entry({change->entry, {}, {}, change->at}, at);
  session_->write.set_control(change->name, change->stands, member.entry, at);
  return true;
}

bool SqliteWriter::apply(const Adopt& adopt, Member& member, Head& at) {
  member.entry = add_entry({adopt.entry, {}, {}, adopt.at}, at);
  Opening opening = opening_of(path_, identity_);
  opening.adopts = true;
  session_->write.add_opening(std::move(opening), at);
  at.floor = std::max(adopt.floor, at.floor.value_or(adopt.floor));
  at.adopted_claims = at.claim_count();
  return true;
}

}  // namespace openexec::store
