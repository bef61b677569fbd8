// SPDX-License-Identifier: Apache-2.0
#include "rows/row_table.hpp"

#include <limits>

namespace openexec::store {
namespace {

constexpr std::size_t sum_bytes = 16;

std::string table_of(RowKind kind) { return kind == RowKind::claims ? "claims" : "entries"; }

[[noreturn]] void missing() { throw StoreFailure("the ledger is damaged: a result is missing"); }

Digest sum_of(const RowView& row) { return row_hash(RowKind::results, row, {}); }

}  // namespace

RowChain::RowChain(const Database& database, RowKind kind)
    : kind_(kind),
      at_(database, "SELECT first, count, hash, content FROM " + table_of(kind) +
                        " WHERE first <= ?1 ORDER BY first DESC LIMIT 1"),
      before_(database,
              "SELECT first, count, hash FROM " + table_of(kind) + " WHERE first < ?1 ORDER BY first DESC LIMIT 1"),
      from_(database,
            "SELECT first, count, hash, content FROM " + table_of(kind) + " WHERE first >= ?1 ORDER BY first"),
      back_(database,
            "SELECT first, count, hash, content FROM " + table_of(kind) + " WHERE first <= ?1 ORDER BY first DESC"),
      add_(database, "INSERT INTO " + table_of(kind) + " VALUES (?1, ?2, ?3, ?4)") {}

RowChain::Read RowChain::next(Rows& rows) {
  if (!rows.next()) return {};
  return {RowView{rows.integer(0), rows.integer(1), rows.bytes(3)}, rows.digest(2)};
}

/// Returns the hash of the row that ends where another begins.
Digest RowChain::hash_before(std::int64_t first) {
  if (first == first_number()) return {};
  Rows rows = before_.run(first);
  if (!rows.next() || rows.integer(0) + rows.integer(1) != first) lost();
  return rows.digest(2);
}

void RowChain::check(const RowView& row, const Digest& hash) {
  if (row.first < first_number() || !is_whole(kind_, row, hash_before(row.first), hash)) damaged(row);
}

RowChain::End RowChain::walk_all() {
  return walk_from({first_number(), {}}, [](const RowView&) { return true; });
}

RowChain::End RowChain::walk(std::int64_t number, const Use& use) {
  std::int64_t from = first_number();
  with(number, [&](const RowView& row) { from = row.first; });
  return walk_from({from, hash_before(from)}, use);
}

RowChain::End RowChain::walk_from(End end, const Use& use) {
  Rows rows = from_.run(end.next);
  for (Read read = next(rows); read.row; read = next(rows)) {
    if (read.row->first != end.next) lost();
    if (!is_whole(kind_, *read.row, end.hash, read.hash)) damaged(*read.row);
    end = {read.row->end(), read.hash};
    if (!use(*read.row)) break;
  }
  return end;
}

void RowChain::walk_back(std::int64_t number, const Use& use) {
  Rows rows = back_.run(number);
  std::int64_t next_first = number + 1;
  bool first = true;
  for (Read read = next(rows); read.row; read = next(rows)) {
    if (first ? number >= read.row->end() : read.row->end() != next_first) lost();
    check(*read.row, read.hash);
    first = false;
    next_first = read.row->first;
    if (!use(*read.row)) return;
  }
  if (next_first != first_number()) lost();
}

RowChain::End RowChain::end() {
  Rows rows = back_.run(std::numeric_limits<std::int64_t>::max());
  const Read read = next(rows);
  if (!read.row) return {first_number(), {}};
  check(*read.row, read.hash);
  return {read.row->end(), read.hash};
}

bool RowChain::ends_at(const End& end) {
  if (end.next == first_number()) return end.hash == Digest{};
  Rows rows = at_.run(end.next - 1);
  const Read read = next(rows);
  if (!read.row || read.row->end() != end.next || read.hash != end.hash) return false;
  check(*read.row, read.hash);
  return true;
}

void RowChain::append(const std::vector<OwnedRow>& rows, End& end) {
  for (const OwnedRow& row : rows) {
    const Digest hash = row_hash(kind_, row, end.hash);
    add_.execute(row.first, row.count, blob(hash), Blob{row.content});
    end = {row.end(), hash};
  }
}

void RowChain::lost() const {
  throw StoreFailure("the ledger is damaged: a row of its " + table_of(kind_) + " is missing");
}

void RowChain::damaged(const RowView& row) const {
  throw StoreFailure("the ledger is damaged: the " + table_of(kind_) + " from number " + std::to_string(row.first) +
                     " on are not those that were written; `openexec log verify` tells more");
}

ResultTable::ResultTable(const Database& database)
    : at_(database, "SELECT first, count, sum, content FROM results WHERE first = ?1"),
      after_(database, "SELECT first, count, sum, content FROM results WHERE first > ?1 ORDER BY first"),
      put_(database, "INSERT OR REPLACE INTO results VALUES (?1, ?2, ?3, ?4)") {}

RowView ResultTable::read(Rows& rows) {
  const RowView row{rows.integer(0), rows.integer(1), rows.bytes(3)};
  const Digest sum = sum_of(row);
  if (rows.bytes(2) != bytes_of(sum).substr(0, sum_bytes))
    throw StoreFailure("the ledger is damaged: the results from entry " + std::to_string(row.first) + " on");
  return row;
}

void ResultTable::with(std::int64_t row, const std::function<void(const RowView& row)>& use) {
  Rows rows = at_.run(row);
  if (!rows.next()) missing();
  use(read(rows));
}

std::string ResultTable::result(std::int64_t row, std::int64_t entry) {
  std::optional<std::string> found;
  with(row, [&](const RowView& view) {
    Results results(view);
    for (StoredResult result; results.next(result);)
      if (result.entry == entry) found = result.text;
  });
  if (!found) missing();
  return *std::move(found);
}

void ResultTable::walk(std::int64_t row, const RowChain::Use& use) {
  Rows rows = after_.run(row);
  while (rows.next())
    if (!use(read(rows))) return;
}

void ResultTable::put(const RowView& row) {
  const Digest sum = sum_of(row);
  put_.execute(row.first, row.count, blob(sum, sum_bytes), Blob{row.content});
}

}  // namespace openexec::store
