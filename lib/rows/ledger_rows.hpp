// SPDX-License-Identifier: Apache-2.0
// What the rows of a ledger hold: the members of one transaction, in order, as bytes.
//
// A row holds the claims of a transaction, or its entries, or its results, or a part of them where they are many. Its
// content begins with the version of its form. Claims and entries are chains: the hash of a row is made over its kind,
// the number of its first member, how many members it has, the hash of the row before it, and its content. So a row
// that was changed, moved, cut, or put in another's place is not the row that the next one, or the ledger's head,
// follows (docs/design/0021-rows-of-a-batch.md). The texts of entries are hashed once, for the tree: in the hash of
// their row the leaf hash of each stands in place of its text (docs/design/0040-a-text-is-hashed-once.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

#include "index/row_bytes.hpp"
#include "rows/stored_text.hpp"

namespace openexec::store {

enum class RowKind : std::uint8_t { claims = 1, entries = 2, results = 3 };

/// The version of the form of every content.
inline constexpr char row_form = 1;
/// A row that has grown to this size is full. A lookup reads and hashes a whole row, so this bounds what it costs.
inline constexpr std::size_t full_row_bytes = std::size_t{12} << 10;
/// A result larger than this has a row of its own.
inline constexpr std::size_t large_result_bytes = 4096;

/// One row, as it was read.
struct RowView {
  std::int64_t first = 0;  ///< the number of its first member
  std::int64_t count = 0;
  std::string_view content;
  [[nodiscard]] std::int64_t end() const noexcept { return first + count; }
};

/// One row, on its way to the database.
struct OwnedRow {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::string content;
  std::string outline;  ///< of entries: what is hashed in place of the content
  [[nodiscard]] std::int64_t end() const noexcept { return first + count; }
};
inline RowView view_of(const OwnedRow& row) noexcept { return {row.first, row.count, row.content}; }

/// Returns the hash of a row of claims or results.
Digest row_hash(RowKind kind, const RowView& row, const Digest& before);
/// Returns the hash of any row.
Digest row_hash(RowKind kind, const OwnedRow& row, const Digest& before);
/// Returns whether the row is whole and has that hash.
bool is_whole(RowKind kind, const RowView& row, const Digest& before, const Digest& hash);

/// A claim as it is stored. Views into the row's content.
struct StoredClaim {
  Claim claim;  ///< without its terms, which were judged when it was made, and without `approval`
  StoredText approval;
  Timestamp high_water;      ///< the highest time of the ledger then, this claim's included
  std::int64_t follows = 0;  ///< for a later attempt the number of the claim of the attempt before; else 0
};

/// The fields of an entry about the claim that it seals or puts in doubt.
struct Ending {
  std::int64_t claim = 0;
  NonceState state = NonceState::in_doubt;
  Code code = Code::in_doubt;
  Effect effect = Effect::unknown;
  Timestamp ended_at;
  std::optional<std::int64_t> result_row;  ///< absent: the result is the empty text
  bool retryable = false;                  ///< as Seal::retryable
};

/// An entry as it is stored. Views into the row's content.
struct StoredEntry {
  StoredText text;
  Digest exec_id{};
  Digest attempt{};
  Timestamp high_water;
  std::optional<Ending> ending;

  [[nodiscard]] std::string json() const { return text.str(); }
};

/// A result as it is stored, under the index of the entry that seals it.
struct StoredResult {
  std::int64_t entry = 0;
  std::string_view text;  ///< empty if it was removed since (docs/design/0020-pruned-results.md)
};

void append_claim(const StoredClaim& claim, std::string& content);
/// `leaf` is the leaf hash of its text.
void append_entry(const StoredEntry& entry, const Digest& leaf, std::int64_t index, OwnedRow& row);
void append_result(const StoredResult& result, std::int64_t row, std::string& content);

/// Reads the members of a row one after the other. Throws StoreFailure if the content is not one that the functions
/// above made.
template <class Member>
class Members {
 public:
  explicit Members(const RowView& row) : bytes_(row.content), next_(row.first), end_(row.end()) {
    if (row.count <= 0 || bytes_.byte() != row_form) ByteReader::damaged();
  }

  [[nodiscard]] std::int64_t next_number() const noexcept { return next_; }
  /// Returns false after the last member.
  bool next(Member& member) {
    if (next_ == end_) {
      bytes_.end();
      return false;
    }
    read(member);
    ++next_;
    return true;
  }

 private:
  void read(Member& member);

  ByteReader bytes_;
  std::int64_t next_;
  std::int64_t end_;
};

template <>
void Members<StoredClaim>::read(StoredClaim& member);
template <>
void Members<StoredEntry>::read(StoredEntry& member);

/// Returns the member with that number. Throws StoreFailure if the row does not hold it.
template <class Member>
Member member_at(const RowView& row, std::int64_t number) {
  Members<Member> members(row);
  Member found;
  for (bool more = true; more;) {
    const bool here = members.next_number() == number;
    more = members.next(found);
    if (here && more) return found;
  }
  throw StoreFailure("the ledger is damaged: a row lacks a member");
}

/// Reads results, which are known by their entries and not by their places.
class Results {
 public:
  explicit Results(const RowView& row) : bytes_(row.content), row_(row.first), left_(row.count) {
    if (left_ <= 0 || bytes_.byte() != row_form) ByteReader::damaged();
  }
  bool next(StoredResult& result);

 private:
  ByteReader bytes_;
  std::int64_t row_;
  std::int64_t left_;
};

/// Rows that a transaction is about to write. Members are added in the order of their numbers.
class StagedRows {
 public:
  /// Returns the row to which the member with this number is to be appended. That is the last row, or a new one if no
  /// row exists or the last one is full.
  OwnedRow& row_for(std::int64_t number, bool alone = false);
  /// Returns the row that holds the number, or null if no row does.
  [[nodiscard]] const OwnedRow* holding(std::int64_t number) const noexcept;
  [[nodiscard]] const OwnedRow* at(std::int64_t first) const noexcept;
  [[nodiscard]] const std::vector<OwnedRow>& rows() const noexcept { return rows_; }
  /// Returns the number of the row that took the last member.
  [[nodiscard]] std::int64_t open_row() const noexcept { return rows_[open_].first; }
  void clear() noexcept;

 private:
  std::vector<OwnedRow> rows_;
  std::size_t open_ = 0;  ///< the row that takes small members
  bool has_open_ = false;
  std::vector<OwnedRow> spare_;  ///< used rows, whose memory the next rows take
};

struct Staged {
  StagedRows claims, entries, results;
  void clear() noexcept {
    claims.clear();
    entries.clear();
    results.clear();
  }
};

}  // namespace openexec::store
