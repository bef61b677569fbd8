// SPDX-License-Identifier: Apache-2.0
// What a log shows to strangers, made from what it keeps as of one moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/receipt_log.hpp>
#include <openexec/transparency_log.hpp>

#include "merkle/note.hpp"
#include "merkle/tile.hpp"
#include "merkle/tree.hpp"

namespace openexec::store {

/// Entries, tiles and the newest checkpoint, all of one moment.
class LogSnapshot : public merkle::TileReader {
 public:
  virtual SignedCheckpoint checkpoint() = 0;
  virtual std::vector<LogLine> lines(std::uint64_t first, std::size_t count) = 0;
};

/// What a checkpoint's note says, whoever signed it. Throws StoreFailure where it is none.
SignedCheckpoint read_checkpoint(std::string note);

/// The portable receipt under `cosigned`, where that covers the entry, else under the newest checkpoint.
Result<std::string> prove(LogSnapshot& log, std::uint64_t index, const std::optional<SignedCheckpoint>& cosigned);
Result<std::vector<Digest>> prove_consistency(LogSnapshot& log, std::uint64_t from, std::uint64_t to);
Result<std::optional<std::string>> resource(LogSnapshot& log, std::string_view path);

/// Whether the log with this key signed the note, others too, and the tree is or was what it says; else
/// invalid_argument.
Result<SignedCheckpoint> check_cosigned(LogSnapshot& log, std::string_view note, const merkle::VerifierKey& key);
/// Both notes' signatures, where they are of one checkpoint; else the later one. invalid_argument where that is the
/// kept one, or where there is no room for all signatures.
Result<SignedCheckpoint> merge_cosigned(const SignedCheckpoint& kept, SignedCheckpoint added);

/// The tree of the newest checkpoint, whose signature verifies and whose root is the tree's. Throws StoreFailure that
/// says what differs, and from which entry on. `entries`: how many the log holds.
merkle::Tree check_tree(LogSnapshot& log, std::uint64_t entries, const merkle::VerifierKey& key);

}  // namespace openexec::store
