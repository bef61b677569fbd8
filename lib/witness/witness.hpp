// SPDX-License-Identifier: Apache-2.0
// A witness (C2SP tlog-witness) cosigns a log's checkpoint only if it follows from the one before.
#pragma once

#include <openexec/clock.hpp>
#include <openexec/status.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/ed25519.hpp"
#include "merkle/note.hpp"
#include "merkle/tree.hpp"
#include "witness/request.hpp"
#include "witness/state.hpp"

namespace openexec::witness {

/// What the witness says to a log. Its body and status are those of C2SP tlog-witness.
struct Answer {
  enum class Kind : std::uint8_t {
    failed,       ///< 503: the state could not be made durable, so nothing was signed
    cosigned,     ///< 200
    malformed,    ///< 400
    not_signed,   ///< 403: no signature of a key that is trusted for this log
    unknown_log,  ///< 404
    conflict,     ///< 409: the old size is not that of the newest tree, or a tree of equal size has another root
    unproven,     ///< 422: the consistency proof does not verify
  };
  Kind kind = Kind::failed;
  std::string body;    ///< lines of text
  std::string detail;  ///< for the operator's log
  std::string origin;  ///< the origin of a known log, else empty
  std::uint64_t size = 0;
};

/// A key that may sign a log's checkpoints. Several may be trusted for one origin.
struct TrustedLog {
  std::string origin;  ///< the first line of its checkpoints; most often the key's name
  merkle::VerifierKey key;

  /// Reads a verifier key, followed by a space and the origin if that is not the key's name. Returns invalid_argument
  /// for any other text.
  static Result<TrustedLog> parse(std::string_view line);
};

int http_status(Answer::Kind kind) noexcept;
std::string_view name(Answer::Kind kind) noexcept;

/// One thread at a time.
class Witness {
 public:
  /// Returns invalid_argument for a key other than the state's. Such a key would vouch for trees that its witness never
  /// saw.
  static Result<Witness> make(const crypto::PrivateKey& key, std::vector<TrustedLog> logs, State state);

  /// The whole of add-checkpoint. Signs only what the state holds durably.
  Answer add_checkpoint(std::string_view body, Timestamp now);

  /// Returns the newest cosigned checkpoint of the log whose origin has this SHA-256 (in hex), with the log's signature
  /// and the cosignature and without any other line that came with it. Returns unknown_log if no such log is known,
  /// if nothing of it was cosigned, or if an adopted state is not confirmed yet.
  Answer checkpoint(std::string_view origin_hash);

  [[nodiscard]] const merkle::VerifierKey& verifier_key() const noexcept { return key_.verifier_key(); }
  [[nodiscard]] const std::vector<TrustedLog>& logs() const noexcept { return logs_; }

 private:
  Witness(merkle::Cosigner key, std::vector<TrustedLog> logs, State state);

  /// Returns the refusal of a log that is not known, or of a signature that does not verify.
  [[nodiscard]] std::optional<Answer> check_signature(const AddCheckpoint& request) const;
  /// Returns the refusal of a checkpoint that does not follow from the newest tree. Keeps a note that proves a split
  /// view.
  [[nodiscard]] std::optional<Answer> check_history(const AddCheckpoint& request, const Remembered& latest);
  [[nodiscard]] Answer cosign(const AddCheckpoint& request, Timestamp now) const;

  merkle::Cosigner key_;
  std::vector<TrustedLog> logs_;
  State state_;
};

}  // namespace openexec::witness
