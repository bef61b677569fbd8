// SPDX-License-Identifier: Apache-2.0
// Doubts and settlements as JSON: one form for the admin socket and the command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/executor.hpp>

namespace openexec::exec {

/// `count`: how many there are of which `page` shows some. Without nonces: they stay in the log.
Result<std::string> doubts_json(std::uint64_t count, const std::vector<NonceRecord>& page, ReceiptLog& log);

/// What was found, by its name: "done" with the JSON text `result`, "not_done" or "unknown" without one.
Result<HandlerResult> finding_named(std::string_view found, std::string_view result);

/// Precondition: the settlement was recorded.
std::string settlement_json(const SettlementAnswer& answer);

}  // namespace openexec::exec
