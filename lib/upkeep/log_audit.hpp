// SPDX-License-Identifier: Apache-2.0
// Audits a ledger: derives its tree and checkpoints again from its entries, and its claims, outcomes, results and index
// from its rows (ledger_audit.hpp).
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

/// A difference that the audit found.
struct LogDifference {
  /// "entry", "tile", "checkpoint", "cosigned", "anchor", "row", "claim", "doubt", "result" or "index"
  std::string part;
  std::optional<std::uint64_t> index;  ///< of the entry, or of the first entry of a row
  std::string tile;                    ///< its path
  std::string what;                    ///< a sentence that describes it
};

struct LogAudit {
  std::uint64_t size = 0;                 ///< the entries that the checkpoint covers
  Digest root{};                          ///< as derived
  std::uint64_t entries = 0;              ///< read
  std::uint64_t bytes = 0;                ///< of entries
  std::uint64_t tiles = 0;                ///< compared
  std::uint64_t claims = 0;               ///< read
  std::uint64_t keys = 0;                 ///< read in the index and in the rows that it does not have yet
  std::optional<std::uint64_t> cosigned;  ///< the size of the stored cosigned checkpoint
  std::optional<std::uint64_t> anchored;  ///< the size of the checkpoint in the anchor
  bool expects_anchor = false;            ///< the ledger has one, and none was given
  std::uint64_t difference_count = 0;
  std::vector<LogDifference> differences;  ///< the first hundred
};

struct AuditOptions {
  /// Checks the bytes of an entry, and that it belongs to the execution under which the ledger finds it (null: none).
  std::function<Status(std::string_view json, const Digest* exec_id)> well_formed;
  /// Called from time to time with the number of entries read and their total.
  std::function<void(std::uint64_t entries, std::uint64_t size, std::uint64_t bytes)> progress;
  std::string anchor;  ///< the path of an anchor to compare with; empty: none
};

/// Reads beside a running executor without delaying it, up to the checkpoint that it finds at its start. Returns
/// store_failed if the ledger could not be read. Differences are part of the report, and not a failure.
Result<LogAudit> audit_log(const std::string& path, const AuditOptions& options);

}  // namespace openexec::store
