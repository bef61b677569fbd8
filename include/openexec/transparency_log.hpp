// SPDX-License-Identifier: Apache-2.0
// What a log with a Merkle tree publishes: signed checkpoints, proofs and tiles (docs/formats.md, section 9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/bytes.hpp>
#include <openexec/status.hpp>

namespace openexec {

/// A checkpoint with the signature of its log.
struct SignedCheckpoint {
  std::uint64_t size = 0;  ///< how many entries it covers
  Digest root{};           ///< of the tree over them
  std::string note;        ///< the C2SP checkpoint, byte for byte, with the cosignatures that are known
};

/// Contract (tests/conformance/transparency_suite.hpp runs it over every log that has one)
///  - Every entry that ReceiptLog gave an index is covered by checkpoint().
///  - verify_evidence() and every other client of the C2SP formats accepts its proofs.
///  - Called from any thread, concurrently. No call waits for a commit, and none calls out over a network.
class TransparencyLog {
 public:
  virtual ~TransparencyLog() = default;

  /// Returns `name+id+key`, the key with which readers verify checkpoints. They must receive it over another channel.
  /// The name is the log's origin.
  [[nodiscard]] virtual const std::string& verifier_key() const noexcept = 0;
  /// Returns the newest checkpoint.
  [[nodiscard]] virtual Result<SignedCheckpoint> checkpoint() = 0;
  /// Returns the newest checkpoint that witnesses cosigned, or nullopt if there is none.
  [[nodiscard]] virtual Result<std::optional<SignedCheckpoint>> cosigned_checkpoint() = 0;

  /// The portable receipt of an entry (`.tlog-proof`), under the newest cosigned checkpoint if that covers it, else
  /// under the newest. Returns invalid_argument if there is no such entry.
  [[nodiscard]] virtual Result<std::string> prove(std::uint64_t index) = 0;
  /// Returns the consistency proof that the tree of `from` entries is a prefix of the tree of `to` entries (RFC 9162,
  /// 2.1.4). Returns invalid_argument unless from <= to <= the newest checkpoint's size.
  [[nodiscard]] virtual Result<std::vector<Digest>> prove_consistency(std::uint64_t from, std::uint64_t to) = 0;

  /// Returns the resource that C2SP tlog-tiles defines for a path: `checkpoint`, `tile/0/000`, `tile/entries/000.p/7`,
  /// and so on. Returns nullopt if the newest checkpoint does not cover it, or if the path is not spelled exactly.
  [[nodiscard]] virtual Result<std::optional<std::string>> resource(std::string_view path) = 0;

  /// Stores the cosignatures of a checkpoint of this log, in addition to those already stored for the same checkpoint.
  /// They are not verified here, since the log does not know the witnesses' keys: readers verify them. Returns
  /// invalid_argument for a note that this log did not sign, that does not match its tree, that has no other signature,
  /// or that is older than the stored checkpoint.
  [[nodiscard]] virtual Status keep_cosigned(std::string_view note) = 0;
};

}  // namespace openexec
