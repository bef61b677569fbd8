// SPDX-License-Identifier: Apache-2.0
#include "ledger/sqlite_writer.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "ledger/adopt.hpp"
#include "rows/rules.hpp"
#include "session/log_key.hpp"
#include "sqlite/guard.hpp"

namespace openexec::store {
namespace {

/// Returns whether the failure may come from the size of one member or from a lack of room. The other members may
/// succeed without that member.
bool may_be_one_members(const SqliteError& error) noexcept {
  const int code = error.primary_code();
  return code == SQLITE_FULL || code == SQLITE_NOMEM || code == SQLITE_TOOBIG;
}

/// Returns whether the connection is still usable after the failure.
bool is_harmless(const SqliteError& error) noexcept {
  return may_be_one_members(error) || error.primary_code() == SQLITE_BUSY;
}

}  // namespace

SqliteWriter::SqliteWriter(LedgerPath path, KeyTable& table, const LogOptions& log, FileIdentity identity, Takes takes)
    : path_(std::move(path)), table_(table), identity_(std::move(identity)), takes_(takes) {
  session_.emplace(path_, table_);
  merkle::CheckpointSigner signer = first_transaction(log);
  open_log(std::move(signer));
  running_.inherit(open_claims(head_));
  open_anchor(log.anchor);
  knows_ = true;
}

SqliteWriter::~SqliteWriter() {
  if (!session_ || dead_) return;
  try {
    (void)session_->close_cleanly();
  } catch (...) {  // the ledger is left as a crash leaves it
  }
}

/// Takes over the ledger from the opening before. The first opening of all also records the log's key.
merkle::CheckpointSigner SqliteWriter::first_transaction(const LogOptions& log) {
  WriteQueries& write = session_->write;
  write.begin();
  Head at = session_->head;
  Opening opening = opening_of(path_, identity_);
  if (takes_ == Takes::its_file) {
    if (!path_.any_file) check_identity(session_->read, identity_);
  } else if (const auto before = session_->read.last_opening()) {
    opening.identity = before->identity;  // until it is adopted
  }
  write.add_opening(std::move(opening), at);
  const std::optional<std::string> recorded = session_->read.pinned(log_pin, session_->head.pins);
  if (!recorded && at.entry_count() > 0) throw StoreFailure("the ledger is damaged: it does not say whose log it is");
  merkle::CheckpointSigner signer = open_signer(log, path_, recorded);
  if (!recorded) {
    const std::string key = signer.verifier_key().write();
    write.add_pin({log_pin, key}, at);
    signer.sign(merkle::Tree().head(), at.checkpoint);
  }
  ++at.serial;
  write.set_head(at);
  write.commit();
  head_ = std::move(at);
  epoch_ = head_.epoch;
  return signer;
}

void SqliteWriter::open_anchor(const std::string& file) {
  const bool expected = session_->read.pinned(anchor_pin, head_.pins).has_value();
  if (takes_ == Takes::any_file) {  // what the anchor says is of what was lost; it is written with the adoption
    if (file.empty()) return;
    anchor_.emplace(file);
    anchor_->hold();
    anchor_->take();
    return;
  }
  if (file.empty()) {
    if (expected) throw StoreFailure("the ledger has an anchor, and none was given");
    return;
  }
  EdgeLeaves edge;
  LedgerLog entries(session_->read, edge);
  anchor_.emplace(file);
  anchor_->hold();
  anchor_->check(entries, verifier_key(), expected, session_->read.claims(), head_);
  anchor_->keep(anchor_note());
  if (expected && head_.anchors_claims) return;
  session_->write.begin();
  Head at = head_;
  if (!expected) session_->write.add_pin({anchor_pin, "kept"}, at);
  at.anchors_claims = true;
  ++at.serial;
  session_->write.set_head(at);
  session_->write.commit();
  head_ = std::move(at);
}

/// Returns what the anchor has to hold, which is the newest checkpoint with a line for the claims.
const std::string& SqliteWriter::anchor_note() {
  if (anchor_serial_ == head_.serial) return anchor_note_;
  const SignedCheckpoint newest = read_checkpoint(log_->committed_checkpoint());
  log_->signer().sign({newest.size, newest.root}, claims_line(head_.claims), anchor_note_);
  anchor_serial_ = head_.serial;
  return anchor_note_;
}

/// Reads the log's tree back, and compares it with the last checkpoint.
void SqliteWriter::open_log(merkle::CheckpointSigner signer) {
  EdgeLeaves edge;
  LedgerLog entries(session_->read, edge);
  merkle::Tree tree = check_tree(entries, head_.entry_count(), signer.verifier_key());
  log_.emplace(std::move(signer), std::move(tree), head_.checkpoint);
}

void SqliteWriter::write(std::span<Member* const> batch) {
  const auto transact_or_split = [&]() -> Status {
    try {
      transact(batch);
    } catch (const SqliteError& error) {
      if (batch.size() == 1 || !session_ || !may_be_one_members(error)) throw;
      for (Member* member : batch) write({&member, 1});
    }
    return Status::success();
  };
  Status status = poison_.status();
  if (status.ok()) status = guarded([&] { return poison_.watch(transact_or_split); });
  if (poison_.broken() != nullptr) {  // no member is answered fresh or sealed, whatever was decided before
    drop_session();
    status = poison_.status();
  }
  if (status.ok()) return;
  for (Member* member : batch) member->status = status;
}

void SqliteWriter::transact(std::span<Member* const> batch) {
  if (dead_) throw StoreFailure(*dead_);
  // Without memory the end of a transaction may be missed. What the file holds is read again then.
  if (session_ && session_->database.in_transaction()) drop_session();
  if (!session_) revive();
  // A store has no clock of the executor. This duration is used for metrics only.
  const auto began = std::chrono::steady_clock::now();
  Head after = head_;
  if (!stage(batch, after)) return;
  commit(std::move(after), batch);
  commit_.add(began, std::chrono::steady_clock::now());
  batch_operations_.add(batch.size());
}

void SqliteWriter::read(StoreMeasures& measures) const {
  measures.batch_operations = batch_operations_.read();
  measures.commit_seconds = commit_.read();
}

/// Opens a transaction and adds the batch's rows to it. If the batch has no rows, ends the transaction and returns
/// false.
bool SqliteWriter::stage(std::span<Member* const> batch, Head& at) {
  try {
    begin();
    bool wrote = false;
    for (Member* member : batch) wrote = apply(*member, at) || wrote;
    if (!wrote) {
      session_->write.rollback();
      return false;
    }
    session_->write.flush(at);
    session_->index.advance(at.claim_count(), at.entries.next);
    at.index = session_->index.state();
    at.running = write_ranges(running_.rows());
    at.checkpoint = log_->checkpoint();
    ++at.serial;
    check_rules(batch, at);
    session_->write.set_head(at);
    return true;
  } catch (const SqliteError& error) {
    abandon(&error);
    throw;
  } catch (...) {
    abandon(nullptr);
    throw;
  }
}

void SqliteWriter::check_rules(std::span<Member* const> batch, const Head& at) const {
  const auto is_fresh = [](const Member* member) {
    return std::holds_alternative<const Claim*>(member->what) && member->status.ok() &&
           member->claim.kind == ClaimAnswer::Kind::fresh;
  };
  const auto fresh = std::count_if(batch.begin(), batch.end(), is_fresh);
  const std::vector<std::int64_t>& open = running_.rows();
  OPENEXEC_ASSERT(at.claim_count() - head_.claim_count() == fresh,
                  "ledger writer W1: a transaction adds the claims that it answers with fresh");
  OPENEXEC_ASSERT(at.entries.next >= head_.entries.next && at.serial > head_.serial && at.latest >= head_.latest,
                  "ledger writer W2: numbers and times only grow");
  OPENEXEC_ASSERT(log_->size() == at.entry_count(), "ledger writer W3: the tree has a leaf for each entry");
  OPENEXEC_ASSERT(open.empty() || (open.front() > 0 && open.back() <= at.claim_count()),
                  "ledger writer W4: an open claim is one of the ledger's");
}

void SqliteWriter::begin() {
  session_->write.begin();
  // The lock file keeps other executors out unless it was removed, or the ledger was moved. The ledger is then theirs.
  if (session_->database.file_has_moved()) give_up("the ledger's file was moved, removed or replaced");
  const bool untouched = session_->left_at == session_->database.data_version();  // an opening of others is a write
  if (!untouched && session_->read.head().epoch != epoch_)
    give_up("the ledger was opened for writing by another process");
  // The anchor is behind by one commit at most. No member of this batch is answered until it has caught up.
  if (!anchor_ || takes_ == Takes::any_file) return;
  try {
    anchor_->keep(anchor_note());
  } catch (const AnchorChanged& changed) {
    give_up(changed.what());
  }
}

/// Commits. A commit that failed may have taken place, so it is reported as failed only once it is known that it did
/// not.
void SqliteWriter::commit(Head after, std::span<Member* const> batch) {
  const std::int64_t epoch = after.epoch;
  in_doubt_ = std::move(after);  // kept here, so that a durable commit is not forgotten if memory runs out
  bool reopened = false;
  try {
    session_->write.commit();
  } catch (...) {  // SqliteError, or no memory for one
    drop_session();
    bool lost = true;
    try {
      lost = reopen() == Fate::not_committed;
      if (lost) {
        running_.rolled_back();
        running_.inherit(open_claims(head_));
      }
    } catch (...) {
      drop_session();
      throw;
    }
    if (lost) throw;
    reopened = true;
  }
  epoch_ = epoch;
  if (!reopened) {
    head_ = *std::move(in_doubt_);
    in_doubt_.reset();
    log_->committed();
  }
  keep_anchor() ? running_.committed() : disown_claims(batch);
  if (reopened) {
    try {
      return running_.inherit(open_claims(head_));
    } catch (...) {
      drop_session();
      throw;
    }
  }
  try {
    session_->left_at = session_->database.data_version();
    session_->index.committed();
  } catch (const base::Breach&) {
    throw;
  } catch (...) {  // no memory; reopening the ledger finds what is durable
    drop_session();
  }
}

/// Returns false if the anchor could not be written. It is then written before the next transaction begins.
bool SqliteWriter::keep_anchor() noexcept {
  if (!anchor_) return true;
  try {
    poison_.watch([this] { anchor_->keep(anchor_note()); });
    return true;
  } catch (...) {
    return false;
  }
}

/// Answers the batch's claims with a failure, so that no handler runs for a claim that the anchor does not cover. A
/// ledger that is rolled back to before such a claim would agree with the anchor. The claims are durable all the same,
/// and are orphans from now on.
void SqliteWriter::disown_claims(std::span<Member* const> batch) noexcept {
  running_.disowned();
  for (Member* member : batch) {
    if (!std::holds_alternative<const Claim*>(member->what) || !member->status.ok()) continue;
    if (member->claim.kind != ClaimAnswer::Kind::fresh) continue;
    try {
      member->status = {Code::store_failed, "the ledger's anchor could not be written, and does not cover the claim"};
    } catch (...) {  // no memory for the reason
      member->status = {Code::store_failed, {}};
    }
  }
}

/// Opens the ledger anew after a commit whose outcome was not known. Its callers were told that it failed. If it took
/// place after all, its claims are orphans, which recovery asks for.
void SqliteWriter::revive() {
  try {
    reopen() == Fate::committed ? running_.disowned() : running_.rolled_back();
    running_.inherit(open_claims(head_));
  } catch (...) {  // the next transaction tries again from the start
    drop_session();
    throw;
  }
}

/// Ends a transaction that failed before its commit.
void SqliteWriter::abandon(const SqliteError* error) noexcept {
  running_.rolled_back();
  pace_.forget();
  log_->rolled_back();
  if (!session_) return;
  session_->write.forget();
  bool sound = error == nullptr || is_harmless(*error);
  try {
    if (session_->database.in_transaction()) session_->write.rollback();
    session_->index.rolled_back();
  } catch (...) {
    sound = false;
  }
  if (!sound) drop_session();
}

/// Opens the ledger anew and finds out whether the commit in doubt took place.
SqliteWriter::Fate SqliteWriter::reopen() {
  session_.emplace(path_, table_);
  Head found = session_->head;
  const bool ours = found.epoch == epoch_ || (in_doubt_ && found.epoch == in_doubt_->epoch);
  if (!ours) give_up("the ledger was opened for writing by another process");
  const bool committed = in_doubt_ && write_head(*in_doubt_) == write_head(found);
  if (!committed && write_head(head_) != write_head(found))
    give_up("the ledger does not end where this process left it");
  head_ = std::move(found);
  in_doubt_.reset();
  try {
    open_log(log_->signer());
  } catch (...) {
    drop_session();
    throw;
  }
  knows_ = true;
  return committed ? Fate::committed : Fate::not_committed;
}

void SqliteWriter::drop_session() noexcept {
  knows_ = false;
  pace_.forget();
  if (!session_) return;
  try {
    session_->database.keep_log_on_close();
  } catch (...) {  // closing then moves the write-ahead log, which the next opening would do as well
  }
  session_.reset();
}

void SqliteWriter::give_up(std::string why) {
  dead_ = std::move(why);
  drop_session();
  throw StoreFailure(*dead_);
}

}  // namespace openexec::store
