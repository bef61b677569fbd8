// SPDX-License-Identifier: Apache-2.0
#include "upkeep/log_audit.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <utility>

#include "ledger/anchor.hpp"
#include "merkle/hash.hpp"
#include "merkle/tree.hpp"
#include "session/ledger_file.hpp"
#include "session/log_key.hpp"
#include "session/sqlite_session.hpp"
#include "sqlite/guard.hpp"
#include "tlog/log_proofs.hpp"
#include "tlog/note_file.hpp"
#include "upkeep/ledger_audit.hpp"

namespace openexec::store {
namespace {

using merkle::tile_width;

constexpr std::size_t most_differences = 100;
/// Per read transaction, which is short so that the writer can move its write-ahead log.
constexpr std::int64_t rows_at_once = 64;
constexpr std::uint64_t widest_gap = 65'536;  // of missing entries; after a wider one the audit stops deriving

std::string number(std::uint64_t value) { return std::to_string(value); }

std::int64_t place_of(unsigned level, std::uint64_t index) noexcept {
  return static_cast<std::int64_t>(std::uint64_t{level} << 56 | index);
}

/// The statements that only an audit needs.
struct AuditQueries {
  explicit AuditQueries(const Database& database)
      : rows(database, "SELECT first, count, hash, content FROM entries WHERE first >= ?1 ORDER BY first LIMIT ?2"),
        tile(database, "SELECT hashes FROM tiles WHERE place = ?1"),
        tile_between(database, "SELECT place FROM tiles WHERE place >= ?1 AND place < ?2 ORDER BY place LIMIT 1") {}
  Statement rows, tile, tile_between;
};

class Audit final : public merkle::TileSink {
 public:
  Audit(const LedgerPath& path, const AuditOptions& options)
      : path_(path), options_(options), session_(path), queries_(session_.database) {}

  LogAudit run() {
    look_at_the_end();
    while (read_rows()) {
      if (options_.progress) options_.progress(audit_.entries, audit_.size, audit_.bytes);
    }
    finish();
    rest_->finish(audit_);
    return std::move(audit_);
  }

  /// Receives the tiles of the derived tree. A full tile is final. The last tiles of each level are compared at the
  /// end.
  Status put(unsigned level, std::uint64_t index, std::span<const Digest> hashes) override {
    if (level > 0 && hashes.size() == tile_width) compare_tile(level, index, hashes);
    return Status::success();
  }

 private:
  void differ(LogDifference difference) {
    ++audit_.difference_count;
    if (audit_.differences.size() < most_differences) audit_.differences.push_back(std::move(difference));
  }
  void entry_differs(std::uint64_t index, const std::string& what) {
    differ({"entry", index, {}, "entry " + number(index) + " " + what});
  }
  void row_differs(const RowView& row, std::string what) {
    std::optional<std::uint64_t> index;
    if (row.first >= 0) index = static_cast<std::uint64_t>(row.first);
    rest_->differing_entries();
    differ({"row", index, {}, std::move(what)});
  }
  void tile_differs(unsigned level, std::uint64_t index, const std::string& what,
                    std::optional<std::uint64_t> entry = std::nullopt) {
    std::string tile = merkle::tile_path({level, index, tile_width});
    std::string sentence = tile + " " + what;
    differ({"tile", entry, std::move(tile), std::move(sentence)});
  }
  void checkpoint_differs(const std::string& what) { differ({"checkpoint", {}, {}, "the checkpoint " + what}); }

  // One snapshot: reads the size of the log, and checks that there are no more entries and tiles than that.
  void look_at_the_end() {
    const Snapshot snapshot(session_.read);
    const Head head = session_.read.head();
    rest_.emplace(session_, head, [this](LogDifference difference) { differ(std::move(difference)); });
    end_ = head.entries;
    const auto pinned = session_.read.pinned(log_pin, head.pins);
    if (!pinned) throw StoreFailure("the ledger was never opened for writing: it does not say whose log it is");
    const auto key = merkle::VerifierKey::parse(*pinned);
    if (!key.ok()) throw StoreFailure("the ledger is damaged: " + key.status().detail());
    key_ = *key;
    audit_.expects_anchor = options_.anchor.empty() && session_.read.pinned(anchor_pin, head.pins).has_value();
    const std::uint64_t entries = head.entry_count();
    audit_.size = entries;
    std::string note = head.checkpoint;
    if (const auto opened = merkle::open_note(note, {&*key_, 1}); !opened.ok())
      checkpoint_differs("is not one that the log signed: " + opened.status().detail());
    try {
      const SignedCheckpoint said = read_checkpoint(std::move(note));
      said_ = {said.size, said.root};
      audit_.size = said.size;
      if (entries < said.size) {
        const std::string last = said.size - entries > 1 ? " (and all up to " + number(said.size - 1) + ")" : "";
        entry_differs(entries, "is missing" + last + ": the checkpoint covers " + number(said.size));
        told_missing_ = entries;
      }
      if (entries > said.size) entry_differs(said.size, "is not covered by the checkpoint");
    } catch (const StoreFailure&) {  // reported above: the note is malformed
    }
    count_tiles();
  }

  void count_tiles() {
    std::int64_t from = std::numeric_limits<std::int64_t>::min();
    for (unsigned level = 0; level < merkle::max_levels; ++level) {
      // Level 0 has full tiles only. A higher level has every tile with at least one hash.
      const std::uint64_t hashes = level == 0 ? audit_.size : audit_.size >> (merkle::tile_height * level);
      const std::uint64_t count = hashes / tile_width + (level > 0 && hashes % tile_width != 0 ? 1 : 0);
      extra_tile(from, place_of(level, 0));
      from = place_of(level, count);
      if (level > 0 && hashes % tile_width != 0) {
        Rows rows = queries_.tile.run(place_of(level, count - 1));
        if (rows.next() && rows.bytes(0).size() != hashes % tile_width * sizeof(Digest))
          tile_differs(level, count - 1, "holds not as many hashes as the log has");
      }
    }
    extra_tile(from, std::numeric_limits<std::int64_t>::max());
  }

  void extra_tile(std::int64_t from, std::int64_t to) {
    Rows rows = queries_.tile_between.run(from, to);
    if (!rows.next()) return;
    const std::int64_t place = rows.integer(0);
    const bool named = place >= 0 && place < place_of(merkle::max_levels, 0);
    constexpr std::uint64_t mask = (std::uint64_t{1} << 56) - 1;
    if (named) {
      tile_differs(static_cast<unsigned>(place >> 56), static_cast<std::uint64_t>(place) & mask,
                   "is there, but the log does not reach as far");
    } else {
      differ({"tile", {}, {}, "there is a tile at a place that no tile has: " + std::to_string(place)});
    }
  }

  /// Reads some rows. Returns false if there are no more.
  bool read_rows() {
    const std::uint64_t before = next_;
    Rows rows = queries_.rows.run(next_row_, rows_at_once);
    while (next_ < audit_.size && rows.next()) {
      const RowView row{rows.integer(0), rows.integer(1), rows.bytes(3)};
      if (!read_row(row, rows.bytes(2))) return false;
      next_row_ = static_cast<std::int64_t>(next_);
    }
    return next_ != before && next_ < audit_.size;
  }

  bool read_row(const RowView& row, std::string_view hash) {
    if (row.first < 0 || row.count <= 0 || row.count > static_cast<std::int64_t>(widest_gap)) {
      row_differs(row, "there is a row of entries with impossible numbers: " + std::to_string(row.first));
      next_row_ = std::max<std::int64_t>(row.first + 1, 0);
      return row.first < 0;
    }
    const auto first = static_cast<std::uint64_t>(row.first);
    if (first >= audit_.size) return false;
    if (first < next_) {
      row_differs(row, "the row of entries from " + number(first) + " on overlaps the one before it");
      return true;
    }
    if (first > next_ + widest_gap) {
      entry_differs(next_, "is missing, and all up to " + number(first - 1));
      told_missing_ = next_;
      return false;
    }
    for (; next_ < first; ++next_) {
      rest_->unreadable_entries();
      entry_differs(next_, "is missing");
      add({});
    }
    const std::string range =
        "entries " + number(first) + " to " + number(first + static_cast<std::uint64_t>(row.count) - 1);
    const Digest before = std::exchange(before_, {});
    if (hash.size() == before_.size()) std::copy(hash.begin(), hash.end(), before_.begin());
    if (hash.size() != before_.size() || !is_whole(RowKind::entries, row, before, before_))
      row_differs(row, "the row of " + range + " is not the one that was written");
    read_members(row, range);
    return true;
  }

  void read_members(const RowView& row, const std::string& range) {
    std::vector<StoredEntry> entries;
    try {
      Members<StoredEntry> members(row);
      for (StoredEntry entry; members.next(entry);) entries.push_back(entry);
    } catch (const StoreFailure&) {
      row_differs(row, range + " cannot be read: their row is malformed");
      rest_->unreadable_entries();
      for (; next_ < static_cast<std::uint64_t>(row.end()) && next_ < audit_.size; ++next_) add({});
      return;
    }
    for (const StoredEntry& entry : entries) {
      if (next_ == audit_.size) return;
      read_entry(entry);
    }
  }

  void read_entry(const StoredEntry& entry) {
    const std::uint64_t index = next_;
    const std::string json = entry.json();
    audit_.bytes += json.size();
    ++audit_.entries;
    if (options_.well_formed) {
      const bool named = entry.exec_id != Digest{};
      if (const Status status = options_.well_formed(json, named ? &entry.exec_id : nullptr); !status.ok())
        entry_differs(index, "is not well formed: " + status.detail());
    }
    const std::int64_t time = entry.high_water.micros;
    if (time < high_water_) entry_differs(index, "has an earlier time than the entry before it");
    high_water_ = std::max(high_water_, time);
    rest_->entry(static_cast<std::int64_t>(index), entry);
    ++next_;
    add(merkle::leaf_hash(json));
  }

  /// Takes a leaf, or zero for a missing one.
  void add(const Digest& leaf) {
    leaves_[leaf_count_++] = leaf;
    if (leaf_count_ < tile_width) return;
    leaf_count_ = 0;
    compare_leaves(tree_.size() / tile_width);
    for (const Digest& each : leaves_) grow(each);
  }

  void grow(const Digest& leaf) {
    if (const Status status = tree_.append(leaf, *this); !status.ok()) throw StoreFailure(status.detail());
  }

  bool tile_at(unsigned level, std::uint64_t index, std::size_t width, std::vector<Digest>& hashes) {
    return session_.read.tile(level, index, width, hashes);
  }

  /// If an entry and its tile differ, the one that does not match the tree above is wrong. The audit continues with the
  /// one that matches, so that one edit is one difference.
  void compare_leaves(std::uint64_t index) {
    ++audit_.tiles;
    std::vector<Digest> kept;
    if (!tile_at(0, index, tile_width, kept)) return tile_differs(0, index, "is missing or cut short");
    if (tile_bytes(0, index) != tile_width * sizeof(Digest)) tile_differs(0, index, "is longer than a tile");
    if (std::equal(kept.begin(), kept.end(), leaves_.begin())) return;
    std::vector<Digest> above;
    const std::size_t at = index % tile_width;
    const bool knows = tile_at(1, index / tile_width, at + 1, above);
    const bool tile_is_wrong = knows && above[at] == merkle::subtree_root(leaves_);
    const bool entry_is_wrong = knows && !tile_is_wrong && above[at] == merkle::subtree_root(kept);
    for (std::size_t i = 0; i < tile_width; ++i) {
      if (kept[i] == leaves_[i]) continue;
      const std::uint64_t entry = index * tile_width + i;
      if (tile_is_wrong) {
        tile_differs(0, index, "holds another hash than that of entry " + number(entry), entry);
      } else if (leaves_[i] != Digest{}) {  // a missing one was reported
        entry_differs(entry, entry_is_wrong
                                 ? "is not the one that the tree was made of"
                                 : "and its hash in " + merkle::tile_path({0, index, tile_width}) + " differ");
      }
    }
    if (entry_is_wrong) std::copy(kept.begin(), kept.end(), leaves_.begin());
  }

  std::size_t tile_bytes(unsigned level, std::uint64_t index) {
    Rows rows = queries_.tile.run(place_of(level, index));
    return rows.next() ? rows.bytes(0).size() : 0;
  }

  void compare_tile(unsigned level, std::uint64_t index, std::span<const Digest> hashes) {
    ++audit_.tiles;
    std::vector<Digest> kept;
    if (!tile_at(level, index, hashes.size(), kept)) return tile_differs(level, index, "is missing or cut short");
    if (hashes.size() == tile_width && tile_bytes(level, index) != hashes.size_bytes())
      tile_differs(level, index, "is longer than a tile");
    const auto [kept_at, derived] = std::mismatch(kept.begin(), kept.end(), hashes.begin());
    if (kept_at != kept.end())
      tile_differs(level, index,
                   "holds another hash " + std::to_string(kept_at - kept.begin()) + " than the tiles below it make");
  }

  void finish() {
    const std::uint64_t edge = next_ - leaf_count_;
    for (std::size_t i = 0; i < leaf_count_; ++i) grow(leaves_[i]);
    audit_.root = tree_.root();
    if (next_ == audit_.size) {
      for (unsigned level = 1; level < merkle::levels_of(audit_.size); ++level)
        if (const auto last = tree_.edge(level); !last.empty())
          compare_tile(level, (audit_.size >> (merkle::tile_height * level)) / tile_width, last);
    } else if (told_missing_ != next_) {
      const std::string last = audit_.size - next_ > 1 ? ", and all up to " + number(audit_.size - 1) : "";
      entry_differs(next_, "is missing" + last);
    }
    if (said_ && next_ == audit_.size && said_->root != audit_.root) {
      // Without an earlier difference, the partial tile or the checkpoint itself is wrong.
      const bool told = audit_.difference_count > 0 || edge == audit_.size;
      checkpoint_differs("has another root than the entries make" +
                         (told ? std::string()
                               : ": one of the entries from " + number(edge) + " to " + number(audit_.size - 1) +
                                     " was changed, or the checkpoint"));
    }
    if (next_ < static_cast<std::uint64_t>(end_.next)) rest_->unreadable_entries();
    if (next_ == static_cast<std::uint64_t>(end_.next) && before_ != end_.hash)
      differ({"row", {}, {}, "the entries do not end with the hash that the head has"});
    check_notes();
    if (options_.progress) options_.progress(audit_.entries, audit_.size, audit_.bytes);
  }

  /// Reads the files before the log. The log only grows, so that a running executor causes no false difference.
  void check_notes() {
    EdgeLeaves edge;
    LedgerLog log(session_.read, edge);
    if (auto note = read_note_file(path_.cosigned())) {
      const auto checked = check_cosigned(log, *note, *key_);
      if (checked.ok())
        audit_.cosigned = checked->size;
      else
        differ({"cosigned", {}, {}, "the cosigned checkpoint is not of this log: " + checked.status().detail()});
    }
    if (options_.anchor.empty()) return;
    try {
      Anchor anchor(options_.anchor);
      anchor.check(log, *key_, true, session_.read.claims(), session_.read.head());
      audit_.anchored = anchor.covered();
    } catch (const SqliteError&) {
      throw;
    } catch (const StoreFailure& failure) {
      differ({"anchor", {}, {}, failure.what()});
    }
  }

  const LedgerPath& path_;
  const AuditOptions& options_;
  ReadSession session_;
  AuditQueries queries_;
  LogAudit audit_;
  std::optional<LedgerAudit> rest_;
  std::optional<std::uint64_t> told_missing_;  ///< the first of the missing entries at the end
  RowChain::End end_;                          ///< of the entries, as recorded in the head
  Digest before_{};                            ///< the hash of the previous row
  std::optional<merkle::VerifierKey> key_;
  std::optional<merkle::TreeHead> said_;
  merkle::Tree tree_;
  std::array<Digest, tile_width> leaves_{};
  std::size_t leaf_count_ = 0;
  std::uint64_t next_ = 0;  ///< the next index
  std::int64_t next_row_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t high_water_ = std::numeric_limits<std::int64_t>::min();
};

}  // namespace

Result<LogAudit> audit_log(const std::string& path, const AuditOptions& options) {
  return guarded([&]() -> Result<LogAudit> {
    const LedgerPath at = resolve(path, nullptr);
    if (!inspect(at)) return Status(Code::store_failed, "no ledger is there to read");
    return Audit(at, options).run();
  });
}

}  // namespace openexec::store
