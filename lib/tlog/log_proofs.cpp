// SPDX-License-Identifier: Apache-2.0
#include "tlog/log_proofs.hpp"

#include <algorithm>
#include <utility>

#include "merkle/checkpoint.hpp"
#include "merkle/proof.hpp"
#include "merkle/tlog_proof.hpp"
#include "sqlite/guard.hpp"

namespace openexec::store {
namespace {

Status wrong(std::string detail) { return {Code::invalid_argument, std::move(detail)}; }

std::string bytes_of(const std::vector<Digest>& hashes) {
  std::string bytes;
  bytes.reserve(hashes.size() * sizeof(Digest));
  for (const Digest& hash : hashes) bytes.append(reinterpret_cast<const char*>(hash.data()), hash.size());
  return bytes;
}

Result<SignedCheckpoint> parse_checkpoint(std::string note) {
  const auto text = merkle::note_text(note);
  if (!text) return wrong("checkpoint: not a signed note");
  const auto said = merkle::Checkpoint::parse(*text);
  if (!said.ok()) return said.status();
  return SignedCheckpoint{said->head.size, said->head.root, std::move(note)};
}

Result<std::string> bundle(LogSnapshot& log, const merkle::Tile& tile) {
  std::string bytes;
  const std::vector<LogLine> lines = log.lines(tile.index * merkle::tile_width, tile.width);
  if (lines.size() != tile.width) return Status(Code::store_failed, "the log is damaged: entries are missing");
  for (const LogLine& line : lines) merkle::append_to_bundle(line.json, bytes);
  return bytes;
}

[[noreturn]] void damaged(const std::string& what) { throw StoreFailure("the log is damaged: " + what); }

}  // namespace

SignedCheckpoint read_checkpoint(std::string note) {
  Result<SignedCheckpoint> read = parse_checkpoint(std::move(note));
  if (!read.ok()) damaged(read.status().detail());
  return *std::move(read);
}

Result<std::string> prove(LogSnapshot& log, std::uint64_t index, const std::optional<SignedCheckpoint>& cosigned) {
  const SignedCheckpoint under = cosigned && index < cosigned->size ? *cosigned : log.checkpoint();
  if (index >= under.size) return wrong("index: the log has no such entry");
  std::vector<LogLine> line = log.lines(index, 1);
  if (line.size() != 1 || line.front().index != index)
    return Status(Code::store_failed, "the log is damaged: entry " + std::to_string(index) + " is missing");
  Result<merkle::Hashes> hashes = merkle::prove_inclusion(index, under.size, log);
  if (!hashes.ok()) return hashes.status();
  return merkle::TlogProof{std::move(line.front().json), index, *std::move(hashes), under.note}.write();
}

Result<std::vector<Digest>> prove_consistency(LogSnapshot& log, std::uint64_t from, std::uint64_t to) {
  if (from > to || to > log.checkpoint().size) return wrong("the log has no such sizes");
  return merkle::prove_consistency(from, to, log);
}

Result<std::optional<std::string>> resource(LogSnapshot& log, std::string_view path) {
  const SignedCheckpoint newest = log.checkpoint();
  if (path == "checkpoint") return std::optional(newest.note);
  const Result<merkle::TilePath> named = merkle::parse_tile_path(path);
  if (!named.ok() || merkle::width_of(newest.size, named->tile.level, named->tile.index) < named->tile.width)
    return std::optional<std::string>();
  if (named->entries) {
    Result<std::string> entries = bundle(log, named->tile);
    if (!entries.ok()) return entries.status();
    return std::optional(*std::move(entries));
  }
  const Result<std::vector<Digest>> hashes = log.read(named->tile);
  if (!hashes.ok()) return hashes.status();
  return std::optional(bytes_of(*hashes));
}

Result<SignedCheckpoint> check_cosigned(LogSnapshot& log, std::string_view note, const merkle::VerifierKey& key) {
  const auto opened = merkle::open_note(note, {&key, 1});
  if (!opened.ok()) return opened.status();
  if (opened->unverified.empty()) return wrong("the checkpoint has no signature other than the log's");
  Result<SignedCheckpoint> said = parse_checkpoint(std::string(note));
  if (!said.ok()) return said;
  if (said->size > log.checkpoint().size) return wrong("the checkpoint covers more than the log has");
  const Result<Digest> root = merkle::root_at(said->size, log);
  if (!root.ok()) return root.status();
  if (*root != said->root) return wrong("the checkpoint's root is not the log's");
  return said;
}

Result<SignedCheckpoint> merge_cosigned(const SignedCheckpoint& kept, SignedCheckpoint added) {
  if (added.size > kept.size) return added;
  if (added.size < kept.size) return wrong("a later checkpoint was cosigned");
  const auto before = merkle::Note::parse(kept.note);
  auto merged = merkle::Note::parse(added.note);
  if (!before.ok() || !merged.ok() || before->text != merged->text) return added;
  for (const merkle::NoteSignature& signature : before->signatures) {
    const bool there = std::any_of(merged->signatures.begin(), merged->signatures.end(), [&](const auto& other) {
      return other.name == signature.name && other.key_id == signature.key_id;
    });
    if (!there) merged->signatures.push_back(signature);
  }
  Result<std::string> note = merged->write();
  if (!note.ok()) return note.status();
  added.note = *std::move(note);
  return added;
}

merkle::Tree check_tree(LogSnapshot& log, std::uint64_t entries, const merkle::VerifierKey& key) {
  const SignedCheckpoint signed_for = log.checkpoint();
  if (const auto opened = merkle::open_note(signed_for.note, {&key, 1}); !opened.ok())
    damaged("its last checkpoint: " + opened.status().detail());
  if (entries < signed_for.size)
    damaged("entry " + std::to_string(entries) + " is missing; the last checkpoint covers " +
            std::to_string(signed_for.size));
  if (entries > signed_for.size)
    damaged("entry " + std::to_string(signed_for.size) + " is not covered by the last checkpoint");
  Result<merkle::Tree> tree = merkle::Tree::open(entries, log);
  if (!tree.ok()) damaged(tree.status().detail());
  if (tree->root() != signed_for.root) {
    const std::uint64_t edge = entries - merkle::edge_width(entries, 0);
    damaged("the entries from " + std::to_string(edge) + " on, or the tree over those before, are not what the last " +
            "checkpoint covers; `openexec log verify` finds out which");
  }
  return *std::move(tree);
}

}  // namespace openexec::store
