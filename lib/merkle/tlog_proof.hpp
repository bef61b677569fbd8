// SPDX-License-Identifier: Apache-2.0
// A proof that stands alone (C2SP tlog-proof): an entry, its place, the way to the root, and the checkpoint over it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <openexec/status.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "merkle/note.hpp"
#include "merkle/proof.hpp"

namespace openexec::merkle {

inline constexpr std::size_t max_proof_hashes = 63;
inline constexpr std::size_t max_extra_bytes = 65'535;  ///< an entry's
/// All of it: no text longer than this is looked at.
inline constexpr std::size_t max_proof_bytes = max_note_bytes + 100'000;

/// The parts of a proof as they are written. This type does not verify them.
struct TlogProof {
  std::optional<std::string> extra;  ///< not empty. OpenExec's proofs carry the entry here
  std::uint64_t index = 0;
  Hashes hashes;           ///< from the leaf's neighbour up
  std::string checkpoint;  ///< the signed note, byte for byte; not empty

  /// Accepts exactly these lines in this order, with numbers and base64 in canonical form. Otherwise returns
  /// invalid_argument that names the line.
  static Result<TlogProof> parse(std::string_view text);
  /// Writes the text, or returns invalid_argument if parse() would not read it back.
  [[nodiscard]] Result<std::string> write() const;
};

}  // namespace openexec::merkle
