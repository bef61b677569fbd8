// SPDX-License-Identifier: Apache-2.0
// Every bit of a log of 300 entries, its proofs, its notes and its roots, changed once: nothing of it is accepted.
#include <iostream>
#include <openexec/evidence.hpp>
#include <string>
#include <vector>

#include "evidence/evidence.hpp"
#include "support/build.hpp"
#include "support/catch.hpp"
#include "support/evidence.hpp"
#include "support/json.hpp"

using namespace openexec;
using test::policy_of;
using test::SignedLog;
using test::vkey_of_log;

namespace {

const std::vector<std::string> witnesses{"w1", "w2"};
constexpr std::size_t log_size = 300;

SignedLog whole_log() {
  SignedLog log;
  for (std::uint64_t i = 0; i < log_size; ++i) log.append(test::executed(i).to_json());
  return log;
}

/// Flips one bit after the other in the bytes from `first` to `last`, each or one of `step`: how often `accepts` did
/// not mind. `text` is as it was afterwards.
template <class Accepts>
std::size_t accepted_flips(std::string& text, std::size_t first, std::size_t last, std::size_t step, std::size_t& flips,
                           const Accepts& accepts) {
  std::size_t accepted = 0;
  for (std::size_t bit = first * 8; bit < last * 8; bit += step) {
    char& byte = text[bit / 8];
    const char before = byte;
    byte = static_cast<char>(byte ^ (1 << bit % 8));
    if (accepts(text)) {
      ++accepted;
      UNSCOPED_INFO("accepted: bit " << bit % 8 << " of byte " << bit / 8);
    }
    byte = before;
    ++flips;
  }
  return accepted;
}

void report(const std::string& what, std::size_t flips) {
  std::cout << "flips: " << what << ": " << flips << " of one bit each, 0 accepted\n";
}

}  // namespace

TEST_CASE("No bit of a whole proof can change: every entry of the log, in the call that everybody makes") {
  SignedLog log = whole_log();
  const std::string checkpoint = log.checkpoint(witnesses);
  const std::string key = vkey_of_log(), policy = policy_of("all", witnesses);
  const EvidenceTrust trust{.log_key = key, .policy = policy};
  const auto accepts = [&](const std::string& text) {
    const auto verified = verify_evidence(text, trust);
    return !verified.ok() || verified->verdict != EvidenceVerdict::fail;
  };
  std::size_t flips = 0;
  const std::size_t step = test::stride("every bit of whole proofs, in the public call", 397);
  for (std::uint64_t index = 0; index < log_size; index += test::is_optimised ? 75 : 37) {
    std::string text = log.proof(index, checkpoint).write().value();
    REQUIRE(verify_evidence(text, trust)->verdict == EvidenceVerdict::pass);
    REQUIRE(accepted_flips(text, 0, text.size(), step, flips, accepts) == 0);
  }
  report("whole proofs", flips);
}

// A flip before the checkpoint leaves the checkpoint as it was: it is judged once, and the call's other half is asked
// about every flip. The signatures, which take most of the time, are the next test's.
TEST_CASE("No bit of the 300 proofs and their entries can change, in front of the checkpoint") {
  SignedLog log = whole_log();
  const std::string checkpoint = log.checkpoint(witnesses);
  const std::string key = vkey_of_log(), policy = policy_of("all", witnesses);
  const auto trust = exec::Trust::read({.log_key = key, .policy = policy}).value();
  const exec::JudgedCheckpoint judged = exec::judge(checkpoint, trust);
  const auto verdict = [&](const std::string& text) {
    const auto proof = merkle::TlogProof::parse(text);
    if (!proof.ok()) return EvidenceVerdict::fail;
    // A flip may move the place where the checkpoint begins; then it is another one, and judged anew.
    return exec::report_on(*proof, proof->checkpoint == checkpoint ? judged : exec::judge(proof->checkpoint, trust), {})
        .verdict;
  };
  const auto accepts = [&](const std::string& text) { return verdict(text) != EvidenceVerdict::fail; };
  std::size_t flips = 0;
  const std::size_t step = test::stride("every bit of 300 proofs and entries", 89);
  for (std::uint64_t index = 0; index < log_size; ++index) {
    std::string text = log.proof(index, checkpoint).write().value();
    REQUIRE(verdict(text) == EvidenceVerdict::pass);
    REQUIRE(accepted_flips(text, 0, text.size() - checkpoint.size(), step, flips, accepts) == 0);
  }
  report("proofs and entries", flips);
}

TEST_CASE("No bit of an entry can change under its leaf hash, whatever it may still say") {
  SignedLog log = whole_log();
  const std::string checkpoint = log.checkpoint();
  const std::string key = vkey_of_log();
  const auto trust = exec::Trust::read({.log_key = key}).value();
  const exec::JudgedCheckpoint judged = exec::judge(checkpoint, trust);
  std::size_t flips = 0;
  const std::size_t step = test::stride("every bit of 300 entries", 29);
  for (std::uint64_t index = 0; index < log_size; ++index) {
    merkle::TlogProof proof = log.proof(index, checkpoint);
    const auto accepts = [&](const std::string&) {
      return exec::report_on(proof, judged, {}).verdict != EvidenceVerdict::fail;
    };
    REQUIRE(exec::report_on(proof, judged, {}).verdict == EvidenceVerdict::pass);
    REQUIRE(accepted_flips(*proof.extra, 0, proof.extra->size(), step, flips, accepts) == 0);
  }
  report("entries", flips);
}

// A note opens where every known key's signature verifies. It stops at the first that does not, which saves most of the
// time; that a judged checkpoint is as strict is the first test's and the last one's.
TEST_CASE("No bit of the 301 notes can change") {
  std::vector<merkle::VerifierKey> known{test::log_named(test::log_name).verifier_key()};
  for (const std::string& witness : witnesses) known.push_back(test::witness_named(witness).verifier_key());
  const auto accepts = [&](const std::string& note) {
    const auto opened = merkle::open_note(note, known);
    return opened.ok() && opened->verified.size() == known.size() && merkle::Checkpoint::parse(opened->text).ok();
  };
  std::size_t flips = 0;
  const std::size_t step = test::stride("every bit of 301 notes", 61);
  SignedLog log;
  for (std::uint64_t size = 0; size <= log_size; ++size) {
    if (size > 0) log.append(test::executed(size - 1).to_json());
    std::string note = log.checkpoint(witnesses);
    REQUIRE(accepts(note));
    REQUIRE(accepted_flips(note, 0, note.size(), step, flips, accepts) == 0);
  }
  report("notes", flips);
}

TEST_CASE("No bit of the vector's proofs can change either") {
  const auto file = test::read_json(test::vectors() / "log.json");
  const std::string key = test::text_at(file.root(), "log_vkey");
  std::string policy, group = "group both all";
  for (const auto [unused, vkey] : test::at(file.root(), "witness_vkeys")) {
    const std::string name = "w" + std::to_string(policy.size());
    policy += "witness " + name + " " + std::string(vkey.string()) + "\n";
    group += " " + name;
  }
  policy += group + "\nquorum both\n";
  std::size_t flips = 0, proofs = 0;
  const std::size_t step = test::stride("every bit of the vector's proofs", 211);
  for (const auto [unused, test] : test::at(file.root(), "proofs")) {
    const bool cosigned = test::at(test, "size").integer() % 2 == 1;
    const EvidenceTrust trust{.log_key = key,
                              .policy = cosigned ? std::optional<std::string_view>(policy) : std::nullopt};
    std::string text = test::text_at(test, "tlog_proof");
    REQUIRE(verify_evidence(text, trust)->verdict == EvidenceVerdict::pass);
    const auto accepts = [&](const std::string& flipped) {
      const auto verified = verify_evidence(flipped, trust);
      return !verified.ok() || verified->verdict != EvidenceVerdict::fail;
    };
    // All of the small ones, a slice of the rest: the signatures take the time.
    REQUIRE(accepted_flips(text, 0, text.size(), proofs < 4 ? step : 13 * step, flips, accepts) == 0);
    ++proofs;
  }
  CHECK(proofs > 0);
  report("the vector's proofs", flips);
}
