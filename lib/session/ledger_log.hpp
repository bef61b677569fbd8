// SPDX-License-Identifier: Apache-2.0
// The log's tree in the ledger's tables.
#pragma once

#include <cstdint>
#include <vector>

#include "rows/schema.hpp"
#include "tlog/log_proofs.hpp"

namespace openexec::store {

/// A cache of the leaf hashes of the last, partial tile, which is not stored. Entries do not change.
struct EdgeLeaves {
  std::uint64_t tile = 0;
  std::vector<Digest> hashes;
};

/// The log as a connection sees it; within a transaction, a snapshot.
class LedgerLog final : public LogSnapshot {
 public:
  LedgerLog(ReadQueries& queries, EdgeLeaves& edge) noexcept : queries_(queries), edge_(edge) {}

  SignedCheckpoint checkpoint() override { return read_checkpoint(queries_.checkpoint()); }
  std::vector<LogLine> lines(std::uint64_t first, std::size_t count) override { return queries_.lines(first, count); }
  Result<std::vector<Digest>> read(const merkle::Tile& tile) override;
  /// Empties the cache, so that entries are hashed again.
  void doubt() { edge_ = {}; }

 private:
  ReadQueries& queries_;
  EdgeLeaves& edge_;
};

/// Stores the tiles of a transaction.
class LedgerTiles final : public merkle::TileSink {
 public:
  explicit LedgerTiles(WriteQueries& queries) noexcept : queries_(queries) {}
  Status put(unsigned level, std::uint64_t index, std::span<const Digest> hashes) override {
    queries_.add_tile(level, index, hashes);
    return Status::success();
  }

 private:
  WriteQueries& queries_;
};

}  // namespace openexec::store
