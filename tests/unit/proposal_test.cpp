// SPDX-License-Identifier: Apache-2.0
// A request's one strict parse, in both of its forms.
#include <string>

#include "approval/proposal.hpp"
#include "crypto/sha256.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"
#include "support/vectors.hpp"

using namespace openexec;

namespace {

Result<Proposal> json(std::string_view text) { return Proposal::parse_json(text, "acme"); }

Result<Proposal> fields(std::string_view payload, std::string_view artifact = {}) {
  return Proposal::parse(Request{"echo", payload, "n-1", artifact}, "acme");
}

std::string body(std::string_view payload) {
  return std::string(R"({"action":"echo","nonce":"n-1","payload":)").append(payload).append("}");
}

std::string nested(std::size_t depth) {
  std::string text = "{\"a\":";
  for (std::size_t i = 1; i < depth; ++i) text += "[";
  text += "1";
  text.append(depth - 1, ']');
  return text + "}";
}

/// The refusal's HTTP status and detail, to compare in one line.
std::string refusal(const Result<Proposal>& result) {
  if (result.ok()) return "accepted";
  if (result.code() != Code::malformed_request) return std::string(name(result.code()));
  return std::to_string(result.status().http()) + " " + result.status().detail();
}

std::string as_json_string(std::string_view text) {
  std::string out;
  canon::append_jcs_string(text, out);
  return out;
}

}  // namespace

TEST_CASE("A request's fields come out as they went in, the payload in its canonical form") {
  const auto proposal =
      json(R"( {"nonce": "n-\u00e9", "payload": {"b": 1.0, "a": [true, null]}, "action": "mail.send/v1:x_-"} )");
  REQUIRE(proposal.ok());
  CHECK(proposal->tenant() == "acme");
  CHECK(proposal->action() == "mail.send/v1:x_-");
  CHECK(proposal->nonce() == "n-\u00e9");
  CHECK(proposal->payload() == R"({"a":[true,null],"b":1})");
  CHECK(proposal->artifact().empty());
  CHECK(proposal->artifact_digest() == Digest{});
}

TEST_CASE("Every way to give one payload gives one proposal") {
  const std::string payload = R"({"b": 1.5, "a": "\u00e9"})";
  const std::string canonical = "{\"a\":\"\u00e9\",\"b\":1.5}";
  const Digest action_hash = json(body(payload))->action_hash();
  for (const auto& proposal : {json(body(payload)), json(body(as_json_string(payload))), fields(payload),
                               fields(as_json_string(payload)), fields(" " + payload + "\n")}) {
    REQUIRE(proposal.ok());
    CHECK(proposal->payload() == canonical);
    CHECK(proposal->action_hash() == action_hash);
    CHECK(proposal->parameters_hash() == crypto::sha256(canonical));
  }
}

TEST_CASE("Absent, null and empty payloads are the empty object") {
  const Digest empty = crypto::sha256(R"({"action":"echo","payload":{}})");
  for (const auto& proposal : {json(R"({"action":"echo","nonce":"n"})"), json(body("null")), json(body("{}")),
                               json(body(R"("{}")")), fields(""), fields("null"), fields("{}"), fields(R"("{ }")")}) {
    REQUIRE(proposal.ok());
    CHECK(proposal->payload() == "{}");
    CHECK(proposal->action_hash() == empty);
    CHECK(proposal->parameters_hash() == crypto::sha256("{}"));
  }
}

TEST_CASE("action_hash is the SHA-256 of the clawshield-v1 form, which keeps 1 and 1.0 apart") {
  const auto proposal = fields(R"({"s": "\u00e9\u2028", "n": 1.0, "to": "a@example.com"})");
  CHECK(proposal->action_hash() ==
        crypto::sha256(R"({"action":"echo","payload":{"n":1.0,"s":"\u00e9\u2028","to":"a@example.com"}})"));
  CHECK(fields(R"({"n":1})")->action_hash() != fields(R"({"n":1.0})")->action_hash());
  CHECK(fields(R"({"n":1})")->parameters_hash() == fields(R"({"n":1.0})")->parameters_hash());
}

TEST_CASE("A payload that is no object is refused, in every form") {
  const std::string rule = "422 payload: must be an object, or a string that holds one";
  for (const char* payload : {"1", "[]", "true", "[{}]", "1.5"}) {
    INFO(payload);
    CHECK(refusal(json(body(payload))) == rule);
    CHECK(refusal(fields(payload)) == rule);
    CHECK(refusal(json(body(as_json_string(payload)))) == "422 payload: a string must hold one JSON object");
    CHECK(refusal(fields(as_json_string(payload))) == "422 payload: a string must hold one JSON object");
  }
  CHECK(refusal(json(body(R"("null")"))) == "422 payload: a string must hold one JSON object");
  CHECK(refusal(json(body(R"("\"{}\"")"))) == "422 payload: a string in a string; encode the object once");
  for (const char* text : {"{", "{} x", "{'a':1}"}) {
    INFO(text);
    CHECK(refusal(json(body(as_json_string(text)))).starts_with("400 payload: "));
  }
  CHECK(refusal(fields("{")).starts_with("400 payload: "));
  CHECK(refusal(fields("{} {}")).starts_with("400 payload: "));
}

TEST_CASE("Every payload of the table has its answer, in each form of a request") {
  const canon::Document table = test::read_json(test::vectors() / "payloads.json");
  for (const auto [unused, row] : test::at(table.root(), "cases")) {
    const std::string text(test::text_at(row, "json"));
    INFO(test::text_at(row, "id"));
    const Result<Proposal> forms[] = {json(text.empty() ? R"({"action":"echo","nonce":"n-1"})" : body(text)),
                                      fields(text)};
    for (const Result<Proposal>& proposal : forms) {
      if (row.find("payload")) {
        REQUIRE(proposal.ok());
        CHECK(proposal->payload() == test::text_at(row, "payload"));
      } else {
        CHECK(proposal.code() == Code::malformed_request);
        CHECK(proposal.status().http() == test::at(row, "http").integer());
      }
    }
  }
  CHECK(fields(" \t\r\n")->payload() == "{}");  // a part that is blank is like one that is absent
}

TEST_CASE("Duplicate keys are refused wherever they are") {
  CHECK(refusal(json(R"({"action":"echo","action":"echo","nonce":"n"})")).starts_with("400 "));
  CHECK(refusal(json(body(R"({"a":{"b":1,"\u0062":2}})"))).starts_with("400 "));
  CHECK(refusal(json(body(as_json_string(R"({"a":1,"a":2})")))).starts_with("400 payload: "));
  CHECK(refusal(fields(R"({"a":1,"a":2})")).starts_with("400 payload: "));
  CHECK(refusal(fields("{}", R"({"a":1,"a":2})")).starts_with("400 approval_artifact: "));
}

TEST_CASE("Missing and mistyped fields are named, with 422") {
  CHECK(refusal(json("[]")) == "422 the request must be a JSON object");
  CHECK(refusal(json("\"x\"")) == "422 the request must be a JSON object");
  CHECK(refusal(json("{}")) == "422 action: missing");
  CHECK(refusal(json(R"({"action":null,"nonce":"n"})")) == "422 action: must be a string");
  CHECK(refusal(json(R"({"action":1,"nonce":"n"})")) == "422 action: must be a string");
  CHECK(refusal(json(R"({"action":"echo"})")) == "422 nonce: missing");
  CHECK(refusal(json(R"({"action":"echo","nonce":null})")) == "422 nonce: must be a string");
  CHECK(refusal(json(R"({"action":"echo","nonce":7})")) == "422 nonce: must be a string");
  for (const char* artifact : {"1", "\"{}\"", "[]", "true"}) {
    CHECK(refusal(json(std::string(R"({"action":"echo","nonce":"n","approval_artifact":)") + artifact + "}")) ==
          "422 approval_artifact: must be an object");
    CHECK(refusal(fields("{}", artifact)) == "422 approval_artifact: must be an object");
  }
}

TEST_CASE("Unknown top-level fields are refused, and a long name is cut") {
  CHECK(refusal(json(R"({"action":"echo","nonce":"n","extra":1})")) == "400 unknown field: \"extra\"");
  CHECK(refusal(json(R"({"action":"echo","nonce":"n","Payload":{}})")) == "400 unknown field: \"Payload\"");
  CHECK(refusal(json(R"({"action":"echo","nonce":"n","\n":1})")) == "400 unknown field: \"\\n\"");
  const std::string wide = std::string(63, 'x') + "\u00e9" + std::string(1000, 'y');
  CHECK(refusal(json(R"({"action":"echo","nonce":"n",")" + wide + R"(":1})")) ==
        "400 unknown field: \"" + std::string(63, 'x') + "\"...");
}

TEST_CASE("Text that is not strict JSON is refused with 400") {
  for (const char* text :
       {"", " ", "{", "{\"action\":\"echo\",}", "{\"action\":\"echo\"} x", "\xef\xbb\xbf{}", "{\"a\":\"\xff\"}",
        "{\"a\":\"\\ud800\"}", "{\"a\":1e999}", "{\"a\":9007199254740993}", "{\"a\":01}", "{\"a\":NaN}"}) {
    INFO(text);
    CHECK(refusal(json(text)).starts_with("400 "));
  }
}

TEST_CASE("Actions and nonces outside their rules are refused in both forms") {
  const auto with_action = [](const std::string& action) {
    const auto a = json(R"({"nonce":"n","action":)" + as_json_string(action) + "}");
    const auto b = Proposal::parse(Request{action, {}, "n", {}}, "acme");
    CHECK(a.ok() == b.ok());
    return b.code();
  };
  CHECK(with_action(std::string(128, 'a')) == Code::ok);
  CHECK(with_action("AZaz09_.:/-") == Code::ok);
  for (const std::string& action : {std::string(), std::string(129, 'a'), std::string("a b"), std::string("\u00e9"),
                                    std::string("a\n"), std::string("a\0b", 3), std::string("a\"b"), std::string("a*")})
    CHECK(with_action(action) == Code::malformed_request);

  const auto with_nonce = [](const std::string& nonce) {
    const auto a = json(R"({"action":"echo","nonce":)" + as_json_string(nonce) + "}");
    const auto b = Proposal::parse(Request{"echo", {}, nonce, {}}, "acme");
    CHECK(a.ok() == b.ok());
    return b.code();
  };
  CHECK(with_nonce(std::string(255, 'n')) == Code::ok);
  CHECK(with_nonce(" \u00e9\U0001f600\"\\ ") == Code::ok);
  for (const std::string& nonce :
       {std::string(), std::string(256, 'n'), std::string("a\nb"), std::string("a\x7f"), std::string("\0", 1)})
    CHECK(with_nonce(nonce) == Code::malformed_request);
  for (const char* nonce : {"\xff", "a\xc0\x80", "\xed\xa0\x80", "\xe2\x82"})
    CHECK(Proposal::parse(Request{"echo", {}, nonce, {}}, "acme").code() == Code::malformed_request);
}

TEST_CASE("A nonce beside the request stands in for an absent one, and must agree with a present one") {
  const std::string without = R"({"action":"echo"})";
  const std::string with = R"({"action":"echo","nonce":"n-1"})";
  CHECK(Proposal::parse_json(without, "acme", {}, "n-2")->nonce() == "n-2");
  CHECK(Proposal::parse_json(with, "acme", {}, "n-1")->nonce() == "n-1");
  CHECK(refusal(Proposal::parse_json(with, "acme", {}, "n-2")) ==
        "400 nonce: differs from the one given beside the request");
  CHECK(refusal(Proposal::parse_json(R"({"action":"echo","nonce":null})", "acme", {}, "n-2")) ==
        "422 nonce: must be a string");
  CHECK(Proposal::parse_json(without, "acme", {}, "").code() == Code::malformed_request);
  CHECK(Proposal::parse_json(without, "acme", {}, "\xff").code() == Code::malformed_request);
}

TEST_CASE("An artifact is kept in canonical form with its digest; null and absent are none") {
  const std::string canonical = R"({"a":"x","b":[1]})";
  for (const auto& proposal : {json(R"({"action":"echo","nonce":"n","approval_artifact":{"b":[1.0],"a":"x"}})"),
                               fields("{}", R"({ "b":[1], "a":"\u0078" })")}) {
    REQUIRE(proposal.ok());
    CHECK(proposal->artifact() == canonical);
    CHECK(proposal->artifact_digest() == crypto::sha256(canonical));
    CHECK(proposal->parts().artifact->find("a")->string() == "x");
  }
  for (const auto& proposal :
       {json(R"({"action":"echo","nonce":"n","approval_artifact":null})"), fields("{}", "null")}) {
    REQUIRE(proposal.ok());
    CHECK(proposal->artifact().empty());
    CHECK_FALSE(proposal->parts().artifact);
  }
}

TEST_CASE("The size limit counts the whole request, in both forms, and answers 413") {
  RequestLimits limits;
  const std::string text = body(R"({"a":"xxxxxxxxxx"})");
  limits.max_bytes = text.size();
  CHECK(Proposal::parse_json(text, "acme", limits).ok());
  limits.max_bytes = text.size() - 1;
  CHECK(refusal(Proposal::parse_json(text, "acme", limits)).starts_with("413 "));

  const Request request{"echo", R"({"a":1})", "n-1", R"({"b":2})"};
  limits.max_bytes = 4 + 7 + 3 + 7;
  CHECK(Proposal::parse(request, "acme", limits).ok());
  limits.max_bytes -= 1;
  CHECK(refusal(Proposal::parse(request, "acme", limits)) == "413 the request is larger than 20 bytes");
  CHECK(refusal(json(body("\"" + std::string(1 << 20, ' ') + "\""))).starts_with("413 "));
}

TEST_CASE("A payload meets the same depth limit however it comes") {
  // The request is one level, so the payload has 127.
  CHECK(json(body(nested(127))).ok());
  CHECK(json(body(as_json_string(nested(127)))).ok());
  CHECK(fields(nested(127)).ok());
  CHECK(fields(as_json_string(nested(127))).ok());
  CHECK(fields("{}", nested(127)).ok());
  CHECK(refusal(json(body(nested(128)))).starts_with("400 "));
  CHECK(refusal(json(body(as_json_string(nested(128))))).starts_with("400 payload: "));
  CHECK(refusal(fields(nested(128))).starts_with("400 payload: "));
  CHECK(refusal(fields(as_json_string(nested(128)))).starts_with("400 payload: "));
  CHECK(refusal(fields("{}", nested(128))).starts_with("400 approval_artifact: "));

  RequestLimits wide;
  wide.max_depth = 1000;  // 128 is the most
  CHECK_FALSE(Proposal::parse_json(body(nested(128)), "acme", wide).ok());
  RequestLimits narrow;
  narrow.max_depth = 2;
  CHECK(Proposal::parse_json(body(R"({"a":1})"), "acme", narrow).ok());
  CHECK_FALSE(Proposal::parse_json(body(R"({"a":[]})"), "acme", narrow).ok());
  CHECK_FALSE(Proposal::parse(Request{"echo", R"({"a":[]})", "n", {}}, "acme", narrow).ok());
  narrow.max_depth = 0;
  CHECK_FALSE(Proposal::parse_json("{}", "acme", narrow).ok());
  CHECK_FALSE(Proposal::parse(Request{"echo", "{}", "n", {}}, "acme", narrow).ok());
}

TEST_CASE("A tenant that is not UTF-8 is the host's bug") {
  CHECK(Proposal::parse_json(R"({"action":"echo","nonce":"n"})", "\xff").code() == Code::invalid_argument);
  CHECK(Proposal::parse(Request{"echo", {}, "n", {}}, "\xff").code() == Code::invalid_argument);
}

TEST_CASE("A proposal owns what it shows: the text may go, and the proposal may move") {
  std::string text = R"({"action":"echo","nonce":"n-1","payload":"{\"k\":\"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\"}",)"
                     R"("approval_artifact":{"a":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}})";
  auto first = json(text);
  REQUIRE(first.ok());
  text.assign(text.size(), 'x');
  const Digest before = first->action_hash();
  Proposal moved = std::move(*first);
  first = Status(Code::malformed_request, "gone");
  CHECK(moved.action() == "echo");
  CHECK(moved.payload() == R"({"k":"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"})");
  CHECK(moved.action_hash() == before);
  CHECK(moved.parts().artifact->find("a")->string() == "bbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
}
