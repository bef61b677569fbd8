// SPDX-License-Identifier: Apache-2.0
// Turns batches into transactions, and finds out whether a transaction whose commit failed took place.
//
// Steps of a batch:
//  1. begin() opens a transaction, and makes sure that the ledger is still this process's and the anchor is up to date.
//  2. apply() judges one member after the other and stages its rows.
//  3. stage() writes the rows, the index's share of work, and the head that covers all of it.
//  4. commit() makes it durable. If it fails, the ledger is opened anew to find out whether it took place.
//  5. keep_anchor() writes the anchor. Claims that it does not cover are not answered as fresh.
//
// Invariants, checked in apply() and stage() before anything is durable, and in write() before anything is told. A
// broken one poisons the writer, and every member from then on is answered store_failed:
//  W1 A transaction adds as many claims as it answers with `fresh`.
//  W2 Numbers and times only grow: those of claims and entries, the serial number, the highest time.
//  W3 The log's tree has a leaf for each entry.
//  W4 An open claim is one that the ledger has, and a claim that is answered with `fresh` is open until a seal ends it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <openexec/ledger.hpp>

#include "base/assert.hpp"
#include "base/tally.hpp"
#include "index/key_index.hpp"
#include "index/key_table.hpp"
#include "ledger/anchor.hpp"
#include "rows/member.hpp"
#include "rows/pace.hpp"
#include "rows/record_lookup.hpp"
#include "rows/running.hpp"
#include "session/sqlite_session.hpp"
#include "sqlite/file_identity.hpp"
#include "tlog/signed_log.hpp"

namespace openexec::store {

/// Used by one thread at a time, the queue's leader, unless a function says otherwise.
class SqliteWriter {
 public:
  /// Says whether the file has to be the one that was opened last.
  enum class Takes : std::uint8_t { its_file, any_file };

  /// Opens the ledger and starts a new opening. `table` has the newest keys, which readers share, and `identity` is the
  /// file's. A writer with Takes::any_file is for an adoption. It changes the recorded file only by an Adopt, and does
  /// not check the anchor before that. Called under the ledger's lock. Throws if that fails.
  SqliteWriter(LedgerPath path, KeyTable& table, const LogOptions& log, FileIdentity identity,
               Takes takes = Takes::its_file);
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;
  ~SqliteWriter();

  /// Writes the batch in one transaction and sets every status. Members are judged in order, each alone.
  void write(std::span<Member* const> batch);

  /// Returns false while it is not known what the ledger holds. That is so after a failure, until a write has found
  /// out.
  [[nodiscard]] bool knows_its_ledger() const noexcept { return knows_.load(std::memory_order_acquire); }

  /// Adds the histograms of transactions that were committed. Called from any thread.
  void read(StoreMeasures& measures) const;

  /// Says whether an invariant was broken, here or in the index or the tree. Called from any thread.
  [[nodiscard]] const base::Poison& poison() const noexcept { return poison_; }

  /// Returns the highest time of the ledger. Used by the thread that writes.
  [[nodiscard]] Timestamp latest() const noexcept { return head_.latest; }
  [[nodiscard]] const merkle::VerifierKey& verifier_key() const noexcept { return log_->signer().verifier_key(); }

 private:
  friend struct Sabotage;  ///< breaks each invariant in tests/unit/invariants_test.cpp
  enum class Fate { committed, not_committed };

  void transact(std::span<Member* const> batch);
  bool stage(std::span<Member* const> batch, Head& at);
  void check_rules(std::span<Member* const> batch, const Head& at) const;
  void begin();
  void commit(Head after, std::span<Member* const> batch);
  void abandon(const SqliteError* error) noexcept;

  // Each judges one member and adds its rows. Returns true if there are rows to make durable.
  bool apply(Member& member, Head& at);
  bool apply(const Probe&, Member& member, Head& at);
  bool apply(FindOrphans orphans, Member& member, Head& at);
  bool apply(const Claim* claim, Member& member, Head& at);
  bool apply(const Seal* seal, Member& member, Head& at);
  bool apply(const NewEntry* entry, Member& member, Head& at);
  bool apply(const Pin& pin, Member& member, Head& at);
  bool apply(const ControlChange* change, Member& member, Head& at);
  bool apply(const Adopt& adopt, Member& member, Head& at);

  std::optional<StoredRecord> claim_of(const Key& key, std::string_view tenant, std::string_view nonce);
  void learn_end(StoredRecord& stored);
  std::optional<ClaimAnswer::Kind> unmet_term(const Claim& claim, const Head& at);
  Outcome outcome_of(std::int64_t claim, const Digest& exec_id);
  bool is_spent(const Claim& asked, const ClaimKeys& keys);
  bool has_executed(std::string_view tenant, std::string_view approval_id);
  void log_entry(const Digest& leaf);
  std::uint64_t add_entry(const NewEntry& entry, Head& at);
  merkle::CheckpointSigner first_transaction(const LogOptions& log);
  void open_log(merkle::CheckpointSigner signer);
  void open_anchor(const std::string& file);
  const std::string& anchor_note();
  [[nodiscard]] bool keep_anchor() noexcept;
  void disown_claims(std::span<Member* const> batch) noexcept;
  void revive();
  Fate reopen();
  void drop_session() noexcept;
  [[noreturn]] void give_up(std::string why);

  const LedgerPath path_;
  KeyTable& table_;
  const FileIdentity identity_;
  const Takes takes_;
  base::Poison poison_;
  Running running_;
  Pace pace_;
  std::optional<WriteSession> session_;  ///< nullopt after a failure, until reopen() has found out what is true
  std::optional<SignedLog> log_;
  std::optional<Anchor> anchor_;
  std::string anchor_note_;  ///< the anchor's note for the head with this serial number
  std::int64_t anchor_serial_ = -1;
  std::atomic<bool> knows_{false};  ///< true while there is a session
  std::int64_t epoch_ = 0;
  Head head_;                        ///< the newest head that is known to be durable
  std::optional<Head> in_doubt_;     ///< the head if a commit that failed took place all the same
  std::optional<std::string> dead_;  ///< why no write will ever succeed again

  base::Tally<1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512> batch_operations_;
  base::DurationTally<100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000,
                      5'000'000>
      commit_;
};

}  // namespace openexec::store
