// WRONG: no matching (member )?function for call|could not convert|cannot convert
// SPDX-License-Identifier: Apache-2.0
// A text alone is no HandlerResult: result, failure and doubt are different things to say.
#include <string>

#include <openexec/handler.hpp>

bool register_it(openexec::HandlerTable& table) {
#ifdef WRONG
  return table.add("echo", [](const openexec::Invocation&) { return std::string("{}"); }).ok();
#else
  return table.add("echo", [](const openexec::Invocation&) { return openexec::HandlerResult::result("{}"); }).ok();
#endif
}
