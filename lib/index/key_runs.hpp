// SPDX-License-Identifier: Apache-2.0
// Sorted runs of keys in the database: written once, front to back, and merged.
//
// A B-tree over hashes dirties a page for every key, the more the larger it grows. Here keys are sorted in memory and
// written as a run; runs of one size are merged into a run of the next. What a key costs is a few sequential copies
// (docs/design/0011-keys-in-sorted-runs.md).
//
// A run is a static B-tree of fixed-size blocks. Its leaves hold sorted records; a fence is a leaf's first record and
// its slot. A run of few leaves keeps their fences in its row (height 1), a larger one keeps them in directory blocks,
// and the fences of those in its row (height 2). Blocks of a run that was merged away are written again in place: a
// dead run is the list of free slots.
//
// Blocks and rows of runs carry a checksum. That of a block covers its run's number and its slot as well, and no run
// ever gets the number of another: a block that is whole, but old or in the wrong place, is not what its run asks for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include <openexec/bytes.hpp>

#include "index/key_record.hpp"
#include "sqlite/sqlite_db.hpp"

namespace openexec::store {

/// Sizes, in records unless said otherwise. Tests have small ones.
struct KeyGeometry {
  std::size_t leaf = 336;                            ///< of a leaf; with its row it fills a page of 4 KiB
  std::size_t fences = 224;                          ///< of a directory block, in fences
  std::size_t flush = 4'096;                         ///< new keys that are written as a run
  std::size_t generation = std::size_t{32} * 4'096;  ///< keys in memory that are merged into the first deeper level
  std::size_t growth = 16;                           ///< of a level over the one above
  [[nodiscard]] std::size_t block_bytes() const noexcept;
};

inline constexpr std::size_t record_bytes = 12;  ///< hash and place, 6 bytes each, big-endian
inline constexpr std::size_t fence_bytes = 18;   ///< a record and a slot

/// Elements of one width, as they are stored: each begins with the record that it is sorted by.
template <std::size_t width>
class Packed {
 public:
  explicit Packed(std::string_view bytes) noexcept : bytes_(bytes) {}
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() / width; }
  [[nodiscard]] KeyRecord at(std::size_t i) const noexcept;
  /// The place of the first element that is not below `record`; size() where all are.
  [[nodiscard]] std::size_t lower_bound(const KeyRecord& record) const noexcept;

 protected:
  std::string_view bytes_;
};

using Records = Packed<record_bytes>;

class Fences : public Packed<fence_bytes> {
 public:
  using Packed::Packed;
  [[nodiscard]] std::int64_t slot(std::size_t i) const noexcept;
  /// The place of the last fence that is not above `record`; 0 where all are.
  [[nodiscard]] std::size_t leading_to(const KeyRecord& record) const noexcept;
};

void append_record(const KeyRecord& record, std::string& out);
void append_fence(const KeyRecord& first, std::int64_t slot, std::string& out);

using CheckSum = std::array<char, 16>;

struct KeyRun {
  enum class State : std::uint8_t { live = 1, building = 2, dead = 3 };

  std::int64_t id = 0;
  int level = 0;  ///< 0: as flushed
  State state = State::live;
  std::int64_t target = 0;    ///< the run that this one is being merged into; 0: none
  std::uint64_t records = 0;  ///< written so far
  std::uint64_t sum = 0;      ///< of them (KeyRecord::mixed)
  std::int64_t claims = 0;    ///< every claim up to this row
  std::int64_t entries = 0;   ///< and every entry before this index is in this run or an older one
  int height = 1;
  std::string root;         ///< fences of the leaves, or of the directory blocks
  std::string pending;      ///< building: fences of the leaves that no directory block holds yet
  KeyRecord last;           ///< building: the record that was written last
  std::uint64_t taken = 0;  ///< dead: how many of its slots are in use again
  CheckSum row_sum{};       ///< of its row, as it was read or written last
};

/// Over the rows of all runs.
Digest digest_of(const std::map<std::int64_t, KeyRun>& runs);

/// What the index of keys has to add up to.
struct IndexState {
  std::uint64_t keys = 0;     ///< how many, in runs and in memory
  std::uint64_t sum = 0;      ///< of all of them (KeyRecord::mixed)
  std::int64_t last_run = 0;  ///< the highest number that any run ever had
  Digest runs{};              ///< over the rows of the runs

  bool operator==(const IndexState&) const = default;
};

/// The statements over runs and their blocks, prepared for a connection's life.
class RunQueries {
 public:
  RunQueries(const Database& database, const KeyGeometry& geometry);

  std::vector<KeyRun> all();
  /// What can be looked into and is at least so deep; the deepest first.
  std::vector<KeyRun> live(int min_level);
  /// The claim and the entry up to which keys are in runs.
  struct Watermark {
    std::int64_t claims = 0;
    std::int64_t entries = 0;
  };
  Watermark watermark();
  std::int64_t last_slot();

  /// Calls `use` with the elements of a run's block, whose bytes live as long as the call. Throws StoreFailure where
  /// the slot does not hold the block that this run wrote there.
  template <class Elements, class Use>
  auto block(std::int64_t run, std::int64_t slot, Use&& use) {
    Rows rows = block_of_.run(slot);
    return use(Elements(content(rows, run, slot, sizeof_element<Elements>)));
  }

  void put(KeyRun& run);  ///< adds or replaces its row
  void forget(std::int64_t run);
  void write(std::int64_t run, std::int64_t slot, bool is_new, std::string_view content);

 private:
  template <class Elements>
  static constexpr std::size_t sizeof_element = std::is_same_v<Elements, Records> ? record_bytes : fence_bytes;
  [[nodiscard]] std::string_view content(Rows& rows, std::int64_t run, std::int64_t slot, std::size_t width) const;

  const std::size_t block_bytes_;
  std::string block_;
  Statement all_, block_of_, watermark_, last_slot_, put_, forget_, add_block_, change_block_;
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
  [[nodiscard]] Fences fences() const noexcept { return Fences(run_->height == 1 ? run_->root : directory_); }
  void open_directory(std::size_t directory);
  void open_leaf(std::size_t fence);
  void next_leaf();

  RunQueries* queries_;
  const KeyRun* run_;
  std::string directory_;  ///< the directory block that is open
  std::size_t directories_ = 0;
  std::size_t fence_ = 0;
  std::vector<KeyRecord> leaf_;
  std::size_t at_ = 0;
  KeyRecord record_;
};

/// Directory blocks that were read before, so that a lookup reads a leaf and nothing else. Bounded.
class DirectoryCache {
 public:
  const std::string& get(RunQueries& queries, std::int64_t run, std::int64_t slot);
  void forget(std::int64_t slot) { blocks_.erase(slot); }  ///< it is about to hold something else
  void clear() { blocks_.clear(); }

 private:
  static constexpr std::size_t most = 512;
  std::unordered_map<std::int64_t, std::string> blocks_;
};

/// Appends the rows of a key in one run, in their order, up to `most` in `rows`.
void find_in_run(RunQueries& queries, DirectoryCache* directories, const KeyRun& run, Key key,
                 std::vector<std::int64_t>& rows, std::size_t most);

}  // namespace openexec::store
