// SPDX-License-Identifier: Apache-2.0
// Payload schemas: what compiles, what does not and says where, what holds, and what is said where it does not.
#include <openexec/payload_schema.hpp>

#include <string>
#include <vector>

#include "canon/json.hpp"
#include "conformance/suite.hpp"
#include "schema/decimal.hpp"
#include "schema/pattern.hpp"
#include "schema/schema.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

using namespace openexec;

namespace {

std::shared_ptr<const PayloadSchema> compiled(std::string_view text) {
  return test::must(PayloadSchema::compile(text), "the schema");
}

std::string refusal(std::string_view text) {
  const auto schema = PayloadSchema::compile(text);
  if (schema.ok()) return {};
  CHECK(schema.code() == Code::invalid_argument);
  return schema.status().detail();
}

/// Empty where the payload satisfies the schema.
std::string said(const PayloadSchema& schema, std::string_view payload) {
  const Status status = schema.check(payload);
  if (status.ok()) return {};
  CHECK(status.code() == Code::payload_schema);
  CHECK(status.http() == 422);
  return status.detail();
}
std::string said(std::string_view schema, std::string_view payload) { return said(*compiled(schema), payload); }

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a refusal names the member's path and the keyword, and never a value") {
  const auto schema = compiled(R"({"type":"object","required":["to","amount"],"additionalProperties":false,
    "properties":{"to":{"type":"string","maxLength":5},"amount":{"type":"number","exclusiveMinimum":0},
                  "lines":{"type":"array","items":{"type":"object","properties":{"a/b~c":{"const":1}}}}}})");
  CHECK(said(*schema, R"({"to":"ada","amount":1})").empty());
  CHECK(said(*schema, R"({"to":"ada"})") ==
        "payload: /amount is missing, as asked by \"required\" of the action's schema");
  CHECK(said(*schema, R"({"to":"ada","amount":-17})") ==
        "payload: /amount does not satisfy \"exclusiveMinimum\" of the action's schema");
  CHECK(said(*schema, R"({"to":"secret","amount":1})") ==
        "payload: /to does not satisfy \"maxLength\" of the action's schema");
  CHECK(said(*schema, R"({"to":"ada","amount":1,"bcc":"secret"})") ==
        "payload: /bcc is not allowed by \"additionalProperties\" of the action's schema");
  CHECK(said(*schema, R"({"to":"ada","amount":1,"lines":[{},{"a/b~c":2}]})") ==
        "payload: /lines/1/a~1b~0c does not satisfy \"const\" of the action's schema");
  CHECK(said(R"({"type":"object","maxProperties":0})", R"({"a":1})") ==
        "payload: it does not satisfy \"maxProperties\" of the action's schema");
}

TEST_CASE("a path is printable and short, however the member is called") {
  const std::string detail =
      said(R"({"additionalProperties":{"type":"null"}})", "{\"\xc3\xa9\\n" + std::string(1000, 'x') + "\":1}");
  CHECK(detail.size() < 260);
  for (const char c : detail) CHECK((c >= ' ' && c <= '~'));
  CHECK(contains(said(R"({"additionalProperties":{"type":"null"}})", "{\"\xc3\xa9\\n\":1}"), R"(/\u00e9\n does not)"));
}

TEST_CASE("whatever this library does not check is refused when the schema is compiled") {
  for (const std::string_view keyword : {"format", "unevaluatedProperties", "unevaluatedItems", "$anchor",
                                         "$dynamicRef", "$dynamicAnchor", "$vocabulary", "definitions", "dependencies",
                                         "additionalItems", "contentMediaType", "readOnly", "maxlength", "x-note", ""})
    CHECK(contains(refusal("{\"properties\":{\"a\":{\"" + std::string(keyword) + "\":true}}}"),
                   "schema: /properties/a/" + std::string(keyword) + ": this keyword is not checked here"));
  CHECK(contains(refusal(R"({"$ref":"https://example.com/schema"})"), "/$ref: must be \"#\""));
  CHECK(contains(refusal(R"({"$ref":"other.json#/a"})"), "/$ref: must be \"#\""));
  CHECK(contains(refusal(R"({"$ref":"#name"})"), "/$ref: must be \"#\""));
  CHECK(contains(refusal(R"({"$ref":"#/$defs/a"})"), "/$ref: points at no schema"));
  CHECK(
      contains(refusal(R"({"const":{"type":"string"},"properties":{"a":{"$ref":"#/const"}}})"), "points at no schema"));
  CHECK(contains(refusal(R"({"$ref":"#/%zz"})"), "percent-encoded"));
  CHECK(contains(refusal(R"({"then":true})"), "/then: has no effect without if"));
  CHECK(contains(refusal(R"({"else":true})"), "/else: has no effect without if"));
  CHECK(contains(refusal(R"({"minContains":1})"), "/minContains: has no effect without contains"));
  CHECK(contains(refusal(R"({"maxContains":1})"), "/maxContains: has no effect without contains"));
  CHECK(contains(refusal(R"({"$schema":"http://json-schema.org/draft-07/schema#"})"), "/$schema: must be"));
  CHECK(contains(refusal(R"({"properties":{"a":{"$id":"a"}}})"),
                 "/properties/a/$id: must be a URI, and stand at the root"));
}

TEST_CASE("a keyword's value that is not what it has to be is refused with its place") {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {R"(7)", "schema: must be a schema"},
      {R"({"type":"text"})", "schema: /type: must be null, boolean"},
      {R"({"type":[]})", "schema: /type: must name a type"},
      {R"({"type":["null","null"]})", "schema: /type: names a type twice"},
      {R"({"enum":[]})", "schema: /enum: must be a list of at least one value"},
      {R"({"minLength":-1})", "schema: /minLength: must be an integer from 0"},
      {R"({"maxItems":1.5})", "schema: /maxItems: must be an integer from 0"},
      {R"({"maximum":"1"})", "schema: /maximum: must be a number"},
      {R"({"multipleOf":0})", "schema: /multipleOf: must be above 0"},
      {R"({"required":["a","a"]})", "schema: /required: names a member twice"},
      {R"({"required":[1]})", "schema: /required/0: must be a string"},
      {R"({"uniqueItems":1})", "schema: /uniqueItems: must be true or false"},
      {R"({"allOf":[]})", "schema: /allOf: must be a list of at least one schema"},
      {R"({"anyOf":[true,1]})", "schema: /anyOf/1: must be a schema"},
      {R"({"properties":[]})", "schema: /properties: must be an object: name to schema"},
      {R"({"items":[true]})", "schema: /items: must be a schema"},
      {R"({"title":1})", "schema: /title: must be a string"},
      {R"({"a)", "schema: byte 3"},
      {R"({"type":"object","type":"object"})", "schema: duplicate key at /type"}};
  for (const auto& [text, detail] : wrong) {
    INFO(text);
    CHECK(contains(refusal(text), detail));
  }
  CHECK(contains(refusal("\"" + std::string(schema::max_bytes, 'a') + "\""), "bytes, the limit is"));
}

TEST_CASE("a loop of $ref that consumes nothing is refused, and one that consumes something is not") {
  for (const std::string_view loop :
       {R"({"$ref":"#"})", R"({"allOf":[{"$ref":"#"}]})", R"({"not":{"anyOf":[{"$ref":"#"}]}})",
        R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"if":{"$ref":"#/$defs/a"},"then":true}}})",
        R"({"dependentSchemas":{"a":{"$ref":"#"}}})"})
    CHECK(contains(refusal(loop), "a loop of $ref consumes nothing"));
  const auto tree = compiled(R"({"type":"object","properties":{"next":{"$ref":"#"}},"additionalProperties":false})");
  CHECK(said(*tree, R"({"next":{"next":{}}})").empty());
  CHECK(contains(said(*tree, R"({"next":{"next":{"other":1}}})"), "/next/next/other is not allowed"));

  std::string chain = R"({"$ref":"#/$defs/0","$defs":{)";
  for (int i = 0; i < 80; ++i)
    chain += "\"" + std::to_string(i) +
             "\":" + (i == 79 ? "true}}" : "{\"$ref\":\"#/$defs/" + std::to_string(i + 1) + "\"},");
  CHECK(contains(refusal(chain), "more than 64 schemas in a chain"));
}

TEST_CASE("a multiple is one of the decimals that are written, not of the doubles that stand for them") {
  for (const auto& [value, divisor] : std::vector<std::pair<double, double>>{{19.99, 0.01},
                                                                             {0.3, 0.1},
                                                                             {1.1, 0.1},
                                                                             {4.35, 0.05},
                                                                             {1e300, 1e-300},
                                                                             {9007199254740991, 1},
                                                                             {0, 3},
                                                                             {-6, 3}})
    CHECK(schema::is_multiple(value, divisor));
  for (const auto& [value, divisor] : std::vector<std::pair<double, double>>{
           {19.999, 0.01}, {0.35, 0.1}, {1, 10}, {9007199254740991, 2}, {1e-300, 1}, {0.1, 0.3}})
    CHECK_FALSE(schema::is_multiple(value, divisor));
}

TEST_CASE("values are compared by value, however they are written") {
  CHECK(said(R"({"properties":{"a":{"const":1}}})", R"({"a":1.0})").empty());
  CHECK(said(R"({"properties":{"a":{"enum":[{"x":1,"y":[0]}]}}})", R"({"a":{"y":[-0.0],"x":1e0}})").empty());
  CHECK(contains(said(R"({"properties":{"a":{"uniqueItems":true}}})", R"({"a":[{"x":1},{"x":1.0}]})"), "/a does not"));
  CHECK(said(R"({"properties":{"a":{"uniqueItems":true}}})", R"({"a":[1,true,"1",[1],{"a":1},null,false,0]})").empty());
  CHECK(said(R"({"properties":{"a":{"type":"integer"}}})", R"({"a":1.0})").empty());
  CHECK(said(R"({"properties":{"a":{"maxLength":2}}})", "{\"a\":\"\xf0\x9f\x98\x80\xc3\xa9\"}").empty());
}

TEST_CASE("what is only tried says nothing, and a decision is told where it was made") {
  CHECK(contains(
      said(R"({"properties":{"a":{"anyOf":[{"type":"null"},{"properties":{"b":false}}]}}})", R"({"a":{"b":1}})"),
      "payload: /a does not satisfy \"anyOf\""));
  CHECK(contains(said(R"({"if":{"required":["a"]},"then":{"properties":{"b":{"type":"null"}}}})", R"({"a":1,"b":2})"),
                 "payload: /b does not satisfy \"type\""));
  CHECK(contains(said(R"({"propertyNames":{"maxLength":1}})", R"({"ab":1})"),
                 "payload: /ab does not satisfy \"propertyNames\""));
  CHECK(contains(said(R"({"properties":{"a":{"contains":{"type":"null"}}}})", R"({"a":[1,2]})"),
                 "/a does not satisfy \"contains\""));
}

TEST_CASE("a payload that is absent is checked as {}, and text that is no object is malformed") {
  const auto schema = compiled(R"({"required":["a"]})");
  CHECK(contains(said(*schema, ""), "/a is missing"));
  CHECK(schema::check(*schema, std::nullopt).code() == Code::payload_schema);
  CHECK(schema->check("[]").code() == Code::malformed_request);
  CHECK(schema->check("{").code() == Code::malformed_request);
}

TEST_CASE("a pattern is RE2's and found anywhere, or the schema is refused") {
  if (!schema::has_patterns()) {
    CHECK(contains(refusal(R"({"pattern":"a"})"), "schema: /pattern: this build has no regular expressions"));
    CHECK(contains(refusal(R"({"patternProperties":{"a":true}})"), "this build has no regular expressions"));
    return;
  }
  CHECK(said(R"({"properties":{"a":{"pattern":"^[a-z]+@example\\.com$"}}})", R"({"a":"ada@example.com"})").empty());
  CHECK(
      contains(said(R"({"properties":{"a":{"pattern":"^a$"}}})", R"({"a":"a\n"})"), "/a does not satisfy \"pattern\""));
  CHECK(said(R"({"properties":{"a":{"pattern":"b"}}})", R"({"a":"abc"})").empty());
  CHECK(contains(said(R"({"patternProperties":{"^x-":{"type":"null"}},"additionalProperties":false})", R"({"x-a":1})"),
                 "/x-a does not satisfy \"type\""));
  for (const std::string_view bad : {R"({"pattern":"("})", R"j({"pattern":"(?=a)"})j", R"({"pattern":"(a)\\1"})",
                                     R"({"patternProperties":{"(?<!a)b":true}})"})
    CHECK(contains(refusal(bad), "not a regular expression in RE2's syntax"));
  CHECK(contains(refusal(R"({"pattern":"((\\pL{50}){20}){20}"})"), "schema: /pattern: "));
}

TEST_CASE("values satisfy the schemas that another implementation says they satisfy") {
  const auto document = canon::parse(test::read_file(test::vectors() / "schemas.json"));
  REQUIRE(document.ok());
  std::size_t values = 0;
  for (const auto& [unused, made] : *document->root().find("cases")) {
    const auto schema = PayloadSchema::compile(canon::jcs(*made.find("schema")));
    INFO(made.find("id")->string() << ": " << schema.status().detail());
    REQUIRE(schema.ok());
    for (const auto& [unused2, one] : *made.find("values")) {
      INFO(canon::jcs(*one.find("value")));
      CHECK(schema::check(**schema, *one.find("value")).ok() == one.find("valid")->boolean());
      ++values;
    }
  }
  test::report("schemas", values);
  CHECK(values > 1000);
}
