// SPDX-License-Identifier: Apache-2.0
// The tables of rows (ledger_rows.hpp). Every row that is read is checked, each time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "rows/ledger_rows.hpp"
#include "sqlite/sqlite_db.hpp"

namespace openexec::store {

/// A chain of rows: the claims, or the entries. Each row is checked against its hash, which covers that of the row
/// before.
class RowChain {
 public:
  /// `kind` is claims or entries.
  RowChain(const Database& database, RowKind kind);

  /// The end of the chain. The members are numbered from first_number() to `next` - 1.
  struct End {
    std::int64_t next = 0;
    Digest hash{};
    bool operator==(const End&) const = default;
  };
  [[nodiscard]] std::int64_t first_number() const noexcept { return kind_ == RowKind::claims ? 1 : 0; }

  /// Calls `use` with the row that holds the number. Throws StoreFailure if no row does, or the row is damaged.
  template <class Use>
  void with(std::int64_t number, Use&& use) {
    Rows rows = at_.run(number);
    const Read read = next(rows);
    if (!read.row || number >= read.row->end()) lost();
    check(*read.row, read.hash);
    use(*read.row);
  }

  /// Calls `use` with each row from the one that holds the number on, in order, until it answers false. Checks that no
  /// row is missing in between. Returns where it ended.
  using Use = std::function<bool(const RowView& row)>;
  End walk(std::int64_t number, const Use& use);
  /// Checks every row. Returns where the chain ends.
  End walk_all();
  /// Calls `use` with each row from the one that holds the number back to the first, until it answers false.
  void walk_back(std::int64_t number, const Use& use);

  /// Returns the end of the newest row. Throws StoreFailure if that row is damaged.
  End end();
  /// Returns whether a row ends right before that number with that hash, and is whole.
  bool ends_at(const End& end);

  /// Appends the rows, and moves `end`.
  void append(const std::vector<OwnedRow>& rows, End& end);

  [[noreturn]] void lost() const;

 private:
  struct Read {
    std::optional<RowView> row;
    Digest hash{};
  };
  static Read next(Rows& rows);
  End walk_from(End end, const Use& use);
  Digest hash_before(std::int64_t first);
  void check(const RowView& row, const Digest& hash);
  [[noreturn]] void damaged(const RowView& row) const;

  const RowKind kind_;
  Statement at_, before_, from_, back_, add_;
};

/// The results. They are no chain, so that they can be removed: each row has a checksum of its own.
class ResultTable {
 public:
  explicit ResultTable(const Database& database);

  /// Returns the result of that entry in that row, or an empty text if it was removed. Throws StoreFailure if the row
  /// has no such result or is damaged.
  std::string result(std::int64_t row, std::int64_t entry);
  /// Calls `use` with that row. Throws StoreFailure if it is missing or damaged.
  void with(std::int64_t row, const std::function<void(const RowView& row)>& use);
  /// Calls `use` with each row after `row`, in order, until it answers false.
  void walk(std::int64_t row, const RowChain::Use& use);
  void put(const RowView& row);  ///< adds or replaces it

 private:
  static RowView read(Rows& rows);

  Statement at_, after_, put_;
};

}  // namespace openexec::store
