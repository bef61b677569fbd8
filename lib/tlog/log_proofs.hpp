// SPDX-License-Identifier: Apache-2.0
// Checkpoints and proofs that a log publishes, made from a snapshot.
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

/// A snapshot of the entries, the tiles and the newest checkpoint.
class LogSnapshot : public merkle::TileReader {
 public:
  virtual SignedCheckpoint checkpoint() = 0;
  virtual std::vector<LogLine> lines(std::uint64_t first, std::size_t count) = 0;
};

/// Parses the note of a checkpoint without verifying its signatures. Throws StoreFailure if it is malformed.
SignedCheckpoint read_checkpoint(std::string note);

/// Returns the portable receipt under `cosigned` if that covers the entry, else under the newest checkpoint.
Result<std::string> prove(LogSnapshot& log, std::uint64_t index, const std::optional<SignedCheckpoint>& cosigned);
Result<std::vector<Digest>> prove_consistency(LogSnapshot& log, std::uint64_t from, std::uint64_t to);
Result<std::optional<std::string>> resource(LogSnapshot& log, std::string_view path);

/// Checks that the log with this key signed the note, that it has another signature, and that it matches the tree as it
/// is or was. Otherwise returns invalid_argument.
Result<SignedCheckpoint> check_cosigned(LogSnapshot& log, std::string_view note, const merkle::VerifierKey& key);
/// Returns a note with the signatures of both notes if they are of one checkpoint, else the later note. Returns
/// invalid_argument if that is the stored one, or if there is no room for all signatures.
Result<SignedCheckpoint> merge_cosigned(const SignedCheckpoint& kept, SignedCheckpoint added);

/// Returns the tree of the newest checkpoint, after verifying its signature and its root. Throws StoreFailure with what
/// differs, and from which entry on. `entries` is the number of entries in the log.
merkle::Tree check_tree(LogSnapshot& log, std::uint64_t entries, const merkle::VerifierKey& key);

}  // namespace openexec::store
