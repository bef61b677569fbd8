// SPDX-License-Identifier: Apache-2.0
// Checkpoints (C2SP tlog-checkpoint): what a log says that it is, as the text of a signed note.
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
  std::vector<std::string> extensions;  ///< further lines, none empty; OpenExec's logs write none
  bool operator==(const Checkpoint&) const = default;

  /// The text of a note, with its last line feed. invalid_argument that names the line.
  static Result<Checkpoint> parse(std::string_view text);
  /// The text, which parse() reads back; else invalid_argument.
  [[nodiscard]] Result<std::string> write() const;
};

/// A checkpoint as a note that its log signed. invalid_argument unless the origin is the signer's name.
Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const NoteSigner& log);

/// Signs the checkpoints of one log, many of them: what stays the same is checked and written once.
class CheckpointSigner {
 public:
  /// invalid_argument unless the key's name is an origin.
  static Result<CheckpointSigner> make(NoteSigner log);

  /// What sign_checkpoint() makes of the head, in the buffer's memory if that is enough. Throws as it does.
  void sign(const TreeHead& head, std::string& note) const { sign(head, {}, note); }
  /// `extension`: a further line, which is not empty and has no line feed; empty: none.
  void sign(const TreeHead& head, std::string_view extension, std::string& note) const;
  [[nodiscard]] const VerifierKey& verifier_key() const noexcept { return log_.verifier_key(); }

 private:
  explicit CheckpointSigner(NoteSigner log) : log_(std::move(log)) {}
  NoteSigner log_;
};

}  // namespace openexec::merkle
