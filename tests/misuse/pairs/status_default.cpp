// WRONG: no matching (function for call to|constructor for initialization)
// SPDX-License-Identifier: Apache-2.0
// There is no Status by default: success is said, never assumed.
#include <openexec/status.hpp>

bool yes() {
#ifdef WRONG
  openexec::Status status;
#else
  openexec::Status status = openexec::Status::success();
#endif
  return status.ok();
}
