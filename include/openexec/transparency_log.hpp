// SPDX-License-Identifier: Apache-2.0
// What a log that keeps a Merkle tree shows to strangers: signed checkpoints, proofs, tiles (docs/formats.md, section
// 9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/bytes.hpp>
#include <openexec/status.hpp>

namespace openexec {

/// A checkpoint as its log signed it.
struct SignedCheckpoint {
  std::uint64_t size = 0;  ///< how many entries it covers
  Digest root{};           ///< of the tree over them
  std::string note;        ///< the C2SP checkpoint, byte for byte, with the cosignatures that are known
};

/// Contract (tests/conformance/transparency_suite.hpp runs it over every log that has one)
///  - Every entry that ReceiptLog gave an index is covered by checkpoint().
///  - What it proves, verify_evidence() and every other client of the C2SP formats accepts.
///  - Called from any thread, concurrently. No call waits for a commit, and none calls out over a network.
class TransparencyLog {
 public:
  virtual ~TransparencyLog() = default;

  /// `name+id+key`: what a stranger verifies with, and has to get over another channel. The name is the log's origin.
  [[nodiscard]] virtual const std::string& verifier_key() const noexcept = 0;
  /// The newest one.
  [[nodiscard]] virtual Result<SignedCheckpoint> checkpoint() = 0;
  /// The newest one that witnesses cosigned. Nothing where there is none.
  [[nodiscard]] virtual Result<std::optional<SignedCheckpoint>> cosigned_checkpoint() = 0;

  /// The portable receipt of an entry (`.tlog-proof`), under the newest cosigned checkpoint where that covers it, else
  /// under the newest. invalid_argument where there is no such entry.
  [[nodiscard]] virtual Result<std::string> prove(std::uint64_t index) = 0;
  /// The hashes that show that the tree of `to` entries grew out of that of `from` (RFC 9162, 2.1.4). invalid_argument
  /// unless from <= to <= the newest checkpoint's size.
  [[nodiscard]] virtual Result<std::vector<Digest>> prove_consistency(std::uint64_t from, std::uint64_t to) = 0;

  /// What C2SP tlog-tiles serves under a path: `checkpoint`, `tile/0/000`, `tile/entries/000.p/7`, ... Nothing where
  /// the newest checkpoint covers no such thing, or the path has another spelling.
  [[nodiscard]] virtual Result<std::optional<std::string>> resource(std::string_view path) = 0;

  /// Keeps the cosignatures of a checkpoint of this log's, beside those that are kept for the same one. Whose they are
  /// is for their readers to judge. invalid_argument for a note that this log did not sign, that says of the tree what
  /// is not true, that nobody else signed, or that is older than the one that is kept.
  [[nodiscard]] virtual Status keep_cosigned(std::string_view note) = 0;
};

}  // namespace openexec
