// SPDX-License-Identifier: Apache-2.0
#include "session/ledger_log.hpp"

#include <string>

namespace openexec::store {

Result<std::vector<Digest>> LedgerLog::read(const merkle::Tile& tile) {
  std::vector<Digest> hashes;
  if (queries_.tile(tile.level, tile.index, tile.width, hashes)) return hashes;
  const auto missing = [&] {
    return Status(Code::store_failed, "the log is damaged: " + merkle::tile_path(tile) + " is missing");
  };
  if (tile.level != 0) return missing();
  if (edge_.tile != tile.index) edge_ = {tile.index, {}};
  std::vector<Digest>& leaves = edge_.hashes;
  if (leaves.size() < tile.width)
    queries_.leaves(tile.index * merkle::tile_width + leaves.size(), tile.width - leaves.size(), leaves);
  if (leaves.size() < tile.width) return missing();
  return std::vector<Digest>(leaves.begin(), leaves.begin() + static_cast<std::ptrdiff_t>(tile.width));
}

}  // namespace openexec::store
