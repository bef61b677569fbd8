// WRONG: could not convert|not contextually convertible
// SPDX-License-Identifier: Apache-2.0
// Nor is an Outcome.
#include <openexec/outcome.hpp>

bool yes(const openexec::Outcome& outcome) {
#ifdef WRONG
  if (outcome) return true;
#else
  if (outcome.ok()) return true;
#endif
  return false;
}
