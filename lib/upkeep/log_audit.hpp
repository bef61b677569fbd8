// SPDX-License-Identifier: Apache-2.0
// A ledger verified from scratch: everything that it says of its log, derived again from its entries; and its claims,
// how they ended, its results and its index, derived again from its rows (ledger_audit.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/bytes.hpp>
#include <openexec/status.hpp>

namespace openexec::store {

/// Something that is not what it has to be.
struct LogDifference {
  /// "entry", "tile", "checkpoint", "cosigned", "anchor", "row", "claim", "doubt", "result" or "index"
  std::string part;
  std::optional<std::uint64_t> index;  ///< of the entry; of a row: of its first one
  std::string tile;                    ///< its path
  std::string what;                    ///< a sentence that names it
};

struct LogAudit {
  std::uint64_t size = 0;                 ///< what the checkpoint covers
  Digest root{};                          ///< derived
  std::uint64_t entries = 0;              ///< read
  std::uint64_t bytes = 0;                ///< of entries
  std::uint64_t tiles = 0;                ///< compared
  std::uint64_t claims = 0;               ///< read
  std::uint64_t keys = 0;                 ///< read in the index, and in what it does not hold yet
  std::optional<std::uint64_t> cosigned;  ///< how far the kept cosigned checkpoint reaches
  std::optional<std::uint64_t> anchored;  ///< how far the anchor reaches
  bool expects_anchor = false;            ///< the ledger has one, and none was given
  std::uint64_t difference_count = 0;
  std::vector<LogDifference> differences;  ///< the first hundred
};

struct AuditOptions {
  /// Whether an entry's bytes are an entry's, and of the execution under which the ledger finds it (null: of none).
  std::function<Status(std::string_view json, const Digest* exec_id)> well_formed;
  /// Called now and then with how many entries were read, and of how many.
  std::function<void(std::uint64_t entries, std::uint64_t size, std::uint64_t bytes)> progress;
  std::string anchor;  ///< a file to hold the log against; empty: none
};

/// Reads beside a running executor, which it does not hold up: as far as the checkpoint that it finds first. A failure
/// is store_failed: the ledger could not be read. Differences are no failure.
Result<LogAudit> audit_log(const std::string& path, const AuditOptions& options);

}  // namespace openexec::store
