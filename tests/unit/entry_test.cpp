// SPDX-License-Identifier: Apache-2.0
// Entries, read back: Entry::from_json.
#include <array>
#include <openexec/receipt.hpp>
#include <string>
#include <vector>

#include "canon/json.hpp"
#include "support/catch.hpp"
#include "support/evidence.hpp"

using namespace openexec;

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

void check_reads_back(const Entry& entry) {
  const std::string text = entry.to_json();
  INFO(text);
  const auto read = Entry::from_json(text);
  REQUIRE(read.ok());
  CHECK(read->to_json() == text);
  CHECK(read->version == entry.version);
  CHECK(read->verdict == entry.verdict);
  CHECK(read->code == entry.code);
  CHECK(read->effect == entry.effect);
  CHECK(read->exec_id == entry.exec_id);
  CHECK(read->nonce == entry.nonce);
  CHECK(read->request_hash == entry.request_hash);
  CHECK(read->result_hash == entry.result_hash);
  CHECK(read->observed_at == entry.observed_at);
  CHECK(read->prior == entry.prior);
  CHECK(read->count == entry.count);
  CHECK(read->approval.has_value() == entry.approval.has_value());
}

void check_refused(const std::string& text, const std::string& why) {
  INFO(text);
  const auto read = Entry::from_json(text);
  REQUIRE(read.code() == Code::invalid_argument);
  CHECK(read.status().detail().find(why) != std::string::npos);
}

Entry malformed() {
  Entry entry = test::executed();
  entry.verdict = Verdict::refused;
  entry.effect = Effect::none;
  entry.code = Code::malformed_request;
  entry.exec_id = entry.action = entry.nonce = "";
  entry.approval.reset();
  entry.result_hash.reset();
  return entry;
}

Entry suppressed() {
  Entry entry = malformed();
  entry.verdict = Verdict::suppressed;
  entry.code = Code::overloaded;
  entry.request_hash = Digest{};
  entry.count = 41;
  return entry;
}

Entry control() {
  Entry entry = malformed();
  entry.verdict = Verdict::control;
  entry.code = Code::ok;
  entry.request_hash = Digest{};
  entry.control = ControlNote{"halt", "", "", "alice", "because"};
  return entry;
}

}  // namespace

TEST_CASE("Every kind of entry reads back as it was written") {
  check_reads_back(test::executed());
  check_reads_back(malformed());
  check_reads_back(suppressed());
  Entry entry = test::executed();
  entry.prior = 0;
  check_reads_back(entry);
  entry.prior = (std::uint64_t{1} << 53) - 1;
  check_reads_back(entry);
  entry.approval->id.clear();
  entry.approval->keys.clear();
  check_reads_back(entry);
  entry.approval.reset();
  entry.executor.clear();
  entry.nonce = "\"\\\u00e9\u4e2d\xf0\x9f\x8c\x8d /";
  check_reads_back(entry);
}

TEST_CASE("What an approval says besides is in its note, where it says it, and nowhere else") {
  Entry entry = test::executed();
  const std::string plain = entry.to_json();
  entry.approval->step = 0;
  entry.approval->trace_id = "t \"1\"";
  entry.approval->request_id = "r-1";
  entry.approval->approval_scope = "once";
  check_reads_back(entry);
  const auto read = Entry::from_json(entry.to_json());
  REQUIRE(read.ok());
  CHECK(read->approval->step == 0U);
  CHECK(read->approval->trace_id == "t \"1\"");
  CHECK(read->approval->request_id == "r-1");
  CHECK(read->approval->approval_scope == "once");
  entry.approval->step.reset();
  entry.approval->trace_id = entry.approval->request_id = entry.approval->approval_scope = "";
  CHECK(entry.to_json() == plain);
  check_refused(replaced(plain, R"("profile":"clawshield-v1")", R"("profile":"clawshield-v1","trace_id":"")"),
                "one form");
  check_refused(replaced(plain, R"("profile":"clawshield-v1")", R"("profile":"clawshield-v1","step":4294967296)"),
                "approval: not");
  check_refused(replaced(plain, R"("profile":"clawshield-v1")", R"("profile":"clawshield-v1","other":"x")"),
                "one form");
}

TEST_CASE("An entry of a control says which order, whom it concerns, who gave it and why") {
  for (const ControlNote& note :
       {ControlNote{"halt", "", "", "alice", "a \"bug\""}, ControlNote{"resume", "", "acme", "bob", "mended"},
        ControlNote{"revoke_approval", "a-1", "", "alice", "wrong"},
        ControlNote{"revoke_key", "k", "acme", "b", "lost"}}) {
    Entry entry = control();
    entry.control = note;
    check_reads_back(entry);
    const auto read = Entry::from_json(entry.to_json());
    REQUIRE(read.ok());
    CHECK(read->control->kind == note.kind);
    CHECK(read->control->id == note.id);
    CHECK(read->control->tenant == note.tenant);
    CHECK(read->control->who == note.who);
    CHECK(read->control->why == note.why);
  }
  const std::string text = control().to_json();
  check_refused(replaced(text, R"("kind":"halt")", R"("kind":"stop")"), "control: not an order");
  check_refused(replaced(text, R"({"id":null)", R"({"id":"a-1")"), "control: not an order");
  check_refused(replaced(text, R"("kind":"halt")", R"("kind":"revoke_key")"), "control: not an order");
  check_refused(replaced(text, R"("who":"alice",)", ""), "control: not an order");
  check_refused(replaced(text, R"("verdict":"control")", R"("verdict":"refused")"), "control: has no place");
}

TEST_CASE("An entry of version 1 reads back in its own bytes, and has no member of version 2") {
  for (Entry entry : {test::executed(), malformed(), suppressed(), control()}) {
    const std::string second = entry.to_json();
    entry.version = 1;
    const std::string first = entry.to_json();
    CHECK(first == replaced(second, R"("version":2)", R"("version":1)"));  // an ordinary entry does not grow
    check_reads_back(entry);
    for (const std::string& member :
         {std::string(R"("attempt":2)"), std::string(R"("epoch":1)"), R"("instance":")" + std::string(32, 'a') + "\"",
          R"("proposal":")" + std::string(64, 'a') + "\"", std::string(R"("result_form":"text")"),
          R"("session":")" + std::string(64, 'a') + "\"", std::string(R"("trusted_at":"2026-03-01T12:00:00.000000Z")")})
      check_refused(replaced(first, R"(,"code")", "," + member + R"(,"code")"), "has no place");
    entry.attempt = 2;
    entry.result_form = ResultForm::bytes;
    entry.instance = std::string(32, 'a');
    entry.epoch = 7;
    entry.proposal = entry.session = test::leaf(9);
    entry.trusted_at = entry.observed_at;
    CHECK(entry.to_json() == first);
  }
  Entry adopted = control();
  adopted.control = ControlNote{"adopt", "", "", "alice", "because", adopted.observed_at};
  check_reads_back(adopted);
  check_refused(replaced(adopted.to_json(), R"("version":2)", R"("version":1)"), "control: not an order");
}

TEST_CASE("What version 2 adds reads back where it says something, and has no other text") {
  Entry entry = test::executed();
  const std::string plain = entry.to_json();
  entry.attempt = 4'294'967'295U;
  entry.result_form = ResultForm::text;
  entry.instance = "0123456789abcdef0123456789abcdef";
  entry.epoch = 1;
  entry.proposal = test::leaf(7);
  entry.session = test::leaf(8);
  entry.trusted_at = entry.observed_at;
  check_reads_back(entry);
  const auto read = Entry::from_json(entry.to_json());
  REQUIRE(read.ok());
  CHECK(read->attempt == entry.attempt);
  CHECK(read->result_form == entry.result_form);
  CHECK(read->instance == entry.instance);
  CHECK(read->epoch == entry.epoch);
  CHECK(read->proposal == entry.proposal);
  CHECK(read->session == entry.session);
  CHECK(read->trusted_at == entry.trusted_at);
  for (const auto& [member, fault] :
       std::vector<std::array<std::string, 2>>{{R"("attempt":1)", "attempt: not"},
                                               {R"("result_form":"json")", "result_form: neither"},
                                               {R"("epoch":1)", "instance, epoch: together"},
                                               {R"("epoch":0)", "epoch: not"}})
    check_refused(replaced(plain, R"(,"code")", "," + member + R"(,"code")"), fault);
}

TEST_CASE("A settlement by a person is the entry that settles, with the order in it") {
  Entry entry = test::executed();
  entry.prior = 3;
  entry.control = ControlNote{"settle", "", "", "alice", "the bank says so"};
  for (const Verdict verdict : {Verdict::executed, Verdict::failed, Verdict::in_doubt}) {
    entry.verdict = verdict;
    check_reads_back(entry);
    const auto read = Entry::from_json(entry.to_json());
    REQUIRE(read.ok());
    REQUIRE(read->control.has_value());
    CHECK(read->control->who == "alice");
  }
  const std::string text = entry.to_json();
  check_refused(replaced(text, R"("verdict":"in_doubt")", R"("verdict":"replayed")"), "control: has no place");
  check_refused(replaced(text, R"("verdict":"in_doubt")", R"("verdict":"control")"), "a control names no execution");
  check_refused(replaced(text, R"("kind":"settle")", R"("kind":"halt")"), "control: a settlement has the verdict");
  check_refused(replaced(text, R"("prior":3)", R"("prior":null)"), "control: a settlement names");
  check_refused(replaced(control().to_json(), R"("kind":"halt")", R"("kind":"settle")"), "control: a settlement has");
}

TEST_CASE("A suppressed entry stands for refusals, or for the replays of one execution") {
  Entry entry = test::executed();
  entry.verdict = Verdict::suppressed;
  entry.count = 41;
  entry.prior = 7;
  check_reads_back(entry);
  const std::string text = entry.to_json();
  check_refused(replaced(text, R"("count":41)", R"("count":0)"), "count: an entry that stands for nothing");
  check_refused(replaced(text, R"("code":"ok")", R"("code":"overloaded")"), "code: refusals");
  check_refused(replaced(suppressed().to_json(), R"("overloaded")", R"("ok")"), "code: refusals");
  check_refused(replaced(suppressed().to_json(), R"("prior":null)", R"("prior":0)"), "prior: of no execution");
}

TEST_CASE("Every verdict, effect and code that has a name reads back") {
  std::size_t verdicts = 0;
  for (int number = 0; number < 256; ++number) {
    Entry entry = test::executed();
    entry.verdict = static_cast<Verdict>(number);
    if (name(entry.verdict) == "unknown") continue;
    if (entry.verdict == Verdict::control) entry = control();
    if (entry.verdict == Verdict::suppressed) entry.count = 1;
    check_reads_back(entry);
    ++verdicts;
  }
  CHECK(verdicts >= 7);
  for (const Effect effect : {Effect::none, Effect::confirmed, Effect::unknown}) {
    Entry entry = test::executed();
    entry.effect = effect;
    check_reads_back(entry);
  }
  for (const CodeInfo& info : all_codes()) {
    Entry entry = test::executed();
    entry.code = info.code;
    check_reads_back(entry);
  }
}

TEST_CASE("An entry without one of its members, or with another, is refused") {
  for (const std::string& text : {test::executed().to_json(), suppressed().to_json(), control().to_json()}) {
    const auto document = canon::parse(text);
    REQUIRE(document.ok());
    check_refused(replaced(text, "{\"action\"", "{\"attempt\":1,\"action\""), "attempt: not the number");
    for (const auto [name, value] : document->root()) {
      std::string member = "\"" + std::string(name) + "\":" + canon::jcs(value);
      const bool last = text.find(member + "}") != std::string::npos;
      check_refused(replaced(text, last ? "," + member : member + ",", ""), std::string(name) + ": missing");
      check_refused(replaced(text, member, "\"" + std::string(name) + "\":[]"),
                    "entry: " + std::string(name) + ": not");
      check_refused(replaced(text, member, member + "," + member), "duplicate key");
    }
    check_refused(replaced(text, "{\"action\"", "{\"aaa\":1,\"action\""), "not in the one form");
    check_refused(replaced(text, "\"version\":2}", "\"version\":2,\"zzz\":null}"), "not in the one form");
  }
  check_refused(replaced(test::executed().to_json(), "\"effect\"", "\"count\":1,\"effect\""), "count: has no place");
  check_refused(replaced(suppressed().to_json(), "\"count\":41,", ""), "count: missing");
}

TEST_CASE("Another spelling of the same entry is refused") {
  const std::string text = test::executed().to_json();
  REQUIRE(Entry::from_json(text).ok());
  for (const std::string& other :
       {text + " ", " " + text, text + "\n", replaced(text, "\"action\":", "\"action\": "),
        replaced(text, "echo", "\\u0065cho"), replaced(text, "\u00e9", "\\u00e9"),
        replaced(text, "\"version\":2", "\"version\":2.0"), replaced(text, "\"prior\":null", "\"prior\":-0"),
        replaced(text, ".000001Z", ".000001+00:00"), replaced(text, "12:00:00.000001Z", "13:00:00.000001+01:00"),
        replaced(text, "\"version\":2}", "\"version\":2,\"version\":2}")})
    CHECK(Entry::from_json(other).code() == Code::invalid_argument);
  // The first two members, the other way round.
  const std::size_t approval = text.find("\"approval\""), code = text.find("\"code\"");
  check_refused("{" + text.substr(approval, code - approval) + text.substr(1, approval - 1) + text.substr(code),
                "not in the one form");
}

TEST_CASE("Each member is of its own type, and within its own bounds") {
  const std::string text = test::executed().to_json();
  const std::string hex(64, '0');
  const std::vector<std::array<std::string, 3>> changes{
      {"\"action\":\"echo\"", "\"action\":\"e cho\"", "action"},
      {"\"action\":\"echo\"", "\"action\":\"\"", "action"},
      {"\"action\":\"echo\"", "\"action\":1", "action"},
      {"\"action\":\"echo\"", "\"action\":null", "null together or not at all"},
      {"\"nonce\":\"", "\"nonce\":\"\\u0007", "nonce"},
      {"\"nonce\":\"nonce-0 \u00e9\"", "\"nonce\":null", "null together or not at all"},
      {"\"code\":\"ok\"", "\"code\":\"okay\"", "code"},
      {"\"code\":\"ok\"", "\"code\":0", "code"},
      {"\"verdict\":\"executed\"", "\"verdict\":\"unknown\"", "verdict"},
      {"\"verdict\":\"executed\"", "\"verdict\":\"Executed\"", "verdict"},
      {"\"verdict\":\"executed\"", "\"verdict\":\"suppressed\"", "count: missing"},
      {"\"verdict\":\"executed\"", "\"verdict\":\"control\"", "control: missing"},
      {"\"effect\":\"confirmed\"", "\"effect\":\"\"", "effect"},
      {"\"version\":2", "\"version\":3", "version"},
      {"\"version\":2", "\"version\":\"1\"", "version"},
      {"\"prior\":null", "\"prior\":-1", "prior"},
      {"\"prior\":null", "\"prior\":1.5", "prior"},
      {"\"prior\":null", "\"prior\":\"1\"", "prior"},
      {"\"prior\":null", "\"prior\":9007199254740993", "2^53"},
      {"\"prior\":null", "\"prior\":9007199254740992", "prior"},  // a double, and no index
      {"\"observed_at\":\"2026-03-01", "\"observed_at\":\"2026-02-30", "observed_at"},
      {"\"executor\":\"executor-1\"", "\"executor\":null", "executor"},
      {"\"tenant\":\"acme\"", "\"tenant\":null", "tenant"},
      {"\"exec_id\":\"", "\"exec_id\":\"0", "exec_id"},
      {"\"exec_id\":\"", "\"exec_id\":\"A", "exec_id"},
      {"\"receipt\":\"", "\"receipt\":\"0", "receipt"},
      {"\"request_hash\":\"", "\"request_hash\":\"g", "request_hash"},
      {"\"result_hash\":\"" + to_hex(test::leaf(3)), "\"result_hash\":\"" + hex, "not in the one form"},
      {"\"request_hash\":\"" + to_hex(test::leaf(1)), "\"request_hash\":\"" + hex, "not in the one form"},
      {"\"keys\":[\"a\",\"b\"]", "\"keys\":[\"b\",\"a\"]", "approval"},
      {"\"keys\":[\"a\",\"b\"]", "\"keys\":[\"a\",\"a\"]", "approval"},
      {"\"keys\":[\"a\",\"b\"]", "\"keys\":[1]", "approval"},
      {"\"keys\":[\"a\",\"b\"]", "\"keys\":[[\"a\"]]", "deep"},
      {"\"keys\":[\"a\",\"b\"]", "\"keys\":{}", "approval"},
      {"\"profile\":\"clawshield-v1\"", "\"profile\":null", "approval"},
      {"\"profile\":\"clawshield-v1\"", "\"profile\":\"clawshield-v1\",\"zzz\":1", "not in the one form"},
      {"\"id\":\"04f8", "\"id\":\"\",\"was\":\"04f8", "not in the one form"},
  };
  for (const auto& [what, by, why] : changes) check_refused(replaced(text, what, by), why);
}

TEST_CASE("What is not an entry at all is refused") {
  for (const char* text : {"", "null", "[]", "{}", "1", "\"x\"", "{", "hello"})
    CHECK(Entry::from_json(text).code() == Code::invalid_argument);
  CHECK(Entry::from_json(std::string(65'536, ' ')).code() == Code::invalid_argument);
  CHECK(Entry::from_json(std::string(60'000, '[')).code() == Code::invalid_argument);
}

TEST_CASE("A detail repeats nothing of an entry") {
  std::string text = test::executed().to_json();
  text = replaced(text, "nonce-0", "s3cret\\u0007");
  const auto read = Entry::from_json(text);
  CHECK(read.status().detail().find("s3cret") == std::string::npos);
}
