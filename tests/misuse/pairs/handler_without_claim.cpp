// WRONG: private
// SPDX-License-Identifier: Apache-2.0
// No step is reached without the proof that it needs: an approval is granted by the judge alone, a nonce is claimed by
// the store's answer alone, and only what was claimed reaches a handler.
#include "../../../lib/attempt/phases.hpp"

using openexec::exec::Claimed;
using openexec::exec::Granted;
using openexec::exec::RegisteredAction;

std::optional<openexec::HandlerResult> run(const openexec::Operation& answered, const Granted& granted,
                                           const RegisteredAction& action, const openexec::Invocation& invocation) {
#ifdef WRONG
  (void)answered, (void)granted;
  return action.row_->run(invocation);
#else
  const std::optional<Claimed> claimed = Claimed::from(answered, granted, action, {});
  if (!claimed) return std::nullopt;
  return claimed->run(invocation);
#endif
}
