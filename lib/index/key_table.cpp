// SPDX-License-Identifier: Apache-2.0
#include "index/key_table.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace openexec::store {

void KeySet::insert(const KeyRecord& record) {
  if (records_.size() >= heads_.size()) {
    heads_.assign(std::max<std::size_t>(64, heads_.size() * 2), none);
    link(0);
  }
  records_.push_back(record);
  nexts_.push_back(none);
  link(records_.size() - 1);
}

void KeySet::link(std::size_t from) {
  for (std::size_t i = from; i < records_.size(); ++i)
    nexts_[i] = std::exchange(head(records_[i].hash), static_cast<std::uint32_t>(i));
}

void KeySet::clear() noexcept {
  for (const KeyRecord& record : records_) head(record.hash) = none;
  records_.clear();
  nexts_.clear();
}

void KeySet::find(Key key, std::vector<std::int64_t>& rows) const {
  if (records_.empty()) return;
  for (std::uint32_t at = heads_[key.hash & (heads_.size() - 1)]; at != none; at = nexts_[at])
    if (records_[at].is_of(key)) rows.push_back(records_[at].row());
}

void KeyTable::publish(std::span<const KeyRecord> records, bool old) {
  const base::WriterLock lock(mutex_);
  for (const KeyRecord& record : records) (old ? old_ : young_).insert(record);
}

void KeyTable::age() {
  const base::WriterLock lock(mutex_);
  OPENEXEC_ASSERT(old_.size() == 0, "key table: the old generation is empty when the young one becomes it");
  std::swap(young_, old_);
}

void KeyTable::drop_old() {
  const base::WriterLock lock(mutex_);
  old_.clear();
  ++version_;
}

void KeyTable::clear() {
  const base::WriterLock lock(mutex_);
  young_.clear();
  old_.clear();
  ++version_;
}

std::uint64_t KeyTable::find(Key key, std::vector<std::int64_t>& rows) const {
  const base::ReaderLock lock(mutex_);
  young_.find(key, rows);
  old_.find(key, rows);
  return version_;
}

std::uint64_t KeyTable::version() const {
  const base::ReaderLock lock(mutex_);
  return version_;
}

}  // namespace openexec::store
