// SPDX-License-Identifier: Apache-2.0
// The newest keys, in memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/mutex.hpp"
#include "index/key_record.hpp"

namespace openexec::store {

/// A hash table that only grows, in the order of insertion. One thread at a time.
class KeySet {
 public:
  void insert(const KeyRecord& record);
  void clear() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return records_.size(); }
  /// In the order of insertion.
  [[nodiscard]] std::span<const KeyRecord> records() const noexcept { return records_; }
  /// Appends the rows of a key.
  void find(Key key, std::vector<std::int64_t>& rows) const;

 private:
  static constexpr std::uint32_t none = 0xffff'ffff;
  [[nodiscard]] std::uint32_t& head(std::uint64_t hash) noexcept { return heads_[hash & (heads_.size() - 1)]; }
  void link(std::size_t from);

  // Chains, so that many rows of one key do not slow down the lookups of other keys.
  std::vector<KeyRecord> records_;
  std::vector<std::uint32_t> nexts_;
  std::vector<std::uint32_t> heads_;  ///< a power of two
};

/// The committed keys that no deep run holds: a young generation, and one that is being merged into the deeper runs.
/// Thread-safe; one thread writes.
class KeyTable {
 public:
  void publish(std::span<const KeyRecord> records, bool old = false);
  /// The young generation becomes the old one. Precondition: the old one is empty.
  void age();
  void drop_old();
  void clear();

  /// Appends the rows of a key. Answers the version at that moment.
  std::uint64_t find(Key key, std::vector<std::int64_t>& rows) const;
  /// Changes when keys leave the table. A reader of table and database compares it before and after.
  [[nodiscard]] std::uint64_t version() const;

  /// For the writer, which needs no lock to read what it alone changes.
  [[nodiscard]] std::span<const KeyRecord> young() const noexcept OPENEXEC_THREAD_SAFETY(no_thread_safety_analysis) {
    return young_.records();
  }

 private:
  mutable base::SharedMutex mutex_;
  KeySet young_ OPENEXEC_GUARDED_BY(mutex_);
  KeySet old_ OPENEXEC_GUARDED_BY(mutex_);
  std::uint64_t version_ OPENEXEC_GUARDED_BY(mutex_) = 0;
};

}  // namespace openexec::store
