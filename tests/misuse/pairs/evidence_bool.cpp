// WRONG: could not convert|not contextually convertible
// SPDX-License-Identifier: Apache-2.0
// Evidence has three answers: whoever takes "it could be read" or "it did not fail" for "it is genuine" has to write
// it.
#include <openexec/evidence.hpp>

bool genuine(const openexec::EvidenceReport& report) {
#ifdef WRONG
  if (report.verdict) return true;
#else
  if (report.verdict == openexec::EvidenceVerdict::pass) return true;
#endif
  return false;
}
