// SPDX-License-Identifier: Apache-2.0
// The append-only record of every attempt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/bytes.hpp>
#include <openexec/clock.hpp>
#include <openexec/status.hpp>

namespace openexec {

class TransparencyLog;

/// An entry to append to the log. The views are valid until append() returns.
struct NewEntry {
  std::string_view json;  ///< Entry::to_json(), at most 65,535 bytes
  Digest exec_id{};       ///< the key of find_entries(); zero for a malformed request
  Digest attempt{};       ///< not zero; a second append of the same attempt returns the first index
  Timestamp at;           ///< Entry::observed_at; part of NonceStore::latest()
};

/// An entry with its index.
struct LogLine {
  std::uint64_t index = 0;
  Digest leaf_hash{};  ///< RFC 6962: SHA-256(0x00 || json)
  std::string json;
};

/// Contract (tests/conformance/log_suite.hpp runs it over every log)
///  - append() returns only when the entry is durable. Indexes start at 0, have no gaps, and follow the order of
///    commit.
///  - Entries are never changed or removed.
///  - append() is idempotent per attempt, so that entries can be appended again after a crash.
///  - Called from any thread, concurrently.
class ReceiptLog {
 public:
  virtual ~ReceiptLog() = default;

  [[nodiscard]] virtual Result<std::uint64_t> append(const NewEntry& entry) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() = 0;
  /// Up to `count` entries from `first` on, in order; fewer at the end.
  [[nodiscard]] virtual Result<std::vector<LogLine>> read(std::uint64_t first, std::size_t count) = 0;
  /// The entries of one execution, in order; at most `count` of them.
  [[nodiscard]] virtual Result<std::vector<LogLine>> find_entries(const Digest& exec_id, std::size_t count) = 0;
  /// The entries of one execution whose index is below `before`, newest first; at most `count` of them. The default
  /// reads all of them through find_entries(), and returns store_failed if there are more than 10,000.
  [[nodiscard]] virtual Result<std::vector<LogLine>> find_before(const Digest& exec_id, std::uint64_t before,
                                                                 std::size_t count);

  /// Returns the tree, checkpoints and proofs of the log, or null if it keeps none. Lives as long as the log.
  [[nodiscard]] virtual TransparencyLog* transparency() noexcept { return nullptr; }
};

}  // namespace openexec
