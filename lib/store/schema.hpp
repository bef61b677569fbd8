// The ledger's tables and every statement over them.
//
// Rows are narrow and appended; what has random keys holds 16-byte hashes and row numbers only. The place of a new
// table is here, and the place of a step that belongs to every commit is between the last row and COMMIT
// (sqlite_writer.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

#include "store/member.hpp"
#include "store/sqlite_db.hpp"

namespace openexec::store {

inline constexpr std::int32_t application_id = 0x4f784c67;  // "OxLg"
inline constexpr std::int32_t schema_version = 1;

/// Makes the tables in an empty database and marks it as ours.
void create_schema(Database& database);

/// Throws StoreFailure where the tables are not exactly those of create_schema().
void check_schema(Database& database);

/// How far the ledger reaches. Every transaction that claims, seals or appends moves it.
struct Position {
  std::int64_t attempts = 0;  ///< claims so far; also the last one's row number
  std::int64_t entries = 0;   ///< entries so far; also the next one's index
  Timestamp latest;           ///< the highest time of any of them

  /// Whether both stand at the same row: the time follows from the rows.
  [[nodiscard]] bool same_rows(const Position& other) const noexcept {
    return attempts == other.attempts && entries == other.entries;
  }
};

/// A nonce's record with the row that holds it.
struct StoredRecord {
  std::int64_t attempt = 0;
  NonceRecord record;
};

/// The statements that read, prepared for a connection's life.
class ReadQueries {
 public:
  explicit ReadQueries(const Database& database);

  std::optional<StoredRecord> record(std::string_view tenant, std::string_view nonce);
  Position position();
  /// Claims without an outcome that were made by an opening before `epoch`.
  std::vector<NonceRecord> orphans(std::int64_t epoch);
  std::optional<std::string> pinned(std::string_view key);
  std::vector<LogLine> lines(std::uint64_t first, std::size_t count);
  std::vector<LogLine> lines_of(const Digest& exec_id, std::size_t count);

 private:
  Statement record_, last_attempt_, last_entry_, orphans_, pinned_, lines_, lines_of_;
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
  /// Hands claims that no caller was told of to whoever asks for orphans: those after row `after`, up to `last`.
  void disown(std::int64_t after, std::int64_t last);

  bool approval_spent(const Claim& claim);
  std::optional<std::uint64_t> entry_of(const Digest& attempt);
  void add_claim(const Claim& claim, std::int64_t epoch, Position& at);
  void add_outcome(const Seal& seal, std::int64_t attempt, std::uint64_t entry);
  std::uint64_t add_entry(const NewEntry& entry, Position& at);
  void add_pin(const Pin& pin);

 private:
  Statement begin_, commit_, rollback_, last_epoch_, new_epoch_, disown_;
  Statement approval_spent_, entry_of_, add_attempt_, add_nonce_, add_approval_, add_running_;
  Statement add_outcome_, end_running_, add_entry_, add_pin_;
};

}  // namespace openexec::store
