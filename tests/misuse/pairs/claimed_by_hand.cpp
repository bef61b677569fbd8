// WRONG: private
// SPDX-License-Identifier: Apache-2.0
// A claim comes out of the store's answer, and out of nothing else.
#include "../../../lib/attempt/phases.hpp"

bool is_claimed(const openexec::Operation& answered, const openexec::exec::Granted& granted,
                const openexec::exec::RegisteredAction& action) {
#ifdef WRONG
  return openexec::exec::Claimed(openexec::HandlerTable::Row{}, std::chrono::steady_clock::time_point{})
             .since()
             .time_since_epoch()
             .count() == 0;
#else
  return openexec::exec::Claimed::from(answered, granted, action, {}).has_value();
#endif
}
