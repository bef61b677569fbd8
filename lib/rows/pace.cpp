// SPDX-License-Identifier: Apache-2.0
#include "rows/pace.hpp"

#include <algorithm>
#include <vector>

#include "rows/rules.hpp"

namespace openexec::store {

std::size_t Pace::within_a_minute(const Claim& claim, Timestamp latest, ReadQueries& rows) {
  const std::int64_t over = std::max(latest, claim.at).micros - minute_us;
  const auto [watched, first] = watched_.try_emplace(Name(claim.tenant, claim.action));
  std::deque<std::int64_t>& times = watched->second;
  try {
    if (first)
      for (const std::int64_t time : rows.times_after(over, claim.tenant, claim.action)) times.push_back(time);
  } catch (...) {
    watched_.erase(watched);
    throw;
  }
  while (!times.empty() && times.front() <= over) times.pop_front();
  return times.size();
}

void Pace::add(const Claim& claim, Timestamp at) {
  const auto watched = watched_.find(Name(claim.tenant, claim.action));
  if (watched == watched_.end()) return;
  std::deque<std::int64_t>& times = watched->second;
  times.push_back(at.micros);
  while (times.front() <= at.micros - minute_us) times.pop_front();
}

}  // namespace openexec::store
