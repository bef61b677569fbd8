// WRONG: ignoring return value|nodiscard
// SPDX-License-Identifier: Apache-2.0
// A Status that nobody looks at is an error.
#include <openexec/handler.hpp>

bool register_it(openexec::HandlerTable& table, openexec::Handler handler) {
#ifdef WRONG
  table.add("echo", handler);
  return true;
#else
  return table.add("echo", handler).ok();
#endif
}
