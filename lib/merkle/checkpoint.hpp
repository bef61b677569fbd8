// SPDX-License-Identifier: Apache-2.0
// Checkpoints (C2SP tlog-checkpoint) state a log's name, size and root hash as the text of a signed note.
#pragma once

#include <openexec/status.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "merkle/note.hpp"
#include "merkle/tree.hpp"

namespace openexec::merkle {

struct Checkpoint {
  std::string origin;  ///< the log's name: not empty, one line
  TreeHead head;
  std::vector<std::string> extensions;  ///< further lines, which must not be empty
  bool operator==(const Checkpoint&) const = default;

  /// Reads the text of a note, with its last line feed. Returns invalid_argument that names the line.
  static Result<Checkpoint> parse(std::string_view text);
  /// Writes the text, or returns invalid_argument if parse() would not read it back.
  [[nodiscard]] Result<std::string> write() const;
};

/// Returns the checkpoint as a note that its log signed, or invalid_argument if the origin is not the signer's name.
Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const NoteSigner& log);

/// Signs many checkpoints of one log. The parts that stay the same are checked and written once.
class CheckpointSigner {
 public:
  /// Returns invalid_argument if the key's name is not valid as an origin.
  static Result<CheckpointSigner> make(NoteSigner log);

  /// Writes what sign_checkpoint() returns for the head, into the buffer's memory if that is enough. Throws as it does.
  void sign(const TreeHead& head, std::string& note) const { sign(head, {}, note); }
  /// `extension` is one further line without a line feed, or empty for no such line.
  void sign(const TreeHead& head, std::string_view extension, std::string& note) const;
  [[nodiscard]] const VerifierKey& verifier_key() const noexcept { return log_.verifier_key(); }

 private:
  explicit CheckpointSigner(NoteSigner log) : log_(std::move(log)) {}
  NoteSigner log_;
};

}  // namespace openexec::merkle
