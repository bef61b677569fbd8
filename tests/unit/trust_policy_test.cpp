// SPDX-License-Identifier: Apache-2.0
// Trust policies: what loads, what does not and says where, and what is said about what does.
#include <string>
#include <vector>

#include <openexec/trust_policy.hpp>

#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "support/approvals.hpp"
#include "support/catch.hpp"

using namespace openexec;
using test::noon;
using test::policy_of;
using test::private_key;
using test::trusted;

namespace {

std::string json_string(std::string_view text) {
  std::string out;
  canon::append_jcs_string(text, out);
  return out;
}

const std::string pem = json_string(private_key(1).public_key().to_pem());
const std::string other_pem = json_string(private_key(2).public_key().to_pem());

std::string key(const std::string& members, const std::string& id = "k1", const std::string& public_key = pem) {
  return R"({"id":")" + id + R"(","public_key":)" + public_key + (members.empty() ? "" : ",") + members + "}";
}

std::string policy(const std::string& keys, const std::string& rules = "", const std::string& more = "") {
  return R"({"keys":[)" + keys + R"(],"rules":[)" + rules + "]" + (more.empty() ? "" : ",") + more + "}";
}

std::string refusal(const Result<TrustPolicy>& result) {
  if (result.ok()) return {};
  CHECK(result.code() == Code::invalid_argument);
  return result.status().detail();
}
std::string refusal(const std::string& text) { return refusal(TrustPolicy::parse(text)); }
std::string key_refusal(const std::string& members) { return refusal(policy(key(members))); }
/// Under sixteen keys, so that each threshold can be met.
std::string rule_refusal(const std::string& rule) {
  std::string keys;
  for (int i = 0; i < 16; ++i) {
    const std::string name = std::to_string(i);
    keys += (keys.empty() ? "" : ",") + key("", "k" + name, json_string(private_key(i).public_key().to_pem()));
  }
  return refusal(policy(keys, rule));
}

}  // namespace

TEST_CASE("A policy reads as what it says") {
  const TrustPolicy read =
      TrustPolicy::parse(
          policy(
              key(R"("role":"human","tenants":["acme","umbrella"],"actions":["pay:*","echo"],)"
                  R"("not_before":"2026-03-01T12:00:00Z","not_after":"2026-03-01T14:00:00+01:00","revoked_at":"2026-03-01T12:30:00Z")") +
                  "," + key("", "k2", other_pem),
              R"({"actions":["pay:*"],"threshold":1,"role":"human"},{"actions":["*"],"threshold":2})",
              R"("pins":{"policy_bundle_hash":")" + std::string(64, 'a') + R"(","constitution_version":"v1.0"},)" +
                  R"("clawshield_v1":{"public_key":)" + other_pem + R"(,"tenant_id":"acme","actions":["echo"]})"))
          .value();
  const TrustPolicy::Terms& terms = read.terms();
  REQUIRE(terms.keys.size() == 2);
  CHECK(terms.keys[0].id == "k1");
  CHECK(terms.keys[0].public_key == private_key(1).public_key().to_pem());
  CHECK(terms.keys[0].role == "human");
  CHECK(terms.keys[0].tenants == std::vector<std::string>{"acme", "umbrella"});
  CHECK(terms.keys[0].actions == std::vector<std::string>{"pay:*", "echo"});
  CHECK(terms.keys[0].not_before == noon);
  CHECK(terms.keys[0].not_after == test::after_noon(3600));
  CHECK(terms.keys[0].revoked_at == test::after_noon(1800));
  CHECK(terms.keys[1].role.empty());
  CHECK_FALSE(terms.keys[1].tenants);
  CHECK_FALSE(terms.keys[1].actions);
  CHECK_FALSE(terms.keys[1].not_before);
  CHECK_FALSE(terms.keys[1].not_after);
  CHECK_FALSE(terms.keys[1].revoked_at);
  REQUIRE(terms.rules.size() == 2);
  CHECK(terms.rules[0].actions == std::vector<std::string>{"pay:*"});
  CHECK(terms.rules[0].threshold == 1);
  CHECK(terms.rules[0].role == "human");
  CHECK(terms.rules[1].role.empty());
  CHECK(terms.pins.policy_bundle_hash == std::string(64, 'a'));
  CHECK(terms.pins.constitution_version == "v1.0");
  REQUIRE(terms.clawshield_v1);
  CHECK(terms.clawshield_v1->public_key == private_key(2).public_key().to_pem());
  CHECK(terms.clawshield_v1->tenant_id == "acme");
  CHECK(terms.clawshield_v1->actions == std::vector<std::string>{"echo"});
}

TEST_CASE("A policy has one canonical text, which reads back, and a digest of it") {
  const std::string text = policy(
      key(R"("tenants":["acme"],"role":"human","revoked_at":"2026-03-01T13:00:00+01:00","not_after":"2026-03-01T12:00:00Z",)"
          R"("not_before":"2026-02-01T12:00:00Z","actions":["a","b"])") +
          "," + key("", "k2", other_pem),
      R"({"threshold":1,"role":"human","actions":["a"]},{"threshold":1,"actions":["*"]})",
      R"("clawshield_v1":{"tenant_id":"acme","public_key":)" + pem +
          R"(,"actions":["*"]},"pins":{"constitution_version":"v1"})");
  const TrustPolicy read = TrustPolicy::parse(text).value();
  CHECK(canon::jcs(canon::parse(read.to_json())->root()) == read.to_json());
  CHECK(read.digest() == crypto::sha256(read.to_json()));
  const TrustPolicy again = TrustPolicy::parse(read.to_json()).value();
  CHECK(again.to_json() == read.to_json());
  CHECK(TrustPolicy::make(read.terms()).value().to_json() == read.to_json());

  // Another spelling of the same.
  const TrustPolicy spelled =
      TrustPolicy::parse("\n{\"rules\" : [], \"pins\":{}, \"keys\": [" +
                         key(R"("not_after":"2026-03-01T11:00:00-01:00")", "\\u006b1", json_string([] {
                               std::string crlf = private_key(1).public_key().to_pem();
                               for (std::size_t at = 0; (at = crlf.find('\n', at)) != crlf.npos; at += 2)
                                 crlf.insert(at, 1, '\r');
                               return crlf;
                             }())) +
                         "]}")
          .value();
  const TrustPolicy plain = TrustPolicy::parse(policy(key(R"("not_after":"2026-03-01T12:00:00.000000Z")"))).value();
  CHECK(spelled.to_json() == plain.to_json());
  CHECK(spelled.digest() == plain.digest());
  CHECK(plain.digest() != policy_of({trusted(1)}).digest());
}

TEST_CASE("What is missing, unknown or of the wrong type is refused by name") {
  CHECK(refusal(policy("")).empty());
  CHECK(refusal(std::string(R"({"rules":[]})")) == "keys: missing");
  CHECK(refusal(std::string(R"({"keys":[]})")) == "rules: missing");
  CHECK(refusal(policy("", "", R"("extra":1)")) == "unknown member: \"extra\"");
  for (const char* text : {"[]", "null", "1", "\"x\""}) CHECK(refusal(std::string(text)) == "must be an object");
  for (const char* wrong : {"null", "1", "\"x\"", "{}", "true"}) {
    CHECK(refusal(std::string(R"({"rules":[],"keys":)") + wrong + "}") == "keys: must be a list");
    CHECK(refusal(std::string(R"({"keys":[],"rules":)") + wrong + "}") == "rules: must be a list");
  }
  for (const char* wrong : {"null", "1", "\"x\"", "[]", "true"}) {
    CHECK(refusal(policy(wrong)) == "keys[0]: must be an object");
    CHECK(refusal(policy("", wrong)) == "rules[0]: must be an object");
    CHECK(refusal(policy("", "", std::string("\"pins\":") + wrong)) == "pins: must be an object");
    CHECK(refusal(policy("", "", std::string("\"clawshield_v1\":") + wrong)) == "clawshield_v1: must be an object");
  }
  CHECK(key_refusal("\"x\":1") == "keys[0]: unknown member: \"x\"");
  CHECK(refusal(policy("{\"public_key\":" + pem + "}")) == "keys[0].id: missing");
  CHECK(refusal(policy("{\"id\":\"k1\"}")) == "keys[0].public_key: missing");
  for (const char* name : {"role", "tenants", "actions", "not_before", "not_after", "revoked_at"})
    for (const char* wrong : {"null", "1", "{}", "true", "\"\"", "[1]"})
      CHECK(key_refusal(std::string("\"") + name + "\":" + wrong).starts_with(std::string("keys[0].") + name));
  CHECK(rule_refusal(R"({"actions":["*"],"threshold":1,"x":1})") == "rules[0]: unknown member: \"x\"");
  CHECK(rule_refusal(R"({"threshold":1})") == "rules[0].actions: missing");
  CHECK(rule_refusal(R"({"actions":["*"]})") == "rules[0].threshold: missing");
  CHECK(rule_refusal(R"({"actions":["*"],"threshold":1,"role":""})") == "rules[0].role: must be 1 to 255 bytes");
  CHECK(refusal(policy("", "", R"("pins":{"x":1})")) == "pins: unknown member: \"x\"");
  const std::string clawshield = R"("public_key":)" + pem + R"(,"tenant_id":"acme","actions":["*"])";
  CHECK(refusal(policy("", "", "\"clawshield_v1\":{" + clawshield + "}")).empty());
  CHECK(refusal(policy("", "", "\"clawshield_v1\":{" + clawshield + ",\"x\":1}")) ==
        "clawshield_v1: unknown member: \"x\"");
  CHECK(refusal(policy("", "", R"("clawshield_v1":{"tenant_id":"acme","actions":["*"]})")) ==
        "clawshield_v1.public_key: missing");
  CHECK(refusal(policy("", "", R"("clawshield_v1":{"actions":["*"],"public_key":)" + pem + "}")) ==
        "clawshield_v1.tenant_id: missing");
  CHECK(refusal(policy("", "", R"("clawshield_v1":{"tenant_id":"acme","public_key":)" + pem + "}")) ==
        "clawshield_v1.actions: missing");
}

TEST_CASE("What is no JSON is refused with its line, a member that stands twice with its path") {
  CHECK(refusal(std::string()) == "line 1: byte 0: unexpected end");
  CHECK(refusal(std::string("{\n\"keys\": [],\n\"rules\": [,]}")).starts_with("line 3: byte "));
  CHECK(refusal(policy("") + "\n\nx").starts_with("line 3: byte "));
  CHECK(refusal(policy(key("\"role\":\"a\",\"role\":\"a\""))) == "duplicate key at /keys/0/role");
  CHECK(refusal(std::string(R"({"keys":[],"keys":[],"rules":[]})")) == "duplicate key at /keys");
  CHECK(refusal(policy("") + std::string(std::size_t{1} << 20, ' ')).find("1048576") != std::string::npos);
}

TEST_CASE("Ids and public keys are distinct, and a key is one strict PEM block") {
  CHECK(refusal(policy(key("") + "," + key("", "k1", other_pem))) == "keys[1].id: is that of keys[0]");
  CHECK(refusal(policy(key("") + "," + key("", "k2", other_pem) + "," + key("", "k3"))) ==
        "keys[2].public_key: is that of keys[0]");
  CHECK(refusal(policy(key("", "") + "," + key("", "k2", other_pem))) == "keys[0].id: must be 1 to 255 bytes");
  CHECK(refusal(policy(key("", "a\\n"))) == "keys[0].id: control characters are not allowed");
  const std::string text = private_key(1).public_key().to_pem();
  for (const std::string& wrong :
       {std::string(), std::string("x"), text + "x", " " + text, text + text, private_key(1).to_pem().value()}) {
    CHECK(refusal(policy(key("", "k1", json_string(wrong)))).starts_with("keys[0].public_key: "));
    CHECK(refusal(
              policy("", "",
                     R"("clawshield_v1":{"tenant_id":"acme","actions":["*"],"public_key":)" + json_string(wrong) + "}"))
              .starts_with("clawshield_v1.public_key: "));
  }
}

TEST_CASE("Lists name something, patterns are patterns, and a tenant is named in full") {
  CHECK(key_refusal("\"tenants\":[]") == "keys[0].tenants: must not be empty; leave it out for all tenants");
  CHECK(key_refusal("\"actions\":[]") == "keys[0].actions: must not be empty; leave it out for all actions");
  CHECK(rule_refusal(R"({"actions":[],"threshold":1})") == "rules[0].actions: must not be empty; name an action, or *");
  CHECK(key_refusal(R"("tenants":["acme","ac*"])") ==
        "keys[0].tenants[1]: a tenant is named in full; * makes no pattern here");
  CHECK(key_refusal(R"("tenants":[""])") == "keys[0].tenants[0]: must be 1 to 255 bytes");
  CHECK(key_refusal(R"("actions":["echo","a*b"])").starts_with("keys[0].actions[1]: only"));
  CHECK(rule_refusal(R"({"actions":["pay ments"],"threshold":1})").starts_with("rules[0].actions[0]: only"));
  CHECK(rule_refusal(R"({"actions":["echo",1],"threshold":1})") == "rules[0].actions[1]: must be a string");
  const auto clawshield = [](const std::string& members) {
    return refusal(policy("", "", R"("clawshield_v1":{"public_key":)" + pem + "," + members + "}"));
  };
  CHECK(clawshield(R"("tenant_id":"acme","actions":[])") ==
        "clawshield_v1.actions: must not be empty; leave clawshield_v1 out to accept none");
  CHECK(clawshield(R"("tenant_id":"","actions":["*"])") == "clawshield_v1.tenant_id: must be 1 to 255 bytes");
  CHECK(clawshield(R"("tenant_id":"acme","actions":["**"])").starts_with("clawshield_v1.actions[0]: only"));
}

TEST_CASE("Thresholds, times, windows and pins are what they have to be") {
  for (const char* wrong : {"0", "17", "-1", "1.0", "1.5", "\"1\"", "null", "true"})
    CHECK(rule_refusal(std::string(R"({"actions":["*"],"threshold":)") + wrong + "}") ==
          "rules[0].threshold: must be an integer from 1 to 16");
  for (const char* right : {"1", "16"})
    CHECK(rule_refusal(std::string(R"({"actions":["*"],"threshold":)") + right + "}").empty());
  CHECK(refusal(TrustPolicy::make({.keys = {}, .rules = {{.actions = {"*"}}}})) ==
        "rules[0].threshold: must be an integer from 1 to 16");

  for (const char* name : {"not_before", "not_after", "revoked_at"})
    for (const char* wrong : {"2026-03-01T12:00:00", "2026-03-01", "now", "2026-02-30T12:00:00Z"})
      CHECK(key_refusal(std::string("\"") + name + "\":\"" + wrong + "\"")
                .starts_with(std::string("keys[0].") + name + ": must be a time"));
  CHECK(key_refusal(R"("not_before":"2026-03-01T12:00:00Z","not_after":"2026-03-01T12:00:00Z")") ==
        "keys[0].not_after: must be later than not_before");
  CHECK(key_refusal(R"("not_before":"2026-03-01T12:00:00Z","not_after":"2026-03-01T12:00:00.000001Z")").empty());
  CHECK(key_refusal(R"("not_before":"2026-03-01T12:00:00Z","revoked_at":"2026-03-01T11:00:00Z")").empty());

  const auto pins = [](const std::string& members) { return refusal(policy("", "", "\"pins\":{" + members + "}")); };
  CHECK(pins("").empty());
  for (const std::string& wrong : {std::string(63, 'a'), std::string(64, 'A'), std::string(64, 'g'), std::string("x")})
    CHECK(pins("\"policy_bundle_hash\":\"" + wrong + "\"") ==
          "pins.policy_bundle_hash: must be a string of 64 lower-case hexadecimal digits");
  for (const char* name : {"policy_bundle_hash", "constitution_version"})
    for (const char* wrong : {"\"\"", "null", "1", "[]"})
      CHECK(pins(std::string("\"") + name + "\":" + wrong).starts_with(std::string("pins.") + name));
}

TEST_CASE("A builder's terms meet the same rules") {
  TrustPolicy::Terms terms{.keys = {trusted(1, "human"), trusted(2)},
                           .rules = {{.actions = {"pay:*"}, .threshold = 1, .role = "human"}}};
  CHECK(TrustPolicy::make(terms).ok());
  const auto with = [&](const auto& change) {
    TrustPolicy::Terms made = terms;
    change(made);
    return refusal(TrustPolicy::make(made));
  };
  CHECK(with([](auto& t) { t.keys[1].id = "k1"; }) == "keys[1].id: is that of keys[0]");
  CHECK(with([](auto& t) { t.keys[1].id = "\xff"; }) == "keys[1].id: not well-formed UTF-8");
  CHECK(with([](auto& t) { t.keys[1].public_key = t.keys[0].public_key; }) == "keys[1].public_key: is that of keys[0]");
  CHECK(with([](auto& t) { t.keys[0].role = "a\n"; }) == "keys[0].role: control characters are not allowed");
  CHECK(with([](auto& t) { t.keys[0].tenants.emplace(); }).starts_with("keys[0].tenants: must not be empty"));
  CHECK(with([](auto& t) { t.rules[0].actions = {"a b"}; }).starts_with("rules[0].actions[0]: only"));
  CHECK(with([](auto& t) { t.rules[0].threshold = 17; }) == "rules[0].threshold: must be an integer from 1 to 16");
  CHECK(with([](auto& t) { t.rules[0].role = "\xff"; }) == "rules[0].role: not well-formed UTF-8");
  CHECK(with([](auto& t) { t.pins.policy_bundle_hash = "ab"; }).starts_with("pins.policy_bundle_hash: "));
  CHECK(with([](auto& t) { t.pins.constitution_version = std::string(256, 'v'); }) ==
        "pins.constitution_version: must be 1 to 255 bytes");
  CHECK(with([](auto& t) { t.clawshield_v1.emplace(); }).starts_with("clawshield_v1.public_key: "));
  CHECK(with([](auto& t) {
          for (int i = 0; i < 4200; ++i)
            t.rules.push_back({.actions = {std::string(128, 'a'), std::string(128, 'b')}, .threshold = 1});
        }) == "the policy is larger than 1 MiB");
}

TEST_CASE("A rule, or a part of one, that earlier rules decide is an error that names both") {
  const auto with = [](const std::vector<std::vector<std::string>>& rules) {
    TrustPolicy::Terms terms{.keys = {trusted(1)}, .rules = {}};
    for (const auto& actions : rules) terms.rules.push_back({.actions = actions, .threshold = 1});
    return refusal(TrustPolicy::make(terms));
  };
  const std::string never = " decides it first; put the narrower rule first";
  CHECK(with({{"*"}, {"payments:*"}}) == "rules[1].actions[0]: never applies, because rules[0]" + never);
  CHECK(with({{"a"}, {"b", "a"}}) == "rules[1].actions[1]: never applies, because rules[0]" + never);
  CHECK(with({{"x"}, {"a*"}, {"ab"}}) == "rules[2].actions[0]: never applies, because rules[1]" + never);
  CHECK(with({{"a*"}, {"ab*"}}) == "rules[1].actions[0]: never applies, because rules[0]" + never);
  CHECK(with({{"a*"}, {"a*"}}) == "rules[1].actions[0]: never applies, because rules[0]" + never);
  CHECK(with({{"a*"}, {"a"}}) == "rules[1].actions[0]: never applies, because rules[0]" + never);
  for (const auto& rules : std::vector<std::vector<std::vector<std::string>>>{{{"payments:*"}, {"*"}},
                                                                              {{"a"}, {"a*"}},
                                                                              {{"ab*"}, {"a*"}},
                                                                              {{"a", "a"}},
                                                                              {{"ab"}, {"a"}, {"abc"}, {"ab*"}}})
    CHECK(with(rules).empty());
  // A role makes no difference: the first rule that names the action decides.
  TrustPolicy::Terms roles{
      .keys = {trusted(1, "a"), trusted(2, "b")},
      .rules = {{.actions = {"x"}, .threshold = 1, .role = "a"}, {.actions = {"x"}, .threshold = 1, .role = "b"}}};
  CHECK(refusal(TrustPolicy::make(roles)) == "rules[1].actions[0]: never applies, because rules[0]" + never);

  // Many together leave nothing of it, or one byte.
  const std::string bytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/-";
  std::vector<std::string> all;
  for (const char byte : bytes) all.push_back(std::string("a") + byte + "*");
  CHECK(with({all, {"a*"}}).empty());  // the action a is left
  CHECK(with({all, {"a"}, {"a*"}}) == "rules[2].actions[0]: never applies, because rules[1]" + never);
  all.pop_back();
  CHECK(with({all, {"a"}, {"a*"}}).empty());
}

TEST_CASE("A threshold above the keys that could ever sign for it is an error, judged for each pattern") {
  const auto says = [](std::vector<TrustPolicy::Key> keys, TrustPolicy::Rule rule) {
    return refusal(TrustPolicy::make({.keys = std::move(keys), .rules = {std::move(rule)}}));
  };
  const auto few = [](const char* numbers, const char* pattern = "0") {
    return std::string("rules[0].threshold: ") + numbers + " could ever count for actions[" + pattern +
           "]; to take a key away, set its revoked_at";
  };
  const auto for_actions = [](int number, std::vector<std::string> actions) {
    TrustPolicy::Key key = trusted(number);
    key.actions = std::move(actions);
    return key;
  };
  CHECK(says({trusted(1), trusted(2)}, {.actions = {"*"}, .threshold = 2}).empty());
  CHECK(says({}, {.actions = {"*"}, .threshold = 1}) == few("1 keys are asked for, and 0"));
  CHECK(says({trusted(1)}, {.actions = {"*"}, .threshold = 2}) == few("2 keys are asked for, and 1"));
  CHECK(says({trusted(1, "human"), trusted(2, "service"), trusted(3)},
             {.actions = {"*"}, .threshold = 2, .role = "human"}) == few("2 keys are asked for, and 1"));
  CHECK(says({for_actions(1, {"a"}), trusted(2)}, {.actions = {"a", "b"}, .threshold = 2}) ==
        few("2 keys are asked for, and 1", "1"));
  // Two keys of which no action has both, and no tenant.
  CHECK(says({for_actions(1, {"a*"}), for_actions(2, {"b*"})}, {.actions = {"*"}, .threshold = 2}) ==
        few("2 keys are asked for, and 1"));
  CHECK(says({for_actions(1, {"a*"}), for_actions(2, {"ab"})}, {.actions = {"*"}, .threshold = 2}).empty());
  TrustPolicy::Key one = trusted(1);
  TrustPolicy::Key other = trusted(2);
  one.tenants = {"acme"};
  other.tenants = {"umbrella"};
  CHECK(says({one, other}, {.actions = {"*"}, .threshold = 2}) == few("2 keys are asked for, and 1"));
  CHECK(says({one, other, trusted(3)}, {.actions = {"*"}, .threshold = 2}).empty());

  for (const auto& [a, b] : {std::pair{"echo", "echo"},
                             {"*", "echo"},
                             {"pay:*", "pay:out"},
                             {"pay:*", "pay:o*"},
                             {"*", "*"},
                             {"e*", "echo"}}) {
    CHECK(says({for_actions(1, {a})}, {.actions = {b}, .threshold = 1}).empty());
    CHECK(says({for_actions(1, {b})}, {.actions = {a}, .threshold = 1}).empty());
  }
  for (const auto& [a, b] : {std::pair{"echo", "echo2"}, {"pay:*", "pay"}, {"pay:*", "refund:*"}, {"a*", "b"}}) {
    CHECK_FALSE(says({for_actions(1, {a})}, {.actions = {b}, .threshold = 1}).empty());
    CHECK_FALSE(says({for_actions(1, {b})}, {.actions = {a}, .threshold = 1}).empty());
  }
}

TEST_CASE("A rule that revoked keys alone could meet loads, so that keys can be taken away, and is warned of") {
  using Warnings = std::vector<std::string>;
  TrustPolicy::Key revoked = trusted(2);
  revoked.revoked_at = noon;
  const TrustPolicy policy =
      TrustPolicy::make({.keys = {trusted(1), revoked}, .rules = {{.actions = {"*"}, .threshold = 2}}}).value();
  CHECK(policy.warnings() ==
        Warnings{"rules[0].threshold: 2 keys are asked for, and 1 could ever count for actions[0]"});
  CHECK(TrustPolicy::make({}).value().warnings() == Warnings{"rules: there are none, so that nothing can be approved"});
}

TEST_CASE("A key that no rule can use is warned of") {
  TrustPolicy::Terms terms{.keys = {trusted(1, "human"), trusted(2, "service"), trusted(3, "human")},
                           .rules = {{.actions = {"pay:*"}, .threshold = 1, .role = "human"}}};
  terms.keys[2].actions = {"refund"};
  CHECK(TrustPolicy::make(terms).value().warnings() ==
        std::vector<std::string>{"keys[1]: no rule can use it", "keys[2]: no rule can use it"});
  terms.rules.push_back({.actions = {"*"}, .threshold = 1});
  CHECK(TrustPolicy::make(terms).value().warnings().empty());
}
