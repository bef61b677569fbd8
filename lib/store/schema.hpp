// The ledger's tables and the statements over them; those over the runs of keys are in key_runs.cpp.
//
// Rows are appended and narrow; nothing is sorted by a hash but in runs. The place of a new table is here, and the place
// of a step that belongs to every commit is between the last row and COMMIT (sqlite_writer.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

#include "store/key_record.hpp"
#include "store/key_runs.hpp"
#include "store/member.hpp"
#include "sqlite/sqlite_db.hpp"

namespace openexec::store {

inline constexpr std::int32_t application_id = 0x4f784c67;  // "OxLg"
inline constexpr std::int32_t schema_version = 3;

/// Makes the tables in an empty database and marks it as ours.
void create_schema(Database& database);

/// Throws StoreFailure where the tables are not exactly those of create_schema().
void check_schema(Database& database);

/// How far the ledger reaches. Every transaction that claims, seals or appends moves it.
struct Position {
  std::int64_t claims = 0;   ///< so far; also the last one's row number
  std::int64_t entries = 0;  ///< so far; also the next one's index
  Timestamp latest;          ///< the highest time of any of them

  /// Whether both stand at the same row: the time follows from the rows.
  [[nodiscard]] bool same_rows(const Position& other) const noexcept {
    return claims == other.claims && entries == other.entries;
  }
};

/// A nonce's record with the row of its claim.
struct StoredRecord {
  std::int64_t claim = 0;
  NonceRecord record;
};

/// The statements that read, prepared for a connection's life.
class ReadQueries {
 public:
  explicit ReadQueries(const Database& database);

  // A snapshot, for what takes several statements.
  void begin() { begin_.execute(); }
  void end() { end_.execute(); }

  std::optional<StoredRecord> record(std::int64_t claim);
  /// Among the claims after one, which are few: no key is asked.
  std::optional<StoredRecord> newest_record(std::int64_t after, std::string_view tenant, std::string_view nonce);
  Position position();
  std::string running();
  std::string checkpoint();
  /// The tile's first hashes. False where it is not kept, or holds fewer.
  bool tile(unsigned level, std::uint64_t index, std::size_t width, std::vector<Digest>& hashes);
  /// Appends the leaf hashes of up to `count` entries from `first` on; fewer where one is missing.
  void leaves(std::uint64_t first, std::size_t count, std::vector<Digest>& hashes);
  std::optional<std::string> pinned(std::string_view key);
  /// Whether the claim spent that approval, and was sealed as ok.
  bool has_executed(std::int64_t claim, std::string_view tenant, std::string_view approval_id);
  /// When the claims of an action were made, of those after a time: the ledger's highest time then, in ascending order.
  std::vector<std::int64_t> times_after(std::int64_t over, std::string_view tenant, std::string_view action);
  std::vector<ControlName> controls();
  std::vector<LogLine> lines(std::uint64_t first, std::size_t count);
  /// The entry, if it is of that execution.
  std::optional<LogLine> line_of(std::int64_t index, const Digest& exec_id);
  /// Among the entries from one on, which are few: no key is asked.
  void newest_lines_of(std::int64_t from, const Digest& exec_id, std::size_t count, std::vector<LogLine>& lines);
  /// The keys of the newest rows.
  void keys(RunQueries::Watermark after, const std::function<void(Key, std::int64_t row)>& give);

 private:
  Statement begin_, end_, record_, newest_record_, last_claim_, last_entry_, running_, checkpoint_, tile_, pinned_;
  Statement lines_, line_of_, newest_lines_of_, has_executed_, newest_times_, controls_, claims_after_, entries_from_;
};

/// The statements that write.
class WriteQueries {
 public:
  explicit WriteQueries(const Database& database);

  void begin() { begin_.execute(); }
  void commit() { commit_.execute(); }
  void rollback() { rollback_.execute(); }

  /// Starts an opening and returns its number, higher than any before it.
  std::int64_t new_epoch();
  std::int64_t last_epoch();

  bool spends(std::int64_t claim, std::string_view tenant, std::string_view approval_id);
  bool is_attempt(std::int64_t entry, const Digest& attempt);
  std::int64_t add_claim(const Claim& claim, Position& at);
  void add_outcome(const Seal& seal, std::int64_t claim, std::uint64_t entry);
  std::uint64_t add_entry(const NewEntry& entry, Position& at);
  void add_tile(unsigned level, std::uint64_t index, std::span<const Digest> hashes);
  void set_head(std::string_view running, std::string_view checkpoint);
  void add_pin(const Pin& pin);
  void set_control(const ControlName& name, bool stands, std::uint64_t entry);

 private:
  Statement begin_, commit_, rollback_, last_epoch_, new_epoch_, spends_, is_attempt_;
  Statement add_claim_, add_outcome_, add_entry_, add_tile_, set_head_, add_pin_, add_control_, remove_control_;
};

}  // namespace openexec::store
