// SPDX-License-Identifier: Apache-2.0
// Orders from outside: stop, go on, and what counts no more.
#pragma once

#include <string_view>

namespace openexec {

/// Who orders it, and why: both go into the log, in the entry of verdict `control` that an order leaves.
struct Order {
  std::string_view who;     ///< 1 to 255 bytes of UTF-8 without control characters
  std::string_view why;     ///< 1 to 1,024 bytes of UTF-8
  std::string_view tenant;  ///< whom it concerns; empty: everybody
};

}  // namespace openexec
