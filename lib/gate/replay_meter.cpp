// SPDX-License-Identifier: Apache-2.0
#include "gate/replay_meter.hpp"

#include <utility>

namespace openexec::exec {
namespace {

/// The entry that stands for replays, without its count and its time.
Entry standing_for(const Entry& replay) {
  Entry entry = replay;
  entry.verdict = Verdict::suppressed;
  entry.approval.reset();
  entry.count = 0;
  return entry;
}

}  // namespace

ReplayMeter::Ruling ReplayMeter::rule(std::chrono::steady_clock::time_point now, const Digest& exec_id,
                                      const Entry& entry) {
  const base::Lock lock(mutex_);
  Ruling ruling;
  if (now - second_ >= std::chrono::seconds(1)) {
    ruling.suppressed = take();
    second_ = now;
  }
  const auto known = tallies_.find(exec_id);
  if (known == tallies_.end() && tallies_.size() >= most_executions) return ruling;
  Tally& tally = known != tallies_.end() ? known->second : tallies_[exec_id];
  ruling.record = tally.recorded < limit_;
  if (ruling.record) {
    ++tally.recorded;
    return ruling;
  }
  if (tally.suppressed.count == 0) tally.suppressed = standing_for(entry);
  ++tally.suppressed.count;
  return ruling;
}

std::vector<Entry> ReplayMeter::rest() {
  const base::Lock lock(mutex_);
  return take();
}

std::vector<Entry> ReplayMeter::take() {
  std::vector<Entry> entries;
  for (auto& [unused, tally] : tallies_)
    if (tally.suppressed.count != 0) entries.push_back(std::move(tally.suppressed));
  tallies_.clear();
  return entries;
}

}  // namespace openexec::exec
