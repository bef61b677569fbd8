// WRONG: could not convert|not contextually convertible
// SPDX-License-Identifier: Apache-2.0
// A claim's answer has four kinds and only one permits to run: it is compared by name, never taken as a bool.
#include <openexec/nonce_store.hpp>

bool may_run(const openexec::ClaimAnswer& answer) {
#ifdef WRONG
  if (answer.kind) return true;
#else
  if (answer.kind == openexec::ClaimAnswer::Kind::fresh) return true;
#endif
  return false;
}
