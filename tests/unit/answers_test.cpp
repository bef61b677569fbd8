// SPDX-License-Identifier: Apache-2.0
// What an answer says happened: results of every form, details that replays keep, and what a model is told.
#include <algorithm>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <openexec/openexec.hpp>

#include "base/text.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

/// Remembers no outcome of its own, so that each replay reads the store.
struct House {
  explicit House(Handler handler, std::size_t most = std::size_t{1} << 20,
                 std::shared_ptr<Ledger> with = memory_ledger())
      : handler_(std::move(handler)), most_(most), ledger(std::move(with)) {
    restart();
  }
  void restart() {
    HandlerTable table;
    REQUIRE(table.add("act", handler_).ok());
    Config config;
    config.limits.max_result_bytes = most_;
    executor.reset();
    executor.emplace(assemble({.store = ledger, .log = nullptr, .verifier = std::make_shared<DemoVerifier>()},
                              std::move(table), config));
  }
  Outcome run(std::string_view nonce = "n") {
    return executor->execute({.action = "act", .payload = "{}", .nonce = nonce});
  }
  [[nodiscard]] Entry entry(const Outcome& outcome) const { return Entry::from_json(outcome.entry).value(); }

 private:
  Handler handler_;
  std::size_t most_;

 public:
  std::shared_ptr<Ledger> ledger;
  std::optional<Executor> executor;
};

void check_same_answer(const Outcome& again, const Outcome& first) {
  CHECK(again.replayed);
  CHECK(again.code == first.code);
  CHECK(again.effect == first.effect);
  CHECK(again.result == first.result);
  CHECK(again.receipt == first.receipt);
  CHECK(again.detail == first.detail);
  CHECK(again.result_form == first.result_form);
  CHECK(again.result_hash == first.result_hash);
}

Digest hash_of(const std::string& result) {
  return crypto::sha256(
      canon::jcs(canon::parse(result, {.max_bytes = result.size(), .max_depth = 128}).value().root()));
}

/// A ledger file that each start opens again.
std::shared_ptr<Ledger> opened(const std::string& path) { return sqlite_ledger(path).value(); }

struct Said {
  std::string output;
  std::string result;
  ResultForm form;
};

const std::vector<Said> all_said{
    {R"({"b":1.0,"a":[]})", R"({"a": [], "b": 1.0})", ResultForm::json},
    {"10000000000000000", "10000000000000000", ResultForm::json},
    {R"({"text": "mine"})", R"({"text": "mine"})", ResultForm::json},
    {"\"a\\nb\"", "\"a\\nb\"", ResultForm::json},
    {"", R"({"text": ""})", ResultForm::text},
    {"{", R"({"text": "{"})", ResultForm::text},
    {R"({"a":1,"a":2})", R"x({"text": "{\"a\":1,\"a\":2}"})x", ResultForm::text},
    {R"({"id":9007199254740993})", R"x({"text": "{\"id\":9007199254740993}"})x", ResultForm::text},
    {R"({"total": NaN})", R"x({"text": "{\"total\": NaN}"})x", ResultForm::text},
    {"done\n{\"id\":7}\n", R"x({"text": "done\n{\"id\":7}\n"})x", ResultForm::text},
    {std::string("\0", 1), R"({"text": "\u0000"})", ResultForm::text},
    {"\xef\xbb\xbf{}", R"({"text": "\ufeff{}"})", ResultForm::text},
    {"h\xc3\xa9", R"({"text": "h\u00e9"})", ResultForm::text},
    {std::string("\xff\0", 2), R"({"base64": "/wA="})", ResultForm::bytes},
    {"{\"a\":\"\xed\xa0\x80\"}", R"({"base64": "eyJhIjoi7aCAIn0="})", ResultForm::bytes},
};

}  // namespace

TEST_CASE("Whatever a handler says after its effect is kept whole, and it executed") {
  const TemporaryFolder folder;
  for (const bool on_disk : {false, true}) {
    std::size_t next = 0;
    const auto ledger = on_disk ? opened(folder.file("l.db")) : memory_ledger();
    House house([&](const Invocation&) { return HandlerResult::result(all_said[next].output); }, 1U << 20, ledger);
    std::vector<Outcome> firsts;
    for (; next < all_said.size(); ++next) {
      const Said& said = all_said[next];
      CAPTURE(said.result);
      const Outcome outcome = house.run(std::to_string(next));
      CHECK(outcome.code == Code::ok);
      CHECK(outcome.verdict == Verdict::executed);
      CHECK(outcome.effect == Effect::confirmed);
      CHECK(outcome.detail.empty());
      CHECK(outcome.result == said.result);
      CHECK(outcome.result_form == said.form);
      CHECK(outcome.result_hash == hash_of(outcome.result));
      CHECK(house.entry(outcome).result_form == said.form);
      CHECK(house.entry(outcome).result_hash == outcome.result_hash);
      CHECK(verify_receipt(outcome.exec_id, outcome.result, outcome.receipt).ok());
      check_same_answer(house.run(std::to_string(next)), outcome);
      firsts.push_back(outcome);
    }
    house.restart();  // nothing is remembered: replays are read from the store
    for (std::size_t i = 0; i < firsts.size(); ++i) {
      const Outcome again = house.run(std::to_string(i));
      check_same_answer(again, firsts[i]);
      CHECK(house.entry(again).result_form == all_said[i].form);
    }
  }
}

TEST_CASE("Any bytes that a handler says come back out of the result") {
  std::mt19937 random(20261130);
  const std::vector<std::string> pieces{"{",           "}",
                                        "\"",          "\\",
                                        "a",           ":",
                                        "1",           "\n",
                                        " ",           std::string("\0", 1),
                                        "\xc3\xa9",    "\xf0\x9f\x98\x80",
                                        "\xff",        "\xed\xa0\x80",
                                        "[",           "]",
                                        ",",           "NaN",
                                        "1e400",       "\x7f",
                                        "\xef\xbb\xbf"};
  std::string said;
  House house([&](const Invocation&) { return HandlerResult::result(said); });
  for (int round = 0; round < 400; ++round) {
    said.clear();
    for (std::size_t count = random() % 12; count > 0; --count) said += pieces[random() % pieces.size()];
    const Outcome outcome = house.run("r" + std::to_string(round));
    CAPTURE(round, outcome.result);
    REQUIRE(outcome.ok());
    REQUIRE(verify_receipt(outcome.exec_id, outcome.result, outcome.receipt).ok());
    const auto document = canon::parse(outcome.result);
    REQUIRE(document.ok());
    if (outcome.result_form == ResultForm::json) {
      REQUIRE(canon::display(canon::parse(said).value().root()) == outcome.result);
    } else {
      REQUIRE_FALSE(canon::parse(said).ok());
      const bool text = outcome.result_form == ResultForm::text;
      const std::string carried(document->root().find(text ? "text" : "base64")->string());
      REQUIRE(base::is_utf8(said) == text);
      REQUIRE((text ? carried : base::unbase64(carried).value()) == said);
    }
    check_same_answer(house.run("r" + std::to_string(round)), outcome);
  }
}

TEST_CASE("Of output over the limit the beginning, the length and the hash are kept, and it executed") {
  struct Case {
    std::string output;
    std::string carried;
    ResultForm form;
  };
  for (const Case& c :
       {Case{R"({"big":"0123456789"})", R"x("text": "{\"big\":\"01")x", ResultForm::text},
        Case{"12345678\xc3\xa9xyz", R"x("text": "12345678\u00e9")x", ResultForm::text},
        Case{"123456789\xc3\xa9xyz", R"x("text": "123456789")x", ResultForm::text},  // not half a character
        Case{"1\xff"
             "23456789abc",
             R"x("base64": "Mf8yMzQ1Njc4OQ==")x", ResultForm::bytes}}) {
    CAPTURE(c.carried);
    House house([&](const Invocation&) { return HandlerResult::result(c.output); }, 10);
    const Outcome outcome = house.run();
    CHECK(outcome.code == Code::ok);
    CHECK(outcome.effect == Effect::confirmed);
    CHECK(outcome.result_form == c.form);
    const std::string rest = R"("length": )" + std::to_string(c.output.size()) + R"(, "sha256": ")" +
                             to_hex(crypto::sha256(c.output)) + "\"";
    const bool bytes = c.form == ResultForm::bytes;
    CHECK(outcome.result ==
          "{" + (bytes ? c.carried + ", " + rest : rest + ", " + c.carried) + R"(, "truncated": true})");
    check_same_answer(house.run(), outcome);
    house.restart();
    check_same_answer(house.run(), outcome);
  }
}

TEST_CASE("A handler that kept the beginning of its output says how long the whole was") {
  const std::string whole(5000, 'x');
  House house([&](const Invocation&) { return HandlerResult::beginning("{}", whole.size(), crypto::sha256(whole)); });
  const Outcome outcome = house.run();
  CHECK(outcome.ok());
  CHECK(outcome.result ==
        R"({"length": 5000, "sha256": ")" + to_hex(crypto::sha256(whole)) + R"(", "text": "{}", "truncated": true})");
  House huge([&](const Invocation&) { return HandlerResult::beginning("", ~std::uint64_t{0}, {}); });
  CHECK(huge.run().result.find(R"({"length": 9007199254740991,)") == 0);
}

TEST_CASE("A replay keeps the first attempt's detail, also after a restart, and no log does") {
  const TemporaryFolder folder;
  for (const bool on_disk : {false, true}) {
    for (const HandlerResult& said :
         {HandlerResult::failed("no such mailbox: \"x\"\nline 2", Effect::none), HandlerResult::failed("it broke"),
          HandlerResult::in_doubt("the connection broke")}) {
      const std::string name = std::string(said.text().substr(0, 2)) + ".db";
      House house([&](const Invocation&) { return said; }, 1U << 20,
                  on_disk ? opened(folder.file(name)) : memory_ledger());
      const Outcome first = house.run();
      CHECK(first.detail == said.text());
      CHECK(first.entry.find(said.text().substr(0, 8)) == std::string::npos);
      check_same_answer(house.run(), first);
      house.restart();
      const Outcome again = house.run();
      check_same_answer(again, first);
      CHECK(again.result ==
            (first.code == Code::in_doubt ? R"({"error": "in_doubt"})" : R"({"error": "handler_failed"})"));
    }
  }
}

TEST_CASE("A detail is cut to what can be told: 4,096 bytes of UTF-8") {
  House house([&](const Invocation& call) {
    return HandlerResult::failed(call.exec_id.empty() ? ""
                                                      : std::string(4095, 'x') + "\xc3\xa9" + std::string(5000, 'y'));
  });
  CHECK(house.run().detail == std::string(4095, 'x'));
  House bad([](const Invocation&) { return HandlerResult::failed("bad \xff byte"); });
  CHECK(bad.run().detail == "bad ");
  House worse([](const Invocation&) { return HandlerResult::failed("\xff"); });
  CHECK(worse.run().detail == "an explanation that is not UTF-8");
}

TEST_CASE("What a model is told never calls for a second effect, and is one text for each case") {
  const auto says = [](std::string_view text, std::string_view part) { return text.find(part) != text.npos; };
  const std::vector<Verdict> verdicts{Verdict::refused, Verdict::executed, Verdict::failed, Verdict::replayed,
                                      Verdict::in_doubt};
  std::ostringstream page;
  page << std::ifstream(OPENEXEC_ERRORS_PAGE).rdbuf();
  std::vector<Code> codes{static_cast<Code>(124), static_cast<Code>(999)};  // what a later version may add
  for (const CodeInfo& info : all_codes()) codes.push_back(info.code);
  for (const Code code : codes)
    for (const Verdict verdict : verdicts)
      for (const Effect effect : {Effect::none, Effect::confirmed, Effect::unknown}) {
        const std::string_view text = advice(code, verdict, effect);
        CAPTURE(name(code), name(verdict), name(effect), text);
        CHECK_FALSE(text.empty());
        CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }));
        CHECK(page.str().find("| " + std::string(text) + " |") != std::string::npos);  // docs/errors.md has it
        if (effect == Effect::none) continue;
        // It ran, or may have: nothing that calls it undone, and no word that it may be made again.
        CHECK_FALSE(says(text, "did not run"));
        CHECK_FALSE(says(text, "ran nothing"));
        CHECK_FALSE(says(text, "nothing happened"));
        CHECK_FALSE(says(text, "make a new call."));
        CHECK((says(text, "ot make the call again") || says(text, "Do not make a new call in its place")));
      }
  Outcome again;
  again.code = Code::handler_failed;
  again.verdict = Verdict::failed;
  again.may_retry = true;
  CHECK(says(advice(again), "It may be tried again: send the very same call once more"));
  CHECK(page.str().find("| " + std::string(advice(again)) + " |") != std::string::npos);
  again.effect = Effect::unknown;
  CHECK_FALSE(says(advice(again), "It may be tried again"));
  CHECK(says(advice(Code::ok, Verdict::replayed, Effect::confirmed), "not run again"));
  CHECK(advice(Code::halted, Verdict::refused, Effect::none) ==
        advice(Code::overloaded, Verdict::refused, Effect::none));
  CHECK(advice(Code::handler_failed, Verdict::failed, Effect::none) !=
        advice(Code::handler_failed, Verdict::failed, Effect::unknown));
}
