// SPDX-License-Identifier: Apache-2.0
// Any bytes as each text of a log: what is read is written as it was, and nothing is accepted that nobody signed.
#include <cstdio>
#include <cstdlib>
#include <openexec/evidence.hpp>
#include <string>
#include <string_view>

#include "merkle/checkpoint.hpp"
#include "merkle/hash.hpp"
#include "merkle/policy.hpp"
#include "merkle/tile.hpp"
#include "merkle/tlog_proof.hpp"

namespace {

using namespace openexec;
using namespace openexec::merkle;

void require(bool promise, const char* what) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

/// Reads the text, and writes it again where it could be read.
template <class T>
Result<T> round(std::string_view text, const char* what) {
  Result<T> read = T::parse(text);
  if (!read.ok()) {
    require(read.code() == Code::invalid_argument && !read.status().detail().empty(), what);
    for (const char c : read.status().detail()) require(c >= ' ' && c <= '~', "a detail is printable");
    require(read.status().detail().size() <= 300, "a detail is short");
  } else if constexpr (requires { Result<std::string>(read->write()).value(); }) {
    require(Result<std::string>(read->write()).value() == text, what);
  }
  return read;
}

/// Whose private half nobody has kept.
const VerifierKey& nobody(KeyType type) {
  static const crypto::PublicKey key = crypto::PrivateKey::generate()->public_key();
  static const VerifierKey log = *VerifierKey::make("log.example", KeyType::ed25519, key);
  static const VerifierKey witness = *VerifierKey::make("w.example", KeyType::cosignature_v1, key);
  return type == KeyType::ed25519 ? log : witness;
}

void check_proof(const TlogProof& proof) {
  const Digest leaf = leaf_hash(proof.extra.value_or(""));
  for (const std::uint64_t size : {proof.index, proof.index + 1, proof.index * 2, UINT64_MAX}) {
    const TreeHead head{size, leaf_hash("a root that leads nowhere")};
    require(!verify_inclusion(leaf, proof.index, head, proof.hashes).ok(), "no inclusion in a tree that nobody has");
    require(!verify_consistency({proof.index, leaf}, head, proof.hashes).ok(), "no consistency with one either");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)round<VerifierKey>(text, "a verifier key reads back");
  (void)round<Checkpoint>(text, "a checkpoint reads back");
  if (const auto note = round<Note>(text, "a note reads back"); note.ok()) {
    require(note_text(text) == note->text, "a note's text is what it begins with");
    require(!open_note(text, {&nobody(KeyType::ed25519), 1}).ok(), "a note opens for nobody");
    (void)round<Checkpoint>(note->text, "a note's checkpoint reads back");
  }
  if (const auto proof = round<TlogProof>(text, "a proof reads back"); proof.ok()) check_proof(*proof);
  if (const auto policy = round<Policy>(text, "a policy reads"); policy.ok()) {
    const std::size_t witnesses = policy->witnesses().size();
    require(policy->check_quorum(std::vector<bool>(witnesses, true)).ok(), "all witnesses are enough");
    require(!policy->check_quorum(std::vector<bool>(witnesses + 1, true)).ok() || witnesses == 0,
            "other witnesses are not");
  }
  if (const auto path = parse_tile_path(text); path.ok())
    require((path->entries ? entries_path(path->tile.index, path->tile.width) : tile_path(path->tile)) == text,
            "a tile's path reads back");
  if (const auto entry = Entry::from_json(text); entry.ok()) require(entry->to_json() == text, "an entry reads back");

  static const std::string key = nobody(KeyType::ed25519).write();
  static const std::string policy = "witness w " + nobody(KeyType::cosignature_v1).write() + "\nquorum w\n";
  for (const EvidenceTrust& trust :
       {EvidenceTrust{}, EvidenceTrust{.log_key = key}, EvidenceTrust{.log_key = key, .policy = policy}}) {
    const auto report = verify_evidence(text, trust, {.payload = text, .result = text});
    require(report.ok() && report->verdict != EvidenceVerdict::pass, "what nobody signed is no evidence");
  }
  (void)verify_evidence("", {.log_key = text});
  (void)verify_evidence("", {.policy = text});
  return 0;
}
