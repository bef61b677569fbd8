// SPDX-License-Identifier: Apache-2.0
// Whether a log has the execution that a receipt hash belongs to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt.hpp>
#include <openexec/receipt_log.hpp>

#include "canon/json.hpp"

namespace openexec::exec {

/// An entry that carries a receipt hash.
struct RecordedReceipt {
  std::uint64_t index = 0;
  Entry entry;
};

/// Finds the entry of the execution that carries the receipt hash: its outcome's, or one of the newest 100. Returns
/// nullopt if there is no such entry, or if `exec_id` is not 64 hex digits.
Result<std::optional<RecordedReceipt>> find_receipt(NonceStore& store, ReceiptLog& log, std::string_view exec_id,
                                                    std::string_view receipt);
/// The same where the outcome's entry was looked up already.
Result<std::optional<RecordedReceipt>> find_receipt(const Result<std::optional<LogLine>>& outcome, ReceiptLog& log,
                                                    std::string_view exec_id, std::string_view receipt);

/// Whether the entry records this very value as what its execution resulted in. Compares by value: programs that read
/// JSON and write it again may write 10.0 as 10, and the receipt hash covers the spelling.
bool records(const Entry& entry, canon::View result);

/// What POST /receipts/verify answers. A hash that matches is one that anybody can make, so `recorded` is said beside
/// it.
std::string recorded_json(bool valid, const std::optional<RecordedReceipt>& found);

}  // namespace openexec::exec
