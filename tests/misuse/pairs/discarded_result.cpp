// WRONG: ignoring return value|nodiscard
// SPDX-License-Identifier: Apache-2.0
// So is a Result.
#include <openexec/executor.hpp>

bool assemble(openexec::Parts parts, openexec::HandlerTable table) {
#ifdef WRONG
  openexec::Executor::assemble({}, parts, table);
  return true;
#else
  return openexec::Executor::assemble({}, parts, table).ok();
#endif
}
