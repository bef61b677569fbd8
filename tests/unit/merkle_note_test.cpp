// SPDX-License-Identifier: Apache-2.0
// Verifier keys, signed notes, checkpoints and cosignatures: lib/merkle/{note,checkpoint}.
#include <string>
#include <vector>

#include "base/text.hpp"
#include "merkle/checkpoint.hpp"
#include "merkle/hash.hpp"
#include "merkle/note.hpp"
#include "support/catch.hpp"
#include "support/keys.hpp"

using namespace openexec;
using namespace openexec::merkle;
using test::key_of;
using test::log_named;
using test::witness_named;

namespace {

const std::string dash = "\xe2\x80\x94 ";
const std::string text = "example.com/log\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

std::string signed_note(const std::string& of, const std::vector<NoteSignature>& signatures) {
  const auto note = Note{of, signatures}.write();
  REQUIRE(note.ok());
  return *note;
}

/// A signature line of anybody: right in form.
std::string line(const std::string& name = "somebody", const std::string& bytes = "12345") {
  return dash + name + " " + base::base64(bytes) + "\n";
}

void check_refused(const std::string& note, const std::string& why) {
  INFO(note.substr(0, 200));
  const auto read = Note::parse(note);
  REQUIRE(read.code() == Code::invalid_argument);
  CHECK(read.status().detail() == why);
}

}  // namespace

TEST_CASE("A note reads back as it was written, whatever empty lines its text has") {
  const auto log = log_named("example.com/log");
  for (const std::string& of : {text, std::string("\n"), std::string("a\n\n\nb\n"), std::string("\n\n\n")}) {
    const std::string note = signed_note(of, {log.sign(of), {"other", 0x01020304, "x"}});
    const auto read = Note::parse(note);
    REQUIRE(read.ok());
    CHECK(read->text == of);
    REQUIRE(read->signatures.size() == 2);
    CHECK(read->signatures[1] == NoteSignature{"other", 0x01020304, "x"});
    CHECK(read->write().value() == note);
  }
}

TEST_CASE("Each rule of a note's form refuses what breaks it, and says where") {
  CHECK(Note::parse(text + "\n" + line()).ok());
  check_refused("", "no empty line before the signatures");
  check_refused(text, "no empty line before the signatures");
  check_refused(text + line(), "no empty line before the signatures");
  check_refused(text + "\n", "no signature line");
  check_refused(text + "\n" + line() + "\n", "no signature line");
  check_refused(text + "\n" + line().substr(0, line().size() - 1), "the last line does not end in a line feed");
  check_refused(text + "\n" + line() + "more", "the last line does not end in a line feed");
  check_refused(text + "\n" + line() + "more\n", "signature line 2: does not begin with a dash and a space");
  check_refused(text + "\n- somebody MTIzNDU=\n", "signature line 1: does not begin with a dash and a space");
  check_refused(text + "\n" + dash + "\n", "signature line 1: the key's name is empty");
  check_refused(text + "\n" + dash + " MTIzNDU=\n", "signature line 1: the key's name is empty");
  check_refused(text + "\n" + dash + "somebody\n", "signature line 1: no signature behind the key's id");
  check_refused(text + "\n" + dash + "somebody \n", "signature line 1: no signature behind the key's id");
  check_refused(text + "\n" + line("somebody", "1234"), "signature line 1: no signature behind the key's id");
  check_refused(text + "\n" + line("some+body"), "signature line 1: the key's name has a space or a plus");
  check_refused(text + "\n" + line("some\xc2\xa0"), "signature line 1: the key's name has a space or a plus");
  for (const char* base64 : {"MTIzNDU", "MTIzNDV=", "MTIzNDU= ", " MTIzNDU=", "MTIzNDU=MTIz", "MTIz_DU="})
    check_refused(text + "\n" + dash + "somebody " + base64 + "\n", "signature line 1: not base64 in its one spelling");
  check_refused("a\tb\n\n" + line(), "byte 1: a control character");
  check_refused("a\r\n\n" + line(), "byte 1: a control character");
  check_refused(std::string("a\0\n\n", 4) + line(), "byte 1: a control character");
  check_refused("\xff\n\n" + line(), "byte 0: not UTF-8");
  check_refused("a\n\n" + dash + "some\xed\xa0\x80 MTIzNDU=\n", "byte 11: not UTF-8");
}

TEST_CASE("A note has at most 100 signatures and 1,000,000 bytes") {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += line("k" + std::to_string(i));
  CHECK(Note::parse(text + "\n" + lines).ok());
  check_refused(text + "\n" + lines + line(), "over 100 signature lines");
  const std::string longest(max_note_bytes - 2 - line().size(), 'x');
  CHECK(Note::parse(longest + "\n\n" + line()).ok());
  check_refused(longest + "x\n\n" + line(), "over 1000000 bytes");
  const NoteSignature signature{"somebody", 0x31323334, "5"};
  CHECK(Note{longest + "\n", {signature}}.write().ok());
  CHECK_FALSE(Note{longest + "x\n", {signature}}.write().ok());
  CHECK_FALSE(Note{text, std::vector<NoteSignature>(101, signature)}.write().ok());
}

TEST_CASE("What would not read back is not written") {
  const NoteSignature good{"somebody", 1, "x"};
  CHECK(Note{text, {good}}.write().ok());
  CHECK_FALSE(Note{text, {}}.write().ok());
  CHECK_FALSE(Note{"", {good}}.write().ok());
  CHECK_FALSE(Note{"no line feed", {good}}.write().ok());
  CHECK_FALSE(Note{"a\tb\n", {good}}.write().ok());
  CHECK_FALSE(Note{"\xff\n", {good}}.write().ok());
  for (const char* name : {"", "a b", "a+b", "a\nb", "\xff"}) CHECK_FALSE(Note{text, {{name, 1, "x"}}}.write().ok());
  CHECK_FALSE(Note{text, {{"somebody", 1, ""}}}.write().ok());
}

TEST_CASE("A key's name has none of the characters that Unicode counts as white space") {
  const auto named = [](const std::string& name) {
    return VerifierKey::make(name, KeyType::ed25519, key_of("k").public_key()).ok();
  };
  for (const char* space : {" ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\u0085", "\u00a0", "\u1680",
                            "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008",
                            "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"})
    for (const std::string& name : {std::string("a") + space, space + std::string("b"), std::string(space)})
      CHECK_FALSE(named(name));
  for (const char* other : {"\u0084", "\u200b", "\u2010", "\u3001", "\u4e2d", "\xf0\x9f\x8c\x8d", "a.b/c", "\x7f"})
    CHECK(named(other));
  CHECK_FALSE(named(""));
  CHECK_FALSE(named("a+b"));
  CHECK_FALSE(named("\x01"));
  CHECK_FALSE(named("\xc3"));
}

TEST_CASE("A verifier key reads back as it was written") {
  const auto log = log_named("example.com/log").verifier_key();
  const auto witness = witness_named("example.com/witness").verifier_key();
  for (const VerifierKey& key : {log, witness}) {
    const auto read = VerifierKey::parse(key.write());
    REQUIRE(read.ok());
    CHECK(read->write() == key.write());
    CHECK(read->id() == key.id());
    CHECK(read->type() == key.type());
    CHECK(read->key().raw() == key.key().raw());
  }
  // One key under two types has two ids, so that what it signs as one is nothing as the other.
  CHECK(VerifierKey::make("n", KeyType::ed25519, log.key())->id() !=
        VerifierKey::make("n", KeyType::cosignature_v1, log.key())->id());
}

TEST_CASE("Each rule of a verifier key refuses what breaks it") {
  const std::string good = log_named("n").verifier_key().write();
  const std::string raw = key_of("n").public_key().raw();
  REQUIRE(VerifierKey::parse(good).ok());
  const auto refused = [](const std::string& vkey, const std::string& why) {
    INFO(vkey);
    const auto read = VerifierKey::parse(vkey);
    REQUIRE(read.code() == Code::invalid_argument);
    CHECK(read.status().detail().find(why) != std::string::npos);
  };
  const auto with = [](const std::string& bytes) { return "n+01020304+" + base::base64(bytes); };
  for (const char* vkey : {"", "n", "n+", "n+01020304", "+"}) refused(vkey, "not of the form");
  for (const char* vkey : {"n++", "n+01020304+", "n+01020304+AQ", "n+01020304+AQ==\n"}) refused(vkey, "base64");
  refused(good + "\n", "base64");
  refused(good + "A", "base64");
  refused("+" + good.substr(good.find('+') + 1), "name is empty");
  refused(" " + good, "a space or a plus");
  refused("x" + good, "the id");
  refused(good.substr(0, 2) + "0" + good.substr(2), "the id");
  std::string upper = good;
  for (char& c : upper)
    if (&c > &upper[1] && &c < &upper[10] && c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  REQUIRE(upper != good);
  refused(upper, "the id");
  for (int type = 0; type < 256; ++type)
    if (type != 1 && type != 4)
      refused(with(static_cast<char>(type) + raw), "keys of type " + std::to_string(type) + " are not supported");
  refused(with("\x01" + raw.substr(1)), "32 bytes");
  refused(with("\x01" + raw + "x"), "32 bytes");
  refused(with(std::string("\x01\x01", 2) + std::string(31, '\0')), "verifier key: ");  // a point of small order
}

TEST_CASE("A note opens for whoever knows one of its keys") {
  const auto one = log_named("one"), two = log_named("two"), stranger = log_named("stranger");
  const std::string note = signed_note(text, {one.sign(text), two.sign(text)});
  const auto opened = open_note(note, std::vector{two.verifier_key(), stranger.verifier_key()});
  REQUIRE(opened.ok());
  CHECK(opened->text == text);
  REQUIRE(opened->verified.size() == 1);
  CHECK(opened->verified[0].name == "two");
  REQUIRE(opened->unverified.size() == 1);
  CHECK(opened->unverified[0].name == "one");
  CHECK(open_note(note, std::vector{stranger.verifier_key()}).status().detail() == "no signature of a known key");
  CHECK_FALSE(open_note(note, {}).ok());
}

TEST_CASE("A known key's signature that does not verify spoils the note, whoever else signed") {
  const auto one = log_named("one"), two = log_named("two");
  NoteSignature false_one = one.sign("another text\n");
  const std::vector known{one.verifier_key(), two.verifier_key()};
  CHECK_FALSE(open_note(signed_note(text, {false_one, two.sign(text)}), known).ok());
  CHECK_FALSE(open_note(signed_note(text, {two.sign(text), false_one}), known).ok());
  // Of several signatures of one key the first counts, as in the Go package.
  CHECK_FALSE(open_note(signed_note(text, {false_one, one.sign(text)}), known).ok());
  CHECK(open_note(signed_note(text, {one.sign(text), false_one}), known).ok());
  // The name or the id alone is a stranger's.
  false_one.key_id ^= 1;
  CHECK(open_note(signed_note(text, {false_one, two.sign(text)}), known).ok());
  false_one.key_id ^= 1;
  false_one.name = "One";
  CHECK(open_note(signed_note(text, {false_one, two.sign(text)}), known).ok());
}

TEST_CASE("A signature of the wrong length does not verify") {
  const auto log = log_named("one");
  const auto witness = witness_named("w");
  for (const std::size_t size : {1u, 63u, 65u, 71u, 73u, 4'000u}) {
    NoteSignature signature = log.sign(text);
    signature.bytes.resize(size, 'x');
    CHECK_FALSE(log.verifier_key().verify(text, signature).ok());
    NoteSignature cosignature = witness.cosign(text, 1).value();
    cosignature.bytes.resize(size, 'x');
    CHECK_FALSE(witness.verifier_key().verify(text, cosignature).ok());
    CHECK(cosignature_time(cosignature) == std::nullopt);
  }
}

TEST_CASE("A cosignature covers its time and the text") {
  const auto witness = witness_named("example.com/w");
  const VerifierKey& key = witness.verifier_key();
  for (const std::uint64_t time : {std::uint64_t{0}, std::uint64_t{1'679'315'147}, std::uint64_t{INT64_MAX}}) {
    const NoteSignature signature = witness.cosign(text, time).value();
    CHECK(cosignature_time(signature) == time);
    CHECK(key.verify(text, signature).ok());
    CHECK_FALSE(key.verify(text + "x\n", signature).ok());
    for (std::size_t byte = 0; byte < signature.bytes.size(); ++byte) {
      NoteSignature mutant = signature;
      mutant.bytes[byte] = static_cast<char>(mutant.bytes[byte] ^ 1);
      CHECK_FALSE(key.verify(text, mutant).ok());
    }
  }
  CHECK(witness.cosign(text, std::uint64_t{INT64_MAX} + 1).code() == Code::invalid_argument);
  CHECK(cosigned_message(1'679'315'147, text) == "cosignature/v1\ntime 1679315147\n" + text);
}

TEST_CASE("What a key signed as a log is nothing as a witness, and the other way round") {
  const auto log = NoteSigner::make("n", key_of("n")).value();
  const auto witness = Cosigner::make("n", key_of("n")).value();
  NoteSignature as_log = log.sign(text), as_witness = witness.cosign(text, 5).value();
  CHECK_FALSE(witness.verifier_key().verify(text, as_log).ok());
  CHECK_FALSE(log.verifier_key().verify(text, as_witness).ok());
  NoteSignature stripped = as_witness;
  stripped.bytes.erase(0, 8);
  CHECK_FALSE(log.verifier_key().verify(text, stripped).ok());
  // Both may stand on one note.
  const auto opened =
      open_note(signed_note(text, {as_log, as_witness}), std::vector{log.verifier_key(), witness.verifier_key()});
  REQUIRE(opened.ok());
  CHECK(opened->verified.size() == 2);
}

TEST_CASE("A checkpoint reads back as it was written, with its extensions") {
  for (const auto& extensions : {std::vector<std::string>{}, {"one"}, {"one", "two \u00e9"}})
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{7}, UINT64_MAX}) {
      const Checkpoint checkpoint{"example.com/log 7", {size, leaf_hash("x")}, extensions};
      const auto written = checkpoint.write();
      REQUIRE(written.ok());
      CHECK(Checkpoint::parse(*written).value() == checkpoint);
    }
}

TEST_CASE("Each rule of a checkpoint refuses what breaks it, and names the line") {
  const std::string root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
  const auto refused = [](const std::string& of, const std::string& why) {
    INFO(of);
    const auto read = Checkpoint::parse(of);
    REQUIRE(read.code() == Code::invalid_argument);
    CHECK(read.status().detail().find(why) != std::string::npos);
  };
  CHECK(Checkpoint::parse("o\n0\n" + root + "\n").ok());
  CHECK(Checkpoint::parse("o\n18446744073709551615\n" + root + "\n").ok());
  refused("", "line 1");
  refused("o", "line 1");
  refused("\n1\n" + root + "\n", "line 1");
  for (const char* size : {"", "01", "00", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "18446744073709551616",
                           "99999999999999999999999", "\u0661"})
    refused("o\n" + std::string(size) + "\n" + root + "\n", "line 2");
  for (const std::string& hash : {std::string(), root.substr(0, 43), root + "=", " " + root, root + " ",
                                  root.substr(0, 40), std::string("AA=="), root.substr(0, 42) + "J="})
    refused("o\n1\n" + hash + "\n", "line 3");
  refused("o\n1\n" + root, "line 3");
  refused("o\n1\n", "line 3");
  refused("o\n1\n" + root + "\n\n", "line 4: empty");
  refused("o\n1\n" + root + "\nx\n\ny\n", "line 5: empty");
  refused("o\n1\n" + root + "\nx", "does not end in a line feed");
  refused("o\r\n1\n" + root + "\n", "control character");
  refused("\xff\n1\n" + root + "\n", "UTF-8");
  for (const Checkpoint& bad : {Checkpoint{"", {}, {}}, Checkpoint{"a\nb", {}, {}}, Checkpoint{"a\n1", {}, {}},
                                Checkpoint{"o", {}, {""}}, Checkpoint{"o", {}, {"a\nb"}}, Checkpoint{"o", {}, {"\t"}}})
    CHECK(bad.write().code() == Code::invalid_argument);
}

TEST_CASE("A log signs checkpoints of its own name only") {
  const auto log = log_named("example.com/log");
  const auto note = sign_checkpoint({"example.com/log", {3, leaf_hash("x")}, {}}, log);
  REQUIRE(note.ok());
  const auto opened = open_note(*note, std::vector{log.verifier_key()});
  REQUIRE(opened.ok());
  CHECK(Checkpoint::parse(opened->text)->head == TreeHead{3, leaf_hash("x")});
  CHECK(sign_checkpoint({"example.com/other", {3, leaf_hash("x")}, {}}, log).code() == Code::invalid_argument);
}
