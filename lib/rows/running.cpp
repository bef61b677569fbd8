// SPDX-License-Identifier: Apache-2.0
#include "rows/running.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/assert.hpp"
#include "index/row_bytes.hpp"

namespace openexec::store {
std::string write_ranges(const std::vector<std::int64_t>& rows) {
  std::string out;
  std::int64_t next = 0;
  for (std::size_t i = 0; i < rows.size();) {
    std::size_t end = i + 1;
    while (end < rows.size() && rows[end] == rows[end - 1] + 1) ++end;
    append_number(static_cast<std::uint64_t>(rows[i] - next), out);
    append_number(end - i, out);
    next = rows[end - 1] + 1;
    i = end;
  }
  return out;
}

std::optional<std::vector<std::int64_t>> read_ranges(std::string_view text) try {
  constexpr std::uint64_t most = std::uint64_t{1} << 44;  // rows; see KeyRecord
  constexpr std::size_t most_running = std::size_t{1} << 24;
  std::vector<std::int64_t> rows;
  std::uint64_t next = 0;
  for (ByteReader bytes(text); !bytes.ended();) {
    const std::uint64_t gap = bytes.number();
    const std::uint64_t length = bytes.number();
    if (gap > most || length == 0 || length > most_running - rows.size()) return std::nullopt;
    next += gap;
    for (std::uint64_t i = 0; i < length; ++i) rows.push_back(static_cast<std::int64_t>(next++));
    if (next > most) return std::nullopt;
  }
  return rows;
} catch (const StoreFailure&) {
  return std::nullopt;
}

void Running::inherit(std::vector<std::int64_t> rows) {
  OPENEXEC_ASSERT(!changed(), "open claims: no change is pending when they are read from the ledger");
  OPENEXEC_ASSERT(std::is_sorted(rows.begin(), rows.end()), "open claims: the rows ascend");
  rows_ = std::move(rows);
  std::erase_if(own_, [&](const auto& own) { return !std::binary_search(rows_.begin(), rows_.end(), own.second); });
}

void Running::claimed(const Claim& claim, std::int64_t row) {
  const Name name(claim);
  changes_.push_back({true, row, name, {}});
  add(row);
  if (!spare_) {
    own_[name] = row;
    return;
  }
  spare_.key() = name;
  spare_.mapped() = row;
  own_.insert(std::move(spare_));
}

std::optional<std::int64_t> Running::ended(const Seal& seal) {
  const auto own = own_.find(Name(seal));
  if (own == own_.end()) return std::nullopt;
  const std::int64_t row = own->second;
  changes_.push_back({false, row, std::nullopt, {}});
  changes_.back().own = own_.extract(own);
  remove(row);
  return row;
}

void Running::ended(std::int64_t row) {
  if (!std::binary_search(rows_.begin(), rows_.end(), row)) return;
  changes_.push_back({false, row, std::nullopt, {}});
  remove(row);
}

void Running::committed() noexcept {
  for (Change& change : changes_)
    if (change.own) spare_ = std::move(change.own);
  changes_.clear();
}

void Running::rolled_back() noexcept {
  for (; !changes_.empty(); changes_.pop_back()) {
    Change& change = changes_.back();
    if (change.added) {
      remove(change.row);
      own_.erase(*change.name);
    } else {
      add(change.row);  // within the capacity that it had before
      if (change.own) own_.insert(std::move(change.own));
    }
  }
}

void Running::disowned() noexcept {
  for (const Change& change : changes_)
    if (change.added) own_.erase(*change.name);
  changes_.clear();
}

bool Running::has(std::int64_t row) const noexcept { return std::binary_search(rows_.begin(), rows_.end(), row); }

std::vector<std::int64_t> Running::orphans() const {
  std::unordered_set<std::int64_t> own;
  for (const auto& [name, row] : own_) own.insert(row);
  std::vector<std::int64_t> orphans;
  std::copy_if(rows_.begin(), rows_.end(), std::back_inserter(orphans),
               [&](std::int64_t row) { return own.count(row) == 0; });
  return orphans;
}

void Running::add(std::int64_t row) { rows_.insert(std::lower_bound(rows_.begin(), rows_.end(), row), row); }

void Running::remove(std::int64_t row) {
  const auto place = std::lower_bound(rows_.begin(), rows_.end(), row);
  if (place != rows_.end() && *place == row) rows_.erase(place);
}

}  // namespace openexec::store
