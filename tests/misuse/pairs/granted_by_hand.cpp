// WRONG: private
// SPDX-License-Identifier: Apache-2.0
// An approval is granted by the judge, which asked the verifier, and by nothing else.
#include "../../../lib/attempt/phases.hpp"

const openexec::Approval& read(const openexec::exec::Granted& granted) {
#ifdef WRONG
  static const openexec::exec::Granted forged({}, {}, 0);
  return granted.approval().id.empty() ? forged.approval() : granted.approval();
#else
  return granted.approval();
#endif
}
