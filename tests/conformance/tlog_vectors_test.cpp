// SPDX-License-Identifier: Apache-2.0
// What others published of transparency logs: each file's cases have the verdicts that its source states.
#include <algorithm>
#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "merkle/checkpoint.hpp"
#include "merkle/hash.hpp"
#include "merkle/lines.hpp"
#include "merkle/note.hpp"
#include "merkle/proof.hpp"
#include "merkle/tile.hpp"
#include "merkle/tlog_proof.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"

using namespace openexec;
using namespace openexec::merkle;
using test::at;
using test::text_at;

namespace {

std::optional<std::filesystem::path> folder() {
  const auto vectors = test::public_vectors();
  return vectors ? std::optional(*vectors / "4-merkle-tlog") : std::nullopt;
}

std::vector<std::filesystem::path> files_under(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::uint64_t number_at(canon::View object, std::string_view key) {
  return static_cast<std::uint64_t>(at(object, key).integer());
}

/// Some of these files have numbers that strict JSON refuses, such as 2^64 - 1: numbers become texts first.
canon::Document read_with_large_numbers(const std::filesystem::path& path) {
  return test::parse_json(std::regex_replace(test::read_file(path), std::regex("\": ([0-9]+)"), "\": \"$1\""));
}

std::uint64_t large_number_at(canon::View object, std::string_view key) {
  return read_number(text_at(object, key)).value();
}

/// Hashes in base64. One of another length is no hash: whoever reads it refuses the proof.
std::optional<Hashes> hashes_of(canon::View list) {
  Hashes hashes;
  if (list.is(canon::Type::null)) return hashes;
  for (const auto [unused, text] : list) {
    const auto hash = read_hash(text.string());
    if (!hash) return std::nullopt;
    hashes.push_back(*hash);
  }
  return hashes;
}

/// A list of texts of each line of a file of JSON lines.
template <class F>
void for_lines(const std::filesystem::path& path, const F& f) {
  for (const std::string& line : test::lines_of(path)) {
    const auto document = test::parse_json(line);
    f(document.root());
  }
}

std::vector<VerifierKey> keys_of(canon::View vkeys) {
  std::vector<VerifierKey> keys;
  for (const auto [unused, vkey] : vkeys) keys.push_back(VerifierKey::parse(vkey.string()).value());
  return keys;
}

std::vector<std::string> names_of(canon::View list) {
  std::vector<std::string> names;
  if (list.is(canon::Type::null)) return names;
  for (const auto [unused, name] : list) names.emplace_back(name.string());
  return names;
}

std::vector<std::string> names_of(const std::vector<NoteSignature>& signatures) {
  std::vector<std::string> names;
  for (const NoteSignature& signature : signatures) names.push_back(signature.name);
  return names;
}

/// A request to a witness, C2SP tlog-witness: its older size, its proof, and the checkpoint.
struct Request {
  std::uint64_t old_size = 0;
  Hashes proof;
  std::string note;
};
std::optional<Request> read_request(std::string_view text) {
  Request request;
  Lines lines(text);
  const std::string_view first = lines.next().value_or("");
  const auto size = first.starts_with("old ") ? read_number(first.substr(4)) : std::nullopt;
  if (!size) return std::nullopt;
  request.old_size = *size;
  for (;;) {
    const auto line = lines.next();
    if (!line) return std::nullopt;
    if (line->empty()) break;
    const auto hash = read_hash(*line);
    if (!hash) return std::nullopt;
    request.proof.push_back(*hash);
  }
  request.note = lines.rest();
  return request;
}

}  // namespace

TEST_CASE("transparency-dev's inclusion proofs have their verdicts") {
  const auto vectors = folder();
  if (!vectors) return;
  std::size_t cases = 0;
  for (const auto& file : files_under(*vectors / "td-merkle/inclusion")) {
    INFO(file.string());
    const auto document = read_with_large_numbers(file);
    const canon::View test = document.root();
    const auto root = read_hash(text_at(test, "root"));
    const auto leaf = read_hash(text_at(test, "leafHash"));
    const auto proof = hashes_of(at(test, "proof"));
    const bool accepted =
        root && leaf && proof &&
        verify_inclusion(*leaf, large_number_at(test, "leafIdx"), {large_number_at(test, "treeSize"), *root}, *proof)
            .ok();
    CHECK(accepted == !at(test, "wantErr").boolean());
    ++cases;
  }
  CHECK(cases > 0);
  test::report("td-merkle inclusion", cases);
}

TEST_CASE("transparency-dev's consistency proofs have their verdicts") {
  const auto vectors = folder();
  if (!vectors) return;
  std::size_t cases = 0;
  for (const auto& file : files_under(*vectors / "td-merkle/consistency")) {
    INFO(file.string());
    const auto document = read_with_large_numbers(file);
    const canon::View test = document.root();
    const auto root1 = read_hash(text_at(test, "root1"));
    const auto root2 = read_hash(text_at(test, "root2"));
    const auto proof = hashes_of(at(test, "proof"));
    const bool accepted =
        root1 && root2 && proof &&
        verify_consistency({large_number_at(test, "size1"), *root1}, {large_number_at(test, "size2"), *root2}, *proof)
            .ok();
    CHECK(accepted == !at(test, "wantErr").boolean());
    ++cases;
  }
  CHECK(cases > 0);
  test::report("td-merkle consistency", cases);
}

TEST_CASE("The Go package's notes open, or do not, as there") {
  const auto vectors = folder();
  if (!vectors) return;
  std::size_t cases = 0;
  for_lines(*vectors / "xmod_note_open.jsonl", [&](canon::View test) {
    INFO(text_at(test, "id"));
    const std::string note = base::unhex(text_at(test, "note_hex")).value();
    const std::string want = text_at(test, "want");
    const auto opened = open_note(note, keys_of(at(test, "trusted_vkeys")));
    CHECK(opened.ok() == (want == "ok"));
    CHECK(Note::parse(note).ok() == (want != "malformed"));
    const std::string& detail = opened.status().detail();
    if (want == "invalid signature") CHECK(detail == "a signature does not verify");
    if (want == "ambiguous key") CHECK(detail == "two known keys share the name and id of a signature");
    if (want == "no verifiable signatures") CHECK(detail == "no signature of a known key");
    if (opened.ok()) {
      CHECK(names_of(opened->verified) == names_of(at(test, "verified")));
      CHECK(names_of(opened->unverified) == names_of(at(test, "unverified")));
    }
    ++cases;
  });
  CHECK(cases > 0);
  test::report("xmod_note_open", cases);
}

TEST_CASE("The Go package's verifier keys are read or refused, and its signer signs the same note") {
  const auto vectors = folder();
  if (!vectors) return;
  std::size_t cases = 0;
  std::size_t signed_notes = 0;
  for_lines(*vectors / "xmod_vkeys.jsonl", [&](canon::View test) {
    if (test.find("vkey")) {
      INFO(text_at(test, "vkey"));
      const auto key = VerifierKey::parse(text_at(test, "vkey"));
      CHECK(key.ok() == at(test, "valid").boolean());
      if (key.ok()) CHECK(key->write() == text_at(test, "vkey"));
    } else {  // PRIVATE+KEY+name+id+base64(type || seed)
      const std::string skey = text_at(test, "skey").substr(std::string("PRIVATE+KEY+").size());
      const std::string seed = base::unbase64(skey.substr(skey.find('+') + 10)).value().substr(1);
      const auto signer =
          NoteSigner::make(skey.substr(0, skey.find('+')), crypto::PrivateKey::from_seed(seed).value()).value();
      const std::string text = text_at(test, "text");
      CHECK(Note{text, {signer.sign(text)}}.write().value() == text_at(test, "note"));
      ++signed_notes;
    }
    ++cases;
  });
  CHECK(cases > 0);
  CHECK(signed_notes == 1);
  test::report("xmod_vkeys", cases);
}

TEST_CASE("The Go package's tree descriptions and tile paths are read or refused") {
  const auto vectors = folder();
  if (!vectors) return;
  std::size_t cases = 0;
  for_lines(*vectors / "xmod_tlog_parse.jsonl", [&](canon::View test) {
    ++cases;
    if (test.find("tree")) {  // that package knows one log
      const auto tree = Checkpoint::parse(text_at(test, "tree"));
      const bool accepted = tree.ok() && tree->origin == "go.sum database tree";
      CHECK(accepted == at(test, "valid").boolean());
      if (!accepted) return;
      CHECK(tree->head.size == number_at(test, "size"));
      CHECK(tree->head.root == leaf_hash(text_at(test, "leaf_text")));
    } else if (test.find("tile_path")) {  // its paths begin with the height, and it calls entries data
      std::string path = text_at(test, "tile_path");
      INFO(path);
      path.erase(5, path.find('/', 5) - 4);
      if (path.starts_with("tile/data/")) path.replace(5, 4, "entries");
      CHECK(parse_tile_path(path).ok() == at(test, "valid").boolean());
    } else {
      CHECK(to_hex(empty_root()) == text_at(test, "empty_tree_root_hex"));
    }
  });
  CHECK(cases > 0);
  test::report("xmod_tlog_parse", cases);
}

TEST_CASE("The specification's example notes are read, and those it shortened are refused") {
  const auto vectors = folder();
  if (!vectors) return;
  std::size_t cases = 0;
  for (const char* name : {"signed-note", "tlog-checkpoint"}) {
    const auto file = test::read_json(*vectors / "c2sp" / (std::string(name) + ".examples.json"));
    for (const auto [unused, example] : file.root()) {
      const std::string text(example.string());
      INFO(text);
      const bool is_template = text.find("<key name>") != std::string::npos;
      const auto note = Note::parse(text);
      CHECK(note.ok() == !is_template);
      if (note.ok()) CHECK(note->write().value() == text);
      if (std::string(name) == "tlog-checkpoint") CHECK(Checkpoint::parse(note->text)->write().value() == note->text);
      ++cases;
    }
  }
  CHECK(cases == 4);
  test::report("c2sp signed-note and tlog-checkpoint", cases);
}

TEST_CASE("The specification's example cosignature has its time, and covers the message that is shown") {
  const auto vectors = folder();
  if (!vectors) return;
  const auto file = test::read_json(*vectors / "c2sp/tlog-cosignature.examples.json");
  std::vector<std::string> examples;
  for (const auto [unused, example] : file.root()) examples.emplace_back(example.string());
  REQUIRE(examples.size() == 3);
  const auto note = Note::parse(examples[0]);
  REQUIRE(note.ok());
  REQUIRE(note->signatures.size() == 2);
  const auto time = cosignature_time(note->signatures[1]);
  REQUIRE(time.has_value());
  CHECK(cosignature_time(note->signatures[0]) == std::nullopt);
  CHECK_FALSE(Note::parse(examples[1]).ok());  // a template
  CHECK("\n" + cosigned_message(*time, note->text) == examples[2]);
  test::report("c2sp tlog-cosignature", examples.size());
}

TEST_CASE("The specification's example proof is read, but for its checkpoint's signatures, which it shortened") {
  const auto vectors = folder();
  if (!vectors) return;
  const auto file = test::read_json(*vectors / "c2sp/tlog-proof.examples.json");
  std::size_t cases = 0;
  for (const auto [unused, example] : file.root()) {
    const auto proof = TlogProof::parse(example.string());
    REQUIRE(proof.ok());
    CHECK(proof->extra.has_value());
    CHECK(proof->index == 73'894);
    CHECK(proof->hashes.size() == 5);
    CHECK(proof->write().value() == example.string());
    CHECK_FALSE(Note::parse(proof->checkpoint).ok());
    CHECK(Checkpoint::parse(note_text(proof->checkpoint).value())->head.size == 109'482);
    ++cases;
  }
  CHECK(cases == 1);
  test::report("c2sp tlog-proof", cases);
}

TEST_CASE("The specification's example requests to a witness, and its answers, are read as far as they are whole") {
  const auto vectors = folder();
  if (!vectors) return;
  const auto file = test::read_json(*vectors / "c2sp/tlog-witness.examples.json");
  std::vector<std::string> examples;
  for (const auto [unused, example] : file.root()) examples.emplace_back(example.string());
  REQUIRE(examples.size() == 4);
  CHECK_FALSE(read_request(examples[0]).has_value());  // of subtrees, which we have not
  const auto request = read_request(examples[1].substr(1));
  REQUIRE(request.has_value());
  CHECK(request->old_size == 20'852'014);
  CHECK(request->proof.size() == 4);
  const auto note = Note::parse(request->note);
  REQUIRE(note.ok());
  CHECK(Checkpoint::parse(note->text)->head.size == 20'852'163);
  const auto answered = Note::parse(request->note + examples[2].substr(1));
  REQUIRE(answered.ok());
  REQUIRE(answered->signatures.size() == 5);
  for (std::size_t i = 2; i < 5; ++i) CHECK(answered->signatures[i].name.starts_with("witness.example/w"));
  CHECK_FALSE(Note::parse(request->note + examples[3].substr(1)).ok());  // shortened
  test::report("c2sp tlog-witness", examples.size());
}

TEST_CASE("A real checkpoint of the Go checksum database opens") {
  const auto vectors = folder();
  if (!vectors) return;
  const auto file = test::read_json(*vectors / "torchwood_sumdb_checkpoint.json");
  const std::vector keys{VerifierKey::parse(text_at(file.root(), "log_vkey")).value()};
  std::size_t cases = 0;
  for (const auto [unused, test] : at(file.root(), "in_order")) {
    const auto request = read_request(text_at(test, "request"));
    REQUIRE(request.has_value());
    const auto opened = open_note(request->note, keys);
    REQUIRE(opened.ok());
    const auto checkpoint = Checkpoint::parse(opened->text);
    REQUIRE(checkpoint.ok());
    CHECK(checkpoint->origin == "go.sum database tree");
    CHECK(checkpoint->head.size == 35'225'469);
    CHECK(verify_consistency({0, empty_root()}, checkpoint->head, request->proof).ok());
    ++cases;
  }
  CHECK(cases == 1);
  test::report("torchwood_sumdb_checkpoint", cases);
}

TEST_CASE("A witness's requests fail where its answers say so: origin, signature, size, consistency") {
  const auto vectors = folder();
  if (!vectors) return;
  const auto file = test::read_json(*vectors / "torchwood_add_checkpoint.json");
  const std::string raw = base::unhex(text_at(file.root(), "log_ed25519_public_key_hex")).value();
  const auto public_key = crypto::PublicKey::from_raw(raw).value();
  std::string origin;
  TreeHead last{0, empty_root()};
  std::size_t cases = 0;
  for (const auto [unused, test] : at(file.root(), "in_order")) {
    INFO(text_at(test, "request"));
    const auto request = read_request(text_at(test, "request"));
    REQUIRE(request.has_value());
    const auto checkpoint = Checkpoint::parse(note_text(request->note).value());
    REQUIRE(checkpoint.ok());
    if (origin.empty()) origin = checkpoint->origin;
    const std::vector keys{VerifierKey::make(origin, KeyType::ed25519, public_key).value()};

    std::int64_t answer = 200;
    if (checkpoint->origin != origin)
      answer = 403;  // an unknown log; 404 in the specification of today
    else if (!open_note(request->note, keys).ok())
      answer = 403;
    else if (request->old_size != last.size)
      answer = 409;
    else if (!verify_consistency(last, checkpoint->head, request->proof).ok())
      answer = 422;
    else
      last = checkpoint->head;
    CHECK(answer == at(test, "http").integer());
    ++cases;
  }
  CHECK(last.size == 5);
  CHECK(cases > 0);
  test::report("torchwood_add_checkpoint", cases);
}

TEST_CASE("Every key of a live log that is Ed25519 is read, and every ECDSA one refused") {
  const auto vectors = folder();
  if (!vectors) return;
  std::size_t read = 0, refused = 0;
  bool is_ecdsa = false;
  for (const std::string& line : test::lines_of(*vectors / "omniwitness_logs.yaml")) {
    const auto after = [&](const std::string& name) -> std::optional<std::string> {
      const std::size_t found = line.find(name);
      if (found == std::string::npos) return std::nullopt;
      return line.substr(found + name.size());
    };
    if (after("- Origin: ")) is_ecdsa = false;
    if (after(" PublicKeyType: ecdsa")) is_ecdsa = true;
    const auto vkey = after(" PublicKey: ");
    if (!vkey) continue;
    INFO(*vkey);
    const auto key = VerifierKey::parse(*vkey);
    CHECK(key.ok() == !is_ecdsa);
    if (is_ecdsa) {
      CHECK(key.status().detail() == "verifier key: keys of type 2 are not supported");
      ++refused;
    } else {
      CHECK(key->write() == *vkey);
      ++read;
    }
  }
  CHECK(read == 9);
  CHECK(refused == 5);
  test::report("omniwitness_logs", read + refused);
}
