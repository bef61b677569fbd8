// WRONG: could not convert|not contextually convertible
// SPDX-License-Identifier: Apache-2.0
// A Status is no bool, so it cannot be read the wrong way round.
#include <openexec/status.hpp>

bool yes(const openexec::Status& status) {
#ifdef WRONG
  if (status) return true;
#else
  if (status.ok()) return true;
#endif
  return false;
}
