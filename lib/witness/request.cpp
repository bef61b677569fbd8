// SPDX-License-Identifier: Apache-2.0
#include "witness/request.hpp"

#include <limits>
#include <optional>
#include <utility>

#include "merkle/lines.hpp"
#include "merkle/note.hpp"
#include "merkle/tlog_proof.hpp"

namespace openexec::witness {
namespace {

Status malformed(const std::string& what) { return {Code::invalid_argument, what}; }

// What a database can count, and far beyond any log.
constexpr auto max_size = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

}  // namespace

Result<AddCheckpoint> AddCheckpoint::parse(std::string_view body) {
  AddCheckpoint request;
  merkle::Lines lines(body);
  const auto first = lines.next();
  constexpr std::string_view prefix = "old ";
  const auto old_size =
      first && first->starts_with(prefix) ? merkle::read_number(first->substr(prefix.size())) : std::nullopt;
  if (!old_size) return malformed("line 1: must be \"old\" and a size");
  request.old_size = *old_size;

  for (;;) {
    const auto line = lines.next();
    if (!line) return malformed("no empty line behind the consistency proof");
    if (line->empty()) break;
    const auto hash = merkle::read_hash(*line);
    if (!hash) return malformed("line " + std::to_string(lines.number()) + ": not the base64 of a hash");
    if (request.proof.size() == merkle::max_proof_hashes)
      return malformed("more than 63 hashes in the consistency proof");
    request.proof.push_back(*hash);
  }

  request.note = lines.rest();
  const auto text = merkle::note_text(request.note);
  if (!text) return malformed("checkpoint: no empty line behind its text");
  auto checkpoint = merkle::Checkpoint::parse(*text);
  if (!checkpoint.ok()) return malformed("checkpoint: " + checkpoint.status().detail());
  request.checkpoint = *std::move(checkpoint);
  if (request.checkpoint.head.size > max_size) return malformed("checkpoint: size beyond 2^63 - 1");
  if (request.old_size > request.checkpoint.head.size)
    return malformed("line 1: the old size is beyond the checkpoint's");
  return request;
}

}  // namespace openexec::witness
