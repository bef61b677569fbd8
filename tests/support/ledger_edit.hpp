// SPDX-License-Identifier: Apache-2.0
// A ledger's rows and head, changed as somebody would who can write its file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rows/schema.hpp"

namespace openexec::test {

/// Whether whoever edits knows the format, and makes the hashes fit again. The log's key nobody has.
enum class Hashes { left, forged };

struct EditedEntry {
  std::string json;
  Digest exec_id{};
  Digest attempt{};
  Timestamp high_water;
  std::optional<store::Ending> ending;
};

struct EditedRow {
  std::int64_t first = 0;
  std::vector<EditedEntry> entries;
  Digest hash{};
};

class LedgerEdit {
 public:
  explicit LedgerEdit(const std::string& path) : database_(path, SQLITE_OPEN_READWRITE, nullptr), read_(database_) {
    store::Statement all(database_, "SELECT first, count, hash, content FROM entries ORDER BY first");
    store::Rows found = all.run();
    while (found.next()) {
      EditedRow row{found.integer(0), {}, found.digest(2)};
      store::Members<store::StoredEntry> members(store::RowView{row.first, found.integer(1), found.bytes(3)});
      for (store::StoredEntry entry; members.next(entry);)
        row.entries.push_back({entry.json(), entry.exec_id, entry.attempt, entry.high_water, entry.ending});
      rows.push_back(std::move(row));
    }
  }

  std::vector<EditedRow> rows;

  EditedRow& row_of(std::uint64_t index) {
    for (EditedRow& row : rows)
      if (static_cast<std::int64_t>(index) < row.first + static_cast<std::int64_t>(row.entries.size())) return row;
    throw std::out_of_range("no such entry");
  }
  EditedEntry& entry(std::uint64_t index) {
    EditedRow& row = row_of(index);
    return row.entries[static_cast<std::size_t>(static_cast<std::int64_t>(index) - row.first)];
  }

  /// Where hashes are forged, the head follows the rows.
  void write(Hashes hashes) {
    database_.execute("BEGIN");
    database_.execute("DELETE FROM entries");
    store::Statement add(database_, "INSERT INTO entries VALUES (?1, ?2, ?3, ?4)");
    store::RowChain::End chain{0, {}};
    store::IndexState keys;
    const auto count = [&](store::Key key, std::int64_t number) {
      ++keys.keys;
      keys.sum += store::KeyRecord(key, number).mixed();
    };
    for (const EditedRow& row : rows) {
      store::OwnedRow stored{
          row.first, static_cast<std::int64_t>(row.entries.size()), std::string(1, store::row_form), {}};
      std::int64_t index = row.first;
      for (const EditedEntry& entry : row.entries)
        store::append_entry({{entry.json}, entry.exec_id, entry.attempt, entry.high_water, entry.ending},
                            store::leaf_hash(entry.json), index++, stored);
      const Digest forged = row_hash(store::RowKind::entries, stored, chain.hash);
      chain = {stored.end(), forged};
      store::give_entry_keys(view_of(stored), stored.first, count);
      add.execute(stored.first, stored.count, store::blob(hashes == Hashes::forged ? forged : row.hash),
                  store::Blob{stored.content});
    }
    if (hashes == Hashes::forged) {
      if (read_.head().claim_count() > 0)
        read_.claims().walk(1, [&](const store::RowView& row) {
          store::give_keys(row, 0, count);
          return true;
        });
      set_head([&](store::Head& head) {
        head.entries = chain;
        head.index.keys = keys.keys;
        head.index.sum = keys.sum;
      });
    }
    database_.execute("COMMIT");
  }

  /// Changes the head, and makes its hash fit.
  void set_head(const std::function<void(store::Head&)>& change) {
    store::Head head = read_.head();
    change(head);
    const std::string content = store::write_head(head);
    store::Statement set(database_, "UPDATE head SET hash = ?1, content = ?2, checkpoint = ?3");
    set.execute(store::blob(store::head_hash(content, head.checkpoint)), store::Blob{content},
                std::string_view(head.checkpoint));
  }

 private:
  store::Database database_;
  store::ReadQueries read_;
};

}  // namespace openexec::test
