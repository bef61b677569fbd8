// SPDX-License-Identifier: Apache-2.0
// The size of a campaign: a slice of seconds in CI, the whole where OPENEXEC_LONG is set (tests/run.sh --long).
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace openexec::test {

/// Returns `whole` for a long run and `slice` otherwise.
inline int campaign(int slice, int whole) noexcept { return std::getenv("OPENEXEC_LONG") != nullptr ? whole : slice; }

/// Splits a long run over several processes: with OPENEXEC_LONG_PART=2/4 the second quarter of `total` runs, and all of it
/// without. Returns the first number and the one behind the last, from 0.
inline std::pair<std::uint64_t, std::uint64_t> campaign_part(std::uint64_t total) {
  const char* const set = std::getenv("OPENEXEC_LONG_PART");
  if (set == nullptr) return {0, total};
  std::uint64_t part = 0;
  std::uint64_t parts = 0;
  if (std::sscanf(set, "%" SCNu64 "/%" SCNu64, &part, &parts) != 2 || part == 0 || part > parts)
    throw std::runtime_error("OPENEXEC_LONG_PART: must be PART/PARTS, such as 2/4");
  return {total * (part - 1) / parts, total * part / parts};
}

}  // namespace openexec::test
