// SPDX-License-Identifier: Apache-2.0
// What a log asks of a witness (C2SP tlog-witness, add-checkpoint).
#pragma once

#include <cstddef>
#include <cstdint>
#include <openexec/status.hpp>
#include <string>
#include <string_view>

#include "merkle/checkpoint.hpp"
#include "merkle/proof.hpp"

namespace openexec::witness {

/// More than any checkpoint with its signatures needs; a longer body is not read.
inline constexpr std::size_t max_request_bytes = std::size_t{64} << 10;

struct AddCheckpoint {
  std::uint64_t old_size = 0;
  merkle::Hashes proof;           ///< that the checkpoint's tree grew out of the one of old_size; at most 63 hashes
  merkle::Checkpoint checkpoint;  ///< what the note says; no signature has been verified yet
  std::string note;               ///< as it came, its signatures unread

  /// A line `old SIZE`, the proof's hashes, an empty line, the checkpoint: one spelling, and nothing else.
  /// invalid_argument that names the line, or the part of the checkpoint. What is behind the checkpoint's text is not
  /// looked at: who signed it, and whether that can be read at all, is asked once the log is known.
  static Result<AddCheckpoint> parse(std::string_view body);
};

}  // namespace openexec::witness
