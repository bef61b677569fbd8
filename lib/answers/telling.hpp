// SPDX-License-Identifier: Apache-2.0
// Which entry says what became of an execution.
#pragma once

#include <cstdint>
#include <optional>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

namespace openexec::exec {

/// The entry that sealed the execution or put it in doubt, as the store recorded it. Returns nullopt if the execution
/// has no outcome: it was never claimed, or is still running. A refusal or a replay is never returned, so that no
/// number of them hides the outcome. store_failed if the recorded entry is not one that can end an execution.
Result<std::optional<LogLine>> outcome_entry(NonceStore& store, ReceiptLog& log, const Digest& exec_id);

}  // namespace openexec::exec
