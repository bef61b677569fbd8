// SPDX-License-Identifier: Apache-2.0
// What others expect of JSON Schema: Debian's json-schema-test-suite (OPENEXEC_SCHEMA_SUITE names another folder). It
// has tests of draft 7 at most; what draft 2020-12 spells otherwise is respelled here. Every file of the suite is in
// one of the lists below, and every group that is refused when it is compiled is named with what the refusal says.
#include <openexec/payload_schema.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <string>

#include "canon/json.hpp"
#include "schema/pattern.hpp"
#include "schema/schema.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

using namespace openexec;
using canon::Type;
using canon::View;

namespace {

// Files whose groups are checked as they are, and those whose keywords are respelled before.
const std::set<std::string> as_they_are{"additionalProperties",
                                        "allOf",
                                        "anyOf",
                                        "boolean_schema",
                                        "const",
                                        "contains",
                                        "default",
                                        "enum",
                                        "exclusiveMaximum",
                                        "exclusiveMinimum",
                                        "if-then-else",
                                        "maxItems",
                                        "maxLength",
                                        "maxProperties",
                                        "maximum",
                                        "minItems",
                                        "minLength",
                                        "minProperties",
                                        "minimum",
                                        "multipleOf",
                                        "not",
                                        "oneOf",
                                        "pattern",
                                        "patternProperties",
                                        "properties",
                                        "propertyNames",
                                        "required",
                                        "type",
                                        "uniqueItems"};
const std::set<std::string> respelled{"additionalItems", "definitions", "dependencies", "items", "ref", "refRemote"};

// Groups that are refused when they are compiled, by what the refusal says.
const std::map<std::string, std::string> refused{
    {"definitions: valid definition", "must be \"#\""},
    {"definitions: invalid definition", "must be \"#\""},
    {"if-then-else: ignore then without if", "has no effect without if"},
    {"if-then-else: ignore else without if", "has no effect without if"},
    {"if-then-else: non-interference across combined schemas", "has no effect without if"},
    {"ref: remote ref, containing refs itself", "must be \"#\""},
    {"ref: Recursive references between schemas", "must be \"#\""},
    {"ref: escaped pointer ref", "this keyword is not checked here"},  // definitions in members that are no keywords
    {"refRemote: remote ref", "must be \"#\""},
    {"refRemote: fragment within remote ref", "must be \"#\""},
    {"refRemote: ref within remote ref", "must be \"#\""},
    {"refRemote: base URI change", "must be a URI, and stand at the root alone"},
    {"refRemote: base URI change - change folder", "must be a URI, and stand at the root alone"},
    {"refRemote: base URI change - change folder in subschema", "must be a URI, and stand at the root alone"},
    {"refRemote: root ref in remote ref", "must be \"#\""}};

// What draft 7 expects otherwise than 2020-12, which gives the verdicts here.
const std::set<std::string> other_verdict{"ref: ref overrides any sibling keywords: ref valid, maxItems ignored"};

void write(View value, bool respell, std::string& out);

void write_member(std::string_view name, View value, bool respell, std::string& out) {
  out += out.back() == '{' ? "" : ",";
  canon::append_jcs_string(name, out);
  out += ':';
  write(value, respell, out);
}

void write_dependencies(View rules, std::string& out) {
  for (const bool names : {true, false}) {
    out.append(out.back() == '{' ? "" : ",").append(names ? R"("dependentRequired":{)" : R"("dependentSchemas":{)");
    for (const auto& [name, rule] : rules)
      if (rule.is(Type::array) == names) write_member(name, rule, true, out);
    out += '}';
  }
}

void write_object(View object, bool respell, std::string& out) {
  const auto items = object.find("items");
  const bool tuple = items && items->is(Type::array);
  out += '{';
  for (const auto& [name, value] : object) {
    if (!respell)
      write_member(name, value, respell, out);
    else if (name == "items" && tuple)
      write_member("prefixItems", value, respell, out);
    else if (name == "additionalItems")
      tuple ? write_member("items", value, respell, out) : void();
    else if (name == "definitions")
      write_member("$defs", value, respell, out);
    else if (name == "dependencies")
      write_dependencies(value, out);
    else
      write_member(name, value, respell, out);
  }
  out += '}';
}

void write(View value, bool respell, std::string& out) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> moved{
      {{"#/definitions/", "#/$defs/"}, {"#/items/", "#/prefixItems/"}}};
  if (value.is(Type::object)) return write_object(value, respell, out);
  if (value.is(Type::array)) {
    out += '[';
    for (const auto& [unused, item] : value) {
      if (out.back() != '[') out += ',';
      write(item, respell, out);
    }
    out += ']';
  } else if (respell && value.is(Type::string)) {
    std::string text(value.string());
    for (const auto& [before, after] : moved)
      if (text.starts_with(before)) text.replace(0, before.size(), after);
    canon::append_jcs_string(text, out);
  } else {
    canon::append_jcs(value, out);
  }
}

std::string text_of(View value, bool respell) {
  std::string out;
  write(value, respell, out);
  return out;
}

struct Count {
  std::size_t values = 0;
  std::set<std::string> refused;
};

void run_group(const std::string& file, View group, bool respell, Count& count) {
  const std::string name = file + ": " + std::string(group.find("description")->string());
  const auto schema = PayloadSchema::compile(text_of(*group.find("schema"), respell));
  INFO(name << ": " << schema.status().detail());
  if (!schema.ok() && !schema::has_patterns() &&
      schema.status().detail().find("no regular expressions") != std::string::npos) {
    std::cout << "schema suite: " << name << ": left out, since this build has no RE2\n";
    return;
  }
  if (!schema.ok()) {
    count.refused.insert(name);
    const auto expected = refused.find(name);
    CHECK(expected != refused.end());
    if (expected != refused.end()) CHECK(schema.status().detail().find(expected->second) != std::string::npos);
    return;
  }
  for (const auto& [unused, test] : *group.find("tests")) {
    const std::string what = name + ": " + std::string(test.find("description")->string());
    INFO(what);
    const bool expected = test.find("valid")->boolean() != (other_verdict.count(what) != 0);
    CHECK(schema::check(**schema, *test.find("data")).ok() == expected);
    ++count.values;
  }
}

}  // namespace

TEST_CASE("the suite's values satisfy the schemas that it says they satisfy, and no file of it is left out") {
  const char* const other = std::getenv("OPENEXEC_SCHEMA_SUITE");
  const std::filesystem::path folder = other ? other : "/usr/share/json-schema-test-suite/tests/draft7";
  if (!std::filesystem::is_directory(folder)) {
    std::cout << "SKIPPED: no json-schema-test-suite (Debian: json-schema-test-suite)\n";
    return;
  }
  Count count;
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;  // optional/: formats, which are refused, and what a regex of ECMA's takes
    const std::string file = entry.path().stem();
    files.insert(file);
    INFO(file << " is in a list of this test");
    CHECK((as_they_are.count(file) + respelled.count(file)) == 1);
    const auto document = canon::parse(test::read_file(entry.path()));
    REQUIRE(document.ok());
    const std::size_t before = count.values;
    for (const auto& [unused, group] : document->root()) run_group(file, group, respelled.count(file) != 0, count);
    std::cout << "schema suite: " << file << ": " << count.values - before << " values\n";
  }
  for (const std::string& group : count.refused) std::cout << "schema suite: refused when compiled: " << group << '\n';
  test::report("json-schema-test-suite", count.values);
  std::set<std::string> expected;
  for (const auto& [group, what] : refused) expected.insert(group);
  CHECK(count.refused == expected);
  CHECK(count.values >= (schema::has_patterns() ? 380U : 340U));
}
