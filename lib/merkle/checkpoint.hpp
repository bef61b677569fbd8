// Checkpoints (C2SP tlog-checkpoint): what a log says that it is, as the text of a signed note.
#pragma once

#include <openexec/status.hpp>
#include <string>
#include <string_view>
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

/// A checkpoint as a note that its log signed. invalid_argument where the origin is not the signer's name.
Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const NoteSigner& log);

}  // namespace openexec::merkle
