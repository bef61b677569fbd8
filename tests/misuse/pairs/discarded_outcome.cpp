// WRONG: ignoring return value|nodiscard
// SPDX-License-Identifier: Apache-2.0
// So is an Outcome: whoever executes looks at the answer.
#include <openexec/executor.hpp>

bool run(openexec::Executor& executor) {
#ifdef WRONG
  executor.execute({"echo", "{}", "nonce-1", {}});
  return true;
#else
  return executor.execute({"echo", "{}", "nonce-1", {}}).ok();
#endif
}
