// WRONG: no match for .operator==|invalid operands
// SPDX-License-Identifier: Apache-2.0
// A code is not compared with a bare number.
#include <openexec/outcome.hpp>

bool yes(const openexec::Outcome& outcome) {
#ifdef WRONG
  return outcome.code == 0;
#else
  return outcome.code == openexec::Code::ok;
#endif
}
