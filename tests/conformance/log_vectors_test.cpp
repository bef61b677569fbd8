// SPDX-License-Identifier: Apache-2.0
// log.json: entries, leaf hashes, roots, checkpoints, proofs that stand alone and consistency proofs.
#include <algorithm>
#include <map>
#include <openexec/evidence.hpp>
#include <string>
#include <vector>

#include "merkle/checkpoint.hpp"
#include "merkle/lines.hpp"
#include "merkle/tlog_proof.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"
#include "support/keys.hpp"
#include "support/log.hpp"

using namespace openexec;
using namespace openexec::merkle;
using test::at;
using test::text_at;

namespace {

struct Vector {
  canon::Document file = test::read_json(test::vectors() / "log.json");
  std::string log_vkey = text_at(file.root(), "log_vkey");
  std::vector<std::string> witness_vkeys;
  std::vector<std::string> entries;
  std::map<std::uint64_t, std::string> checkpoints;
  test::Log log;

  Vector() {
    for (const auto [unused, vkey] : at(file.root(), "witness_vkeys")) witness_vkeys.emplace_back(vkey.string());
    for (const auto [unused, entry] : at(file.root(), "entries")) {
      entries.emplace_back(entry.string());
      REQUIRE(log.append(leaf_hash(entries.back())).ok());
    }
    for (const auto [size, note] : at(file.root(), "checkpoints"))
      checkpoints.emplace(read_number(size).value(), note.string());
  }

  /// Both witnesses have to cosign.
  [[nodiscard]] std::string policy() const {
    return "witness w1 " + witness_vkeys.at(0) + "\nwitness w2 " + witness_vkeys.at(1) +
           "\ngroup both all w1 w2\nquorum both\n";
  }
};

Digest digest_of(std::string_view base64_or_hex) {
  Digest digest{};
  if (from_hex(base64_or_hex, digest)) return digest;
  return read_hash(base64_or_hex).value();
}

Hashes hashes_of(canon::View list) {
  Hashes hashes;
  for (const auto [unused, hash] : list) hashes.push_back(digest_of(hash.string()));
  return hashes;
}

}  // namespace

TEST_CASE("Every entry of the log reads back as itself, and has its leaf hash") {
  const Vector vector;
  const canon::View leaf_hashes = at(vector.file.root(), "leaf_hashes");
  REQUIRE(leaf_hashes.size() == vector.entries.size());
  std::size_t cases = 0;
  for (const auto [unused, expected] : leaf_hashes) {
    const std::string& text = vector.entries[cases++];
    const auto entry = Entry::from_json(text);
    REQUIRE(entry.ok());
    CHECK(entry->to_json() == text);
    CHECK(leaf_hash(text) == digest_of(expected.string()));
  }
  CHECK(cases > 0);
  test::report("log.json entries and leaf hashes", cases);
}

TEST_CASE("Every root of the log comes out, while it grows and out of its tiles") {
  Vector vector;
  std::size_t cases = 0;
  for (const auto [name, expected] : at(vector.file.root(), "roots")) {
    const std::uint64_t size = read_number(name).value();
    const Digest root = digest_of(expected.string());
    CHECK(root_at(size, vector.log.tiles).value() == root);
    Tree tree;
    NoTiles nowhere;
    for (std::uint64_t i = 0; i < size; ++i) REQUIRE(tree.append(vector.log.tiles.leaves[i], nowhere).ok());
    CHECK(tree.root() == root);
    ++cases;
  }
  CHECK(cases > 0);
  test::report("log.json roots", cases);
}

TEST_CASE("Every checkpoint opens under the log's key and its witnesses', and is what the log would sign again") {
  const Vector vector;
  const auto log_key = VerifierKey::parse(vector.log_vkey).value();
  std::vector<VerifierKey> all{log_key};
  for (const std::string& vkey : vector.witness_vkeys) all.push_back(VerifierKey::parse(vkey).value());
  const auto signer = NoteSigner::make(text_at(vector.file.root(), "origin"),
                                       test::key_of(text_at(vector.file.root(), "log_key_seed_sha256_of")))
                          .value();
  CHECK(signer.verifier_key().write() == vector.log_vkey);
  for (const auto& [size, note] : vector.checkpoints) {
    INFO(size);
    const auto opened = open_note(note, all);
    REQUIRE(opened.ok());
    CHECK(opened->verified.size() == (size % 2 == 1 ? 3 : 1));
    CHECK(opened->unverified.empty());
    const auto checkpoint = Checkpoint::parse(opened->text);
    REQUIRE(checkpoint.ok());
    CHECK(checkpoint->origin == text_at(vector.file.root(), "origin"));
    CHECK(checkpoint->head.size == size);
    CHECK(to_hex(checkpoint->head.root) == text_at(at(vector.file.root(), "roots"), std::to_string(size)));
    CHECK(note.starts_with(sign_checkpoint(*checkpoint, signer).value()));
    CHECK(Note::parse(note)->write().value() == note);
  }
  CHECK_FALSE(vector.checkpoints.empty());
  test::report("log.json checkpoints", vector.checkpoints.size());
}

TEST_CASE("Every proof passes, is the one we make ourselves, and has the cosignatures of its checkpoint") {
  Vector vector;
  std::size_t cases = 0;
  for (const auto [unused, test] : at(vector.file.root(), "proofs")) {
    const auto size = static_cast<std::uint64_t>(at(test, "size").integer());
    const auto index = static_cast<std::uint64_t>(at(test, "index").integer());
    const std::string text = text_at(test, "tlog_proof");
    INFO(index << " of " << size);

    const auto report = verify_evidence(text, {.log_key = vector.log_vkey});
    REQUIRE(report.ok());
    CHECK(report->verdict == EvidenceVerdict::pass);
    CHECK(report->index == index);
    CHECK(report->size == size);
    CHECK(report->entry_json == vector.entries[index]);
    REQUIRE(report->entry.has_value());
    CHECK(report->entry->to_json() == vector.entries[index]);

    const auto cosigned = verify_evidence(text, {.log_key = vector.log_vkey, .policy = vector.policy()});
    REQUIRE(cosigned.ok());
    CHECK(cosigned->witnesses == 2);
    CHECK(cosigned->cosignatures.size() == (size % 2 == 1 ? 2 : 0));
    CHECK(cosigned->verdict == (size % 2 == 1 ? EvidenceVerdict::pass : EvidenceVerdict::fail));
    if (size % 2 == 0) CHECK(cosigned->step == EvidenceStep::cosignatures);

    const TlogProof ours{vector.entries[index], index, prove_inclusion(index, size, vector.log.tiles).value(),
                         vector.checkpoints.at(size)};
    CHECK(ours.write().value() == text);
    ++cases;
  }
  CHECK(cases > 0);
  test::report("log.json proofs", cases);
}

TEST_CASE("Every consistency proof verifies, is the one we make ourselves, and holds for no other trees") {
  Vector vector;
  std::size_t cases = 0;
  for (const auto [unused, test] : at(vector.file.root(), "consistency")) {
    const auto from = static_cast<std::uint64_t>(at(test, "from").integer());
    const auto to = static_cast<std::uint64_t>(at(test, "to").integer());
    INFO(from << " to " << to);
    const Hashes proof = hashes_of(at(test, "hashes"));
    const TreeHead older{from, root_at(from, vector.log.tiles).value()};
    const TreeHead newer{to, root_at(to, vector.log.tiles).value()};
    CHECK(verify_consistency(older, newer, proof).ok());
    CHECK(prove_consistency(from, to, vector.log.tiles).value() == proof);
    if (from != to && from != 0) {
      CHECK_FALSE(verify_consistency(newer, older, proof).ok());
      CHECK_FALSE(verify_consistency({from, newer.root}, newer, proof).ok());
      CHECK_FALSE(verify_consistency(older, {to, older.root}, proof).ok());
    }
    ++cases;
  }
  CHECK(cases > 0);
  test::report("log.json consistency proofs", cases);
}
