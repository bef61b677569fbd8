// SPDX-License-Identifier: Apache-2.0
// Finding rows by their keys through a connection that only reads.
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

// `newest`: the keys that are in no deep run, where the ledger is written by this process; else null, and the newest
// rows themselves are looked through.

std::optional<NonceRecord> find_claim(ReadSession& session, const KeyTable* newest, std::string_view tenant,
                                      std::string_view nonce);

/// What is in doubt, as NonceStore::doubts().
std::vector<NonceRecord> find_doubts(ReadSession& session, std::optional<std::uint64_t> after, std::size_t count);

/// The entries of one execution, in order, at most `count`.
std::vector<LogLine> find_lines(ReadSession& session, const KeyTable* newest, const Digest& exec_id, std::size_t count);
/// Those whose index is below `before`, newest first, at most `count`.
std::vector<LogLine> find_lines_before(ReadSession& session, const KeyTable* newest, const Digest& exec_id,
                                       std::uint64_t before, std::size_t count);

}  // namespace openexec::store
