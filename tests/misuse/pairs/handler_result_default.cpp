// WRONG: no matching (function for call to|constructor for initialization)
// SPDX-License-Identifier: Apache-2.0
// A handler has to say what became of the action.
#include <openexec/handler.hpp>

openexec::HandlerResult handle(const openexec::Invocation&) {
#ifdef WRONG
  openexec::HandlerResult result;
#else
  openexec::HandlerResult result = openexec::HandlerResult::result("{}");
#endif
  return result;
}
