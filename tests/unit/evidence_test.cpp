// SPDX-License-Identifier: Apache-2.0
// Offline verification: verify_evidence. Linked without a store and without the executor.
#include "support/evidence.hpp"

#include <array>
#include <openexec/evidence.hpp>
#include <openexec/hasher.hpp>
#include <string>
#include <vector>

#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "evidence/identity.hpp"
#include "support/catch.hpp"

using namespace openexec;
using test::policy_of;
using test::SignedLog;
using test::vkey_of_log;

namespace {

using Step = EvidenceStep;

constexpr std::string_view payload = R"({"a":[1,2.5,"é"],"b":null})";
constexpr std::string_view result = R"({"echo":{"x":1}})";
constexpr std::string_view approval = R"({"approval_id":"x","signature":"y"})";

Digest jcs_hash(std::string_view json) { return crypto::sha256(canon::jcs(canon::parse(json)->root())); }

/// An entry whose hashes are those of the texts above.
Entry real_entry() {
  Entry entry = test::executed();
  const auto proposal = Proposal::parse({entry.action, payload, entry.nonce, {}}, entry.tenant);
  entry.exec_id = to_hex(exec::exec_id(*proposal, *jcs_sha256()));
  entry.request_hash = exec::request_hash(*proposal, *jcs_sha256());
  entry.result_hash = jcs_hash(result);
  entry.receipt = receipt_of(entry.exec_id, canon::display(canon::parse(result)->root()));
  entry.approval->digest = jcs_hash(approval);
  return entry;
}

struct Fixture {
  Entry entry = real_entry();
  SignedLog log;
  std::string key = vkey_of_log();

  Fixture() {
    for (std::uint64_t i = 0; i < 5; ++i) log.append(test::executed(i).to_json());
    log.append(entry.to_json());
    log.append(test::executed(9).to_json());
  }

  [[nodiscard]] std::string proof(const std::vector<std::string>& witnesses = {}) {
    return log.proof(5, log.checkpoint(witnesses)).write().value();
  }
};

EvidenceReport report(const std::string& proof, const EvidenceTrust& trust, const EvidenceHeld& held = {}) {
  const auto verified = verify_evidence(proof, trust, held);
  REQUIRE(verified.ok());
  return *verified;
}

void check(const EvidenceReport& report, EvidenceVerdict verdict, EvidenceStep step, const std::string& detail) {
  CHECK(name(report.verdict) == name(verdict));
  CHECK(name(report.step) == name(step));
  CHECK(report.at(report.step).detail == detail);
}

void check_pass(const EvidenceReport& report) { CHECK(name(report.verdict) == "PASS"); }

}  // namespace

TEST_CASE("What nobody filled in is no pass") {
  CHECK(EvidenceReport{}.verdict == EvidenceVerdict::fail);
  CHECK(EvidenceVerdict{} != EvidenceVerdict::pass);
  CHECK(Finding{} == Finding::unreached);
  CHECK(EvidenceCheck{}.finding == Finding::unreached);
  for (const EvidenceCheck& each : EvidenceReport{}.checks) CHECK(each.finding == Finding::unreached);
  for (std::size_t step = 0; step < evidence_steps; ++step) CHECK(name(static_cast<EvidenceStep>(step)) != "unknown");
  CHECK(name(static_cast<EvidenceStep>(evidence_steps)) == "unknown");
}

TEST_CASE("A receipt of the log passes, and says what it proves") {
  Fixture fixture;
  const EvidenceReport bare = report(fixture.proof(), {.log_key = fixture.key});
  check_pass(bare);
  CHECK(bare.index == 5);
  CHECK(bare.size == 7);
  CHECK(bare.origin == test::log_name);
  CHECK(bare.entry_json == fixture.entry.to_json());
  REQUIRE(bare.entry.has_value());
  CHECK(bare.entry->receipt == fixture.entry.receipt);
  CHECK(bare.cosignatures.empty());
  for (std::size_t i = 0; i < evidence_steps; ++i)
    CHECK(bare.checks[i].finding == (i < 4 ? Finding::passed : Finding::not_asked));

  const EvidenceReport whole =
      report(fixture.proof({"w1", "w2"}), {.log_key = fixture.key, .policy = policy_of("all", {"w1", "w2"})},
             {.exec_id = fixture.entry.exec_id,
              .action = "echo",
              .nonce = fixture.entry.nonce,
              .tenant = "acme",
              .payload = payload,
              .result = result,
              .receipt = fixture.entry.receipt,
              .approval = approval});
  check_pass(whole);
  for (const EvidenceCheck& each : whole.checks) CHECK(each.finding == Finding::passed);
  CHECK(whole.witnesses == 2);
  REQUIRE(whole.cosignatures.size() == 2);
  CHECK(whole.cosignatures[1].witness == "w2");
  CHECK(whole.cosignatures[1].time == 1'772'366'400);
}

TEST_CASE("Without the log's key the answer is incomplete") {
  Fixture fixture;
  check(report(fixture.proof(), {}), EvidenceVerdict::incomplete, Step::log_signature, "no key of the log was given");
  check(report(fixture.proof({"w1"}), {.policy = policy_of("all", {"w1"})}), EvidenceVerdict::incomplete,
        Step::log_signature, "no key of the log was given");
}

TEST_CASE("A checkpoint that the log did not sign, or that another log signed, fails") {
  Fixture fixture;
  const std::string proof = fixture.proof();
  // The same name, another key: a stranger's signature is ignored, and the log's is missing.
  const auto impostor = merkle::NoteSigner::make(test::log_name, test::key_of("impostor")).value();
  check(report(proof, {.log_key = impostor.verifier_key().write()}), EvidenceVerdict::fail, Step::log_signature,
        "the log did not sign the checkpoint");
  // Another log's key, which did sign: the origin is not its own.
  const auto other = test::log_named("other.example/2");
  merkle::Note note = merkle::Note::parse(fixture.log.checkpoint()).value();
  note.signatures = {other.sign(note.text)};
  check(report(fixture.log.proof(5, note.write().value()).write().value(), {.log_key = other.verifier_key().write()}),
        EvidenceVerdict::fail, Step::log_signature, "the checkpoint is another log's");
  // A signature of the log's over another text.
  note.signatures = {test::log_named(test::log_name).sign(note.text + "x\n")};
  check(report(fixture.log.proof(5, note.write().value()).write().value(), {.log_key = fixture.key}),
        EvidenceVerdict::fail, Step::log_signature, "a signature does not verify");
}

TEST_CASE("An entry that is not where the proof says, or not in the tree, fails") {
  Fixture fixture;
  const std::string checkpoint = fixture.log.checkpoint();
  const merkle::TlogProof good = fixture.log.proof(5, checkpoint);
  merkle::TlogProof bad = good;
  bad.index = 4;
  check(report(bad.write().value(), {.log_key = fixture.key}), EvidenceVerdict::fail, Step::inclusion,
        "the proof does not lead to the root");
  bad.index = 7;
  check(report(bad.write().value(), {.log_key = fixture.key}), EvidenceVerdict::fail, Step::inclusion,
        "the index is not below the tree's size");
  bad = good;
  bad.hashes.pop_back();
  check(report(bad.write().value(), {.log_key = fixture.key}), EvidenceVerdict::fail, Step::inclusion,
        "the proof has hashes too few");
  bad = good;
  bad.hashes.push_back(test::leaf(0));
  check(report(bad.write().value(), {.log_key = fixture.key}), EvidenceVerdict::fail, Step::inclusion,
        "the proof has hashes too many");
  bad = good;
  bad.extra = test::executed(3).to_json();
  check(report(bad.write().value(), {.log_key = fixture.key}), EvidenceVerdict::fail, Step::inclusion,
        "the proof does not lead to the root");
}

TEST_CASE("What the log holds but is no entry fails, though it is included") {
  SignedLog log;
  log.append("hello");
  log.append(real_entry().to_json() + " ");
  for (const std::uint64_t index : {0u, 1u}) {
    const EvidenceReport said =
        report(log.proof(index, log.checkpoint()).write().value(), {.log_key = vkey_of_log()}, {.result = result});
    CHECK(said.verdict == EvidenceVerdict::fail);
    CHECK(said.step == Step::entry);
    CHECK_FALSE(said.entry.has_value());
    CHECK(said.at(Step::inclusion).finding == Finding::passed);
    CHECK(said.at(Step::log_signature).finding == Finding::passed);
    CHECK(said.at(Step::result).finding == Finding::unreached);
    CHECK(said.at(Step::payload).finding == Finding::not_asked);
  }
  merkle::TlogProof bare = log.proof(0, log.checkpoint());
  bare.extra.reset();
  const EvidenceReport said = report(bare.write().value(), {.log_key = vkey_of_log()});
  check(said, EvidenceVerdict::fail, Step::entry, "the proof carries no entry");
  CHECK(said.at(Step::inclusion).finding == Finding::unreached);
}

TEST_CASE("A text that is no proof, or whose checkpoint is none, fails at the first step") {
  Fixture fixture;
  for (const std::string& text : {std::string(), std::string("hello"), fixture.proof() + "x"}) {
    const EvidenceReport said = report(text, {.log_key = fixture.key}, {.action = "echo"});
    CHECK(said.verdict == EvidenceVerdict::fail);
    CHECK(said.step == Step::proof);
    CHECK_FALSE(said.at(Step::proof).detail.empty());
    CHECK(said.at(Step::log_signature).finding == Finding::unreached);
  }
  const auto log = test::log_named(test::log_name);
  for (const std::string& of : {std::string("a\n"), test::log_name + "\n07\n" + std::string(43, 'A') + "=\n"}) {
    const std::string note = merkle::Note{of, {log.sign(of)}}.write().value();
    const EvidenceReport said = report(fixture.log.proof(5, note).write().value(), {.log_key = fixture.key});
    CHECK(said.verdict == EvidenceVerdict::fail);
    CHECK(said.step == Step::proof);
    CHECK(said.at(Step::entry).finding == Finding::passed);
    CHECK(said.at(Step::inclusion).finding == Finding::unreached);
  }
}

TEST_CASE("A policy's quorum is needed, and missing cosignatures fail it") {
  Fixture fixture;
  const std::string two = policy_of("2", {"w1", "w2", "w3"});
  const auto said = [&](const std::vector<std::string>& witnesses) {
    return report(fixture.proof(witnesses), {.log_key = fixture.key, .policy = two});
  };
  check(said({}), EvidenceVerdict::fail, Step::cosignatures, "0 of 3 witnesses cosigned: the quorum is not met");
  check(said({"w2"}), EvidenceVerdict::fail, Step::cosignatures, "1 of 3 witnesses cosigned: the quorum is not met");
  check(said({"w2", "w2"}), EvidenceVerdict::fail, Step::cosignatures,
        "1 of 3 witnesses cosigned: the quorum is not met");
  check(said({"w2", "stranger", "another"}), EvidenceVerdict::fail, Step::cosignatures,
        "1 of 3 witnesses cosigned: the quorum is not met");
  check_pass(said({"w2", "stranger", "w3"}));
  check_pass(said({"w3", "w1", "w2"}));
  check_pass(report(fixture.proof(), {.log_key = fixture.key, .policy = "quorum none\n"}));
}

TEST_CASE("A false cosignature of a known witness fails, whoever else cosigned") {
  Fixture fixture;
  merkle::Note note = merkle::Note::parse(fixture.log.checkpoint({"w1", "w2", "w3"})).value();
  note.signatures[2].bytes.back() = static_cast<char>(note.signatures[2].bytes.back() ^ 1);
  const EvidenceReport said = report(fixture.log.proof(5, note.write().value()).write().value(),
                                     {.log_key = fixture.key, .policy = policy_of("any", {"w1", "w2", "w3"})});
  check(said, EvidenceVerdict::fail, Step::cosignatures, "a signature does not verify");
  CHECK(said.cosignatures.size() == 2);
}

TEST_CASE("A policy's logs stand in for the log's key, and bind it where both are given") {
  Fixture fixture;
  const std::string ours = "log " + fixture.key + "\n";
  const std::string others = "log " + vkey_of_log("other.example/2") + "\n";
  check_pass(report(fixture.proof(), {.policy = others + ours + "quorum none\n"}));
  check_pass(report(fixture.proof(), {.log_key = fixture.key, .policy = others + ours + "quorum none\n"}));
  check(report(fixture.proof(), {.log_key = fixture.key, .policy = others + "quorum none\n"}), EvidenceVerdict::fail,
        Step::log_signature, "the policy does not list the log's key");
  check(report(fixture.proof(), {.policy = others + "quorum none\n"}), EvidenceVerdict::fail, Step::log_signature,
        "the checkpoint is another log's");
  check(report(fixture.proof(), {.log_key = vkey_of_log("other.example/2"), .policy = others + ours + "quorum none\n"}),
        EvidenceVerdict::fail, Step::log_signature, "the checkpoint is another log's");
  // After a change of the log's key, either may have signed; but neither falsely.
  const auto next = merkle::NoteSigner::make(test::log_name, test::key_of("next")).value();
  const std::string both = ours + "log " + next.verifier_key().write() + "\nquorum none\n";
  merkle::Note note = merkle::Note::parse(fixture.log.checkpoint()).value();
  check_pass(report(fixture.proof(), {.policy = both}));
  note.signatures.push_back(next.sign(note.text + "x\n"));
  check(report(fixture.log.proof(5, note.write().value()).write().value(), {.policy = both}), EvidenceVerdict::fail,
        Step::log_signature, "a signature does not verify");
}

TEST_CASE("What the caller holds is compared, each by itself") {
  Fixture fixture;
  const std::string proof = fixture.proof();
  const auto finding = [&](const EvidenceHeld& held, EvidenceStep step) {
    const EvidenceReport said = report(proof, {.log_key = fixture.key}, held);
    const Finding found = said.at(step).finding;
    CHECK(said.verdict == (found == Finding::passed ? EvidenceVerdict::pass : EvidenceVerdict::fail));
    CHECK((found == Finding::passed || said.step == step));
    for (std::size_t i = 4; i < evidence_steps; ++i)
      if (i != static_cast<std::size_t>(step)) CHECK(said.checks[i].finding == Finding::not_asked);
    return found;
  };
  const std::string other_hex(64, 'a');
  CHECK(finding({.exec_id = fixture.entry.exec_id}, Step::exec_id) == Finding::passed);
  CHECK(finding({.exec_id = other_hex}, Step::exec_id) == Finding::failed);
  CHECK(finding({.exec_id = ""}, Step::exec_id) == Finding::failed);
  CHECK(finding({.action = "echo"}, Step::action) == Finding::passed);
  CHECK(finding({.action = "Echo"}, Step::action) == Finding::failed);
  CHECK(finding({.nonce = fixture.entry.nonce}, Step::nonce) == Finding::passed);
  CHECK(finding({.nonce = "nonce-0"}, Step::nonce) == Finding::failed);
  CHECK(finding({.tenant = "acme"}, Step::tenant) == Finding::passed);
  CHECK(finding({.tenant = "default"}, Step::tenant) == Finding::failed);
  CHECK(finding({.receipt = fixture.entry.receipt}, Step::receipt) == Finding::passed);
  CHECK(finding({.receipt = other_hex}, Step::receipt) == Finding::failed);

  for (const char* same : {R"({"a":[1,2.5,"é"],"b":null})", R"( { "b" : null, "a" : [ 1.0, 25e-1, "\u00e9" ] } )",
                           R"("{\"a\":[1,2.5,\"é\"],\"b\":null}")"})
    CHECK(finding({.payload = same}, Step::payload) == Finding::passed);
  for (const char* other : {"", "{}", "null", R"({"a":[1,2.5,"e"],"b":null})", R"({"a":[1,2.5,"é"]})", "[]", "{", "x",
                            R"({"a":[1,2.5,"é"],"b":null}x)", R"({"a":[1,2.5,"é"],"b":null,"b":null})"})
    CHECK(finding({.payload = other}, Step::payload) == Finding::failed);

  for (const char* same : {R"({"echo":{"x":1}})", " {\"echo\": {\"x\": 1}}\n"})
    CHECK(finding({.result = same}, Step::result) == Finding::passed);
  for (const char* other : {"", "null", R"({"echo":{"x":2}})", R"({"error":"in_doubt"})", "{"})
    CHECK(finding({.result = other}, Step::result) == Finding::failed);

  for (const char* same : {R"({"approval_id":"x","signature":"y"})", R"({"signature":"y", "approval_id":"x"})"})
    CHECK(finding({.approval = same}, Step::approval) == Finding::passed);
  for (const char* other : {"", "null", R"({"approval_id":"x","signature":"z"})", "{"})
    CHECK(finding({.approval = other}, Step::approval) == Finding::failed);
}

TEST_CASE("An absent payload is the empty one, as in a request") {
  Entry entry = real_entry();
  const auto proposal = Proposal::parse({entry.action, {}, entry.nonce, {}}, entry.tenant);
  entry.exec_id = to_hex(exec::exec_id(*proposal, *jcs_sha256()));
  entry.request_hash = exec::request_hash(*proposal, *jcs_sha256());
  SignedLog log;
  log.append(entry.to_json());
  for (const char* same : {"", "null", "{}", " { } ", "\"{}\""})
    check_pass(report(log.proof(0, log.checkpoint()).write().value(), {.log_key = vkey_of_log()}, {.payload = same}));
}

TEST_CASE("An exec_id that is not that of the request fails the payload that it claims") {
  Entry entry = real_entry();
  entry.tenant = "other";  // the request hash does not cover it
  SignedLog log;
  log.append(entry.to_json());
  check(report(log.proof(0, log.checkpoint()).write().value(), {.log_key = vkey_of_log()}, {.payload = payload}),
        EvidenceVerdict::fail, Step::payload,
        "the entry's exec_id is not that of its action, nonce and tenant with this payload");
}

TEST_CASE("What the entry names none of leaves the answer incomplete") {
  Entry entry = real_entry();
  entry.verdict = Verdict::refused;
  entry.effect = Effect::none;
  entry.code = Code::malformed_request;
  entry.exec_id = entry.action = entry.nonce = "";
  entry.approval.reset();
  entry.result_hash.reset();
  SignedLog log;
  log.append(entry.to_json());
  const std::string proof = log.proof(0, log.checkpoint()).write().value();
  const std::string key = vkey_of_log();
  const std::vector<std::pair<EvidenceHeld, EvidenceStep>> asked{{{.exec_id = entry.receipt}, Step::exec_id},
                                                                 {{.action = "echo"}, Step::action},
                                                                 {{.nonce = "n"}, Step::nonce},
                                                                 {{.payload = payload}, Step::payload},
                                                                 {{.result = result}, Step::result},
                                                                 {{.approval = approval}, Step::approval}};
  for (const auto& [held, step] : asked)
    check(report(proof, {.log_key = key}, held), EvidenceVerdict::incomplete, step, "the entry has no such member");
  check_pass(report(proof, {.log_key = key}, {.tenant = "acme", .receipt = entry.receipt}));
  // Of two steps, the first incomplete one is named; what failed outranks both.
  check(report(proof, {.log_key = key}, {.action = "echo", .result = result}), EvidenceVerdict::incomplete,
        Step::action, "the entry has no such member");
  check(report(proof, {.log_key = key}, {.action = "echo", .tenant = "other"}), EvidenceVerdict::fail, Step::tenant,
        "not the one that the entry names");
  check(report(proof, {}, {.tenant = "other"}), EvidenceVerdict::fail, Step::tenant,
        "not the one that the entry names");
}

TEST_CASE("A key or a policy that is malformed is the caller's mistake, and no verdict") {
  Fixture fixture;
  const std::string proof = fixture.proof();
  const std::string witness = test::witness_named("w1").verifier_key().write();
  for (const std::string& key : {std::string(), std::string("x"), fixture.key + "\n", witness})
    CHECK(verify_evidence(proof, {.log_key = key}).code() == Code::invalid_argument);
  for (const char* policy : {"", "quorum none", "quorum w1\n", "log x\nquorum none\n"})
    CHECK(verify_evidence(proof, {.log_key = fixture.key, .policy = policy}).code() == Code::invalid_argument);
}

TEST_CASE("A detail repeats nothing of what the caller holds or the entry says") {
  Fixture fixture;
  const EvidenceReport said = report(fixture.proof(), {.log_key = fixture.key},
                                     {.exec_id = "s3cret",
                                      .action = "s3cret",
                                      .nonce = "s3cret",
                                      .tenant = "s3cret",
                                      .payload = R"({"s3cret":s3cret})",
                                      .result = "[\"s3cret\"",
                                      .receipt = "s3cret",
                                      .approval = "s3cret"});
  for (std::size_t i = 5; i < evidence_steps; ++i) {
    CHECK(said.checks[i].finding == Finding::failed);
    CHECK(said.checks[i].detail.find("s3cret") == std::string::npos);
    CHECK(said.checks[i].detail.find("echo") == std::string::npos);
  }
}

TEST_CASE("The same arguments give the same report") {
  Fixture fixture;
  const std::string proof = fixture.proof({"w1"});
  const std::string policy = policy_of("any", {"w1", "w2"});
  const EvidenceReport first = report(proof, {.log_key = fixture.key, .policy = policy}, {.result = result});
  for (int i = 0; i < 3; ++i) {
    const EvidenceReport again = report(proof, {.log_key = fixture.key, .policy = policy}, {.result = result});
    CHECK(again.verdict == first.verdict);
    CHECK(again.root == first.root);
    for (std::size_t step = 0; step < evidence_steps; ++step)
      CHECK(again.checks[step].finding == first.checks[step].finding);
  }
}
