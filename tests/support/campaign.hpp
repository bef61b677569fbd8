// SPDX-License-Identifier: Apache-2.0
// The size of a campaign: a slice of seconds in CI, the whole where OPENEXEC_LONG is set (tests/run.sh --long).
#pragma once

#include <cstdlib>

namespace openexec::test {

/// Returns `whole` for a long run and `slice` otherwise.
inline int campaign(int slice, int whole) noexcept { return std::getenv("OPENEXEC_LONG") != nullptr ? whole : slice; }

}  // namespace openexec::test
