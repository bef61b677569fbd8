// SPDX-License-Identifier: Apache-2.0
// Finds rows by their keys through a read-only connection.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>

#include "index/key_table.hpp"
#include "session/sqlite_session.hpp"

namespace openexec::store {

// `newest` has the keys that are in no deep run if this process writes the ledger. Otherwise it is null, and the newest
// rows are scanned.

std::optional<NonceRecord> find_claim(ReadSession& session, const KeyTable* newest, std::string_view tenant,
                                      std::string_view nonce);

/// Returns the nonces in doubt, like NonceStore::doubts().
std::vector<NonceRecord> find_doubts(ReadSession& session, std::optional<std::uint64_t> after, std::size_t count);

/// Returns at most `count` entries of one execution, in order.
std::vector<LogLine> find_lines(ReadSession& session, const KeyTable* newest, const Digest& exec_id, std::size_t count);
/// Returns at most `count` of them whose index is below `before`, newest first.
std::vector<LogLine> find_lines_before(ReadSession& session, const KeyTable* newest, const Digest& exec_id,
                                       std::uint64_t before, std::size_t count);

}  // namespace openexec::store
