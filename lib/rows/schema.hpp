// SPDX-License-Identifier: Apache-2.0
// The ledger's tables and the statements over them; those over rows of members are in row_table.cpp, those over the
// runs of keys in key_runs.cpp.
//
// Rows are appended; nothing is sorted by a hash but in runs. The place of a new table is here, and the place of a step
// that belongs to every commit is between the last row and COMMIT (sqlite_writer.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

#include "index/key_record.hpp"
#include "index/key_runs.hpp"
#include "rows/head.hpp"
#include "rows/member.hpp"
#include "rows/row_table.hpp"
#include "rows/rules.hpp"
#include "sqlite/sqlite_db.hpp"

namespace openexec::store {

inline constexpr std::int32_t application_id = 0x4f784c67;  // "OxLg"
inline constexpr std::int32_t schema_version = 4;

/// Makes the tables in an empty database and marks it as ours.
void create_schema(Database& database);

/// Throws StoreFailure if the tables are not exactly those of create_schema().
void check_schema(Database& database);
/// Throws StoreFailure if the tables are not exactly those that `tables` makes.
void check_tables(Database& database, const char* tables);

/// One opening for writing, or one adoption of a file.
struct Opening {
  std::int64_t epoch = 0;
  Timestamp at;
  std::optional<std::string> identity;  ///< of the file; absent if it could not be told
  std::optional<std::int64_t> device;   ///< information only
  std::string path;                     ///< information only
  bool adopts = false;                  ///< an operator adopted the file with this identity
};

/// Information for the operator only. No decision depends on it.
Timestamp wall_clock();

/// The key under which a name of a claim or an entry is found.
Key nonce_key(std::string_view tenant, std::string_view nonce) noexcept;
Key approval_key(std::string_view tenant, std::string_view approval_id) noexcept;
/// The keys under which a claim's approval is found. They are its own key and, for a step of a plan, that of its token.
template <class Give>
void give_approval_keys(const Claim& claim, Give&& give) {
  if (claim.approval_id.empty()) return;
  give(approval_key(claim.tenant, claim.approval_id));
  if (is_step(claim.approval_id)) give(approval_key(claim.tenant, token_of(claim.approval_id)));
}
/// The keys that a claim is found by, each hashed once.
struct ClaimKeys {
  explicit ClaimKeys(const Claim& claim) noexcept : nonce(nonce_key(claim.tenant, claim.nonce)) {
    give_approval_keys(claim, [&](const Key& key) { (approval ? token : approval) = key; });
  }
  Key nonce;
  std::optional<Key> approval;
  std::optional<Key> token;  ///< of a step of a plan
};
/// Gives each key of a row's members.
void give_keys(const RowView& claims, std::int64_t after, const std::function<void(Key, std::int64_t number)>& give);
void give_entry_keys(const RowView& entries, std::int64_t from,
                     const std::function<void(Key, std::int64_t number)>& give);

/// The statements that read, prepared for a connection's life.
class ReadQueries {
 public:
  explicit ReadQueries(const Database& database);

  // A snapshot, for what takes several statements.
  void begin() { begin_.execute(); }
  void end() { end_.execute(); }

  /// From this call on, reads also see the members that are staged.
  void see(const Staged& staged) noexcept { staged_ = &staged; }

  /// Throws StoreFailure if the head is missing or damaged. Valid until the next call. Bytes that were checked once
  /// are not hashed again.
  const Head& head();
  std::string checkpoint() { return head().checkpoint; }
  /// Returns the digests of the pins and of the controls, as a head holds them.
  std::pair<Digest, Digest> table_digests();
  /// Throws StoreFailure if the newest rows, the pins, the controls or the openings are not those of the head.
  void check(const Head& head);

  /// Calls `use` with the claim of that number. Throws StoreFailure if it is missing or damaged.
  template <class Use>
  void with_claim(std::int64_t number, Use&& use) {
    with_row(claims_, staged_ ? &staged_->claims : nullptr, number,
             [&](const RowView& row) { use(member_at<StoredClaim>(row, number)); });
  }
  /// The same of the entry with that index.
  template <class Use>
  void with_entry(std::int64_t index, Use&& use) {
    with_row(entries_, staged_ ? &staged_->entries : nullptr, index,
             [&](const RowView& row) { use(member_at<StoredEntry>(row, index)); });
  }
  /// Returns the result of the claim that the ending belongs to.
  std::string result(const Ending& ending, std::int64_t entry);

  RowChain& claims() noexcept { return claims_; }
  RowChain& entries() noexcept { return entries_; }
  ResultTable& results() noexcept { return results_; }

  /// Reads the tile's first hashes. Returns false if it is not kept or holds fewer.
  bool tile(unsigned level, std::uint64_t index, std::size_t width, std::vector<Digest>& hashes);
  /// Appends the leaf hashes of up to `count` entries from `first` on, and fewer if the log ends before.
  void leaves(std::uint64_t first, std::size_t count, std::vector<Digest>& hashes);
  /// `digest`: of all pins, as the head says. Throws StoreFailure if they are others.
  std::optional<std::string> pinned(std::string_view key, const Digest& digest);
  /// Returns when the claims of an action after a time were made. Each time is the ledger's highest at the claim, and
  /// they are in ascending order.
  std::vector<std::int64_t> times_after(std::int64_t over, std::string_view tenant, std::string_view action);
  /// `digest`: of all controls, as the head says.
  std::vector<ControlName> controls(const Digest& digest);
  /// The claims in doubt with the entries that say so, in the order of the entries: those after `after`, at most
  /// `count`.
  std::vector<std::pair<std::int64_t, std::int64_t>> doubts(std::int64_t after, std::int64_t count);
  Head::Doubts doubts_state();
  std::vector<LogLine> lines(std::uint64_t first, std::size_t count);
  /// Returns the newest opening, or nullopt if the ledger was never opened for writing.
  std::optional<Opening> last_opening();
  /// Returns whether one of the first claims is of that tenant.
  bool has_claims_of(std::string_view tenant, std::int64_t first_claims);
  /// The keys of the rows that are in no run yet. Throws StoreFailure if those rows do not lead to the head.
  void keys(RunQueries::Watermark after, const std::function<void(Key, std::int64_t number)>& give);

 private:
  friend class WriteQueries;
  template <class Use>
  static void with_row(RowChain& chain, const StagedRows* staged, std::int64_t number, Use&& use) {
    if (staged != nullptr)
      if (const OwnedRow* const row = staged->holding(number)) return use(view_of(*row));
    chain.with(number, use);
  }
  Digest pins_digest();
  Digest controls_digest(std::vector<ControlName>* controls = nullptr);
  std::optional<std::pair<Opening, Digest>> newest_opening();

  const Staged* staged_ = nullptr;
  Head head_read_;
  std::string head_bytes_;  ///< what `head_read_` was read from, hash and content; empty: nothing was
  RowChain claims_, entries_;
  ResultTable results_;
  Statement begin_, end_, head_, tile_, pins_, controls_, doubts_, last_opening_;
};

/// The statements that write.
class WriteQueries {
 public:
  /// `read` sees the members that are staged here.
  WriteQueries(const Database& database, ReadQueries& read);

  void begin() { begin_.execute(); }
  void commit() { commit_.execute(); }
  void rollback() { rollback_.execute(); }

  /// Starts an opening with a number higher than any before it, and puts it into the head.
  void add_opening(Opening opening, Head& at);

  // Members are staged; flush() writes them.
  /// `follows`: of a later attempt, the number of the claim before it.
  std::int64_t add_claim(const Claim& claim, std::int64_t follows, Head& at);
  // `leaf`: the leaf hash of the entry.
  std::uint64_t add_entry(const NewEntry& entry, const Digest& leaf, Head& at);
  std::uint64_t add_seal(const Seal& seal, const Digest& leaf, std::int64_t claim, Head& at);
  /// The claim that the entry put in doubt is settled.
  void remove_doubt(std::uint64_t entry, std::int64_t claim, Head& at);
  /// An entry as a ledger of an older schema had it.
  void add_stored(const StoredEntry& entry, const Digest& leaf, std::string_view result, Head& at);
  void add_stored(const StoredClaim& claim, Head& at);
  void flush(Head& at);
  void forget() noexcept { staged_.clear(); }

  void add_tile(unsigned level, std::uint64_t index, std::span<const Digest> hashes);
  void set_head(const Head& head);
  void add_pin(const Pin& pin, Head& at);
  void set_control(const ControlName& name, bool stands, std::uint64_t entry, Head& at);

 private:
  void add_doubt(std::int64_t entry, std::int64_t claim, Head& at);
  std::optional<std::int64_t> stage_result(std::int64_t entry, std::string_view result);

  ReadQueries& read_;
  Staged staged_;
  Statement begin_, commit_, rollback_, new_opening_;
  Statement add_tile_, set_head_, add_pin_, add_control_, remove_control_, add_doubt_, remove_doubt_;
};

}  // namespace openexec::store
