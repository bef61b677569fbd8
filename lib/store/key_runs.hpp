// Sorted runs of keys in the database: written once, front to back, and merged.
//
// A B-tree over hashes dirties a page for every key, the more the larger it grows. Here keys are sorted in memory and
// written as a run; runs of one size are merged into a run of the next. What a key costs is a few sequential copies
// (docs/design/0010-keys-in-sorted-runs.md).
//
// A run is a static B-tree of fixed-size blocks. Its leaves hold sorted records; a fence is a leaf's first record and
// its slot. A run of few leaves keeps their fences in its row (height 1), a larger one keeps them in directory blocks,
// and the fences of those in its row (height 2). Blocks of a run that was merged away are written again in place: a dead
// run is the list of free slots.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/key_record.hpp"
#include "store/sqlite_db.hpp"

namespace openexec::store {

/// Sizes, in records unless said otherwise. Tests have small ones.
struct KeyGeometry {
  std::size_t leaf = 338;                            ///< of a leaf; with its row it fills a page of 4 KiB
  std::size_t fences = 225;                          ///< of a directory block, in fences
  std::size_t flush = 4'096;                         ///< new keys that are written as a run
  std::size_t generation = std::size_t{16} * 4'096;  ///< keys in memory that are merged into the first deeper level
  std::size_t growth = 32;                           ///< of a level over the one above
  [[nodiscard]] std::size_t block_bytes() const noexcept;
};

/// Elements of one width, sorted by the record that each begins with, in big-endian bytes: as they are stored.
template <std::size_t width>
class Packed {
 public:
  Packed() = default;
  explicit Packed(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() / width; }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
  [[nodiscard]] const char* operator[](std::size_t i) const noexcept { return bytes_.data() + i * width; }
  /// The place of the first element that is not below `record`; size() where all are.
  [[nodiscard]] std::size_t lower_bound(const KeyRecord& record) const noexcept;
  void clear() noexcept { bytes_.clear(); }

 protected:
  std::string bytes_;
};

class Records : public Packed<12> {
 public:
  using Packed::Packed;
  void push_back(const KeyRecord& record);
  [[nodiscard]] KeyRecord at(std::size_t i) const noexcept;
};

class Fences : public Packed<18> {
 public:
  using Packed::Packed;
  void push_back(const KeyRecord& first, std::int64_t slot);
  [[nodiscard]] std::int64_t slot(std::size_t i) const noexcept;
  [[nodiscard]] KeyRecord first(std::size_t i) const noexcept;
  /// The place of the last fence that is not above `record`; 0 where all are.
  [[nodiscard]] std::size_t leading_to(const KeyRecord& record) const noexcept;
};

struct KeyRun {
  enum class State : std::uint8_t { live = 1, building = 2, dead = 3 };

  std::int64_t id = 0;
  int level = 0;  ///< 0: as flushed
  State state = State::live;
  std::int64_t target = 0;    ///< the run that this one is being merged into; 0: none
  std::uint64_t records = 0;  ///< written so far
  std::int64_t claims = 0;    ///< every claim up to this row
  std::int64_t entries = 0;   ///< and every entry before this index is in this run or an older one
  int height = 1;
  Fences root;              ///< of the leaves, or of the directory blocks
  Fences pending;           ///< building: of the leaves that no directory block holds yet
  KeyRecord last;           ///< building: the record that was written last
  std::uint64_t taken = 0;  ///< dead: how many of its slots are in use again
};

/// The statements over runs and their blocks, prepared for a connection's life.
class RunQueries {
 public:
  RunQueries(const Database& database, const KeyGeometry& geometry);

  std::vector<KeyRun> all();
  /// What can be looked into and is at least so deep; the deepest first. Without `pending`, `last` and `taken`.
  std::vector<KeyRun> live(int min_level);
  Records leaf(std::int64_t slot);
  Fences directory(std::int64_t slot);
  /// The claim and the entry up to which keys are in runs.
  struct Watermark {
    std::int64_t claims = 0;
    std::int64_t entries = 0;
  };
  Watermark watermark();
  std::int64_t last_slot();

  void put(const KeyRun& run);  ///< adds or replaces its row
  void forget(std::int64_t run);
  void write(std::int64_t slot, bool is_new, std::string_view content);

 private:
  std::string content_of(std::int64_t slot, std::size_t width);
  const std::size_t block_bytes_;
  std::string block_;
  Statement all_, live_, block_of_, watermark_, last_slot_, put_, forget_, add_block_, change_block_;
};

/// Reads a run's records in order, from the first that is not less than a given one.
class RunCursor {
 public:
  RunCursor(RunQueries& queries, const KeyRun& run) : queries_(&queries), run_(&run) {}

  void seek(const KeyRecord& from);
  [[nodiscard]] bool ended() const noexcept { return at_ >= leaf_.size(); }
  [[nodiscard]] const KeyRecord& operator*() const noexcept { return record_; }
  void next();

 private:
  void open_leaf(std::size_t directory, std::size_t fence);
  void next_leaf();

  RunQueries* queries_;
  const KeyRun* run_;
  Fences opened_;  ///< the directory block that is open
  std::size_t directory_ = 0;
  std::size_t fence_ = 0;
  Records leaf_;
  std::size_t at_ = 0;
  KeyRecord record_;
};

/// Appends the rows of a key in one run, in their order, up to `most` in `rows`.
void find_in_run(RunQueries& queries, const KeyRun& run, Key key, std::vector<std::int64_t>& rows, std::size_t most);

}  // namespace openexec::store
