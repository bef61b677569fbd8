// SPDX-License-Identifier: Apache-2.0
#include <canon/json.hpp>

#include <pthread.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <canon/scan.hpp>

#include "support/catch.hpp"

namespace {

using namespace openexec;
using namespace std::string_literals;
using canon::Document;
using canon::ParseLimits;
using canon::Parser;
using canon::Type;
using canon::View;

Document parsed(std::string_view text, const ParseLimits& limits = {}) {
  Result<Document> document = canon::parse(text, limits);
  INFO(text << ": " << document.status().detail());
  REQUIRE(document.ok());
  return std::move(document).value();
}

/// Why a text is refused; empty where it is not.
std::string refusal(std::string_view text, const ParseLimits& limits = {}) {
  const Result<Document> document = canon::parse(text, limits);
  if (document.ok()) return {};
  CHECK(document.code() == Code::malformed_request);
  CHECK(document.status().http() == 400);
  const std::string& detail = document.status().detail();
  CHECK(detail.size() <= 200);
  CHECK(std::all_of(detail.begin(), detail.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  return detail;
}

std::string jcs(std::string_view text) { return canon::jcs(parsed(text).root()); }
std::string clawshield(std::string_view text) { return canon::clawshield_v1(parsed(text).root()); }
std::string display(std::string_view text) { return canon::display(parsed(text).root()); }

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST_CASE("The three forms differ in order, escapes, numbers and spacing") {
  const std::string_view text = R"( { "b" : [ 1.0, true , null ], "a" : "é\/\u0001\n" , "" : { } } )";
  CHECK(jcs(text) == "{\"\":{},\"a\":\"é/\\u0001\\n\",\"b\":[1,true,null]}");
  CHECK(clawshield(text) == R"({"":{},"a":"\u00e9/\u0001\n","b":[1.0,true,null]})");
  CHECK(display(text) == R"({"": {}, "a": "\u00e9/\u0001\n", "b": [1.0, true, null]})");
}

TEST_CASE("Any value may stand at the top") {
  for (const std::string_view text : {"null", "true", "false", "0", "-1", "\"\"", "\"x\"", "[]", "{}"}) {
    CHECK(jcs(text) == text);
    CHECK(clawshield(text) == text);
    CHECK(display(text) == text);
  }
  CHECK(jcs(" \t\r\n7\n") == "7");
}

TEST_CASE("Keys are sorted by UTF-16 code unit for jcs and by code point for clawshield-v1") {
  // U+E000 and U+FFFD sort before U+10000 by code point, after it (a surrogate pair) by UTF-16.
  const std::string_view text =
      "{\"\xef\xbf\xbd\":1,\"\xf0\x90\x80\x80\":{\"\xf0\x90\x80\x80\":[],\"\xee\x80\x80\":[2]},"
      "\"\xee\x80\x80\":3,\"z\":4}";
  CHECK(jcs(text) ==
        "{\"z\":4,\"\xf0\x90\x80\x80\":{\"\xf0\x90\x80\x80\":[],\"\xee\x80\x80\":[2]},"
        "\"\xee\x80\x80\":3,\"\xef\xbf\xbd\":1}");
  CHECK(clawshield(text) == R"({"z":4,"\ue000":3,"\ufffd":1,"\ud800\udc00":{"\ue000":[2],"\ud800\udc00":[]}})");
  // The character that decides stands behind a long common beginning.
  const std::string same(23, 'k');
  CHECK(jcs("{\"" + same + "\xee\x80\x80\":1,\"" + same + "\xf0\x90\x80\x80\":2}") ==
        "{\"" + same + "\xf0\x90\x80\x80\":2,\"" + same + "\xee\x80\x80\":1}");
  CHECK(clawshield("{\"" + same + "\xf0\x90\x80\x80\":2,\"" + same + "\xee\x80\x80\":1}") ==
        "{\"" + same + "\\ue000\":1,\"" + same + "\\ud800\\udc00\":2}");
}

TEST_CASE("A key that begins another comes first, NUL or not") {
  CHECK(jcs(R"({"aa":1,"a\u0000":2,"a":3,"":4,"a\u0000b":5})") == R"({"":4,"a":3,"a\u0000":2,"a\u0000b":5,"aa":1})");
  CHECK(jcs(R"({"abcdefgh\u0000":1,"abcdefgh":2,"abcdefghi":3,"abcdefg":4})") ==
        R"({"abcdefg":4,"abcdefgh":2,"abcdefgh\u0000":1,"abcdefghi":3})");
}

TEST_CASE("Every character below U+0080 has one escape or none in each form") {
  for (int c = 0; c < 0x80; ++c) {
    const std::string raw(1, static_cast<char>(c));
    const std::string four = [c] {
      std::string text = "\\u00";
      text += "01234567"[c >> 4];
      text += "0123456789abcdef"[c & 15];
      return text;
    }();
    std::string expected = c < 0x20 ? four : raw;
    for (const auto& [character, escape] : std::initializer_list<std::pair<char, const char*>>{
             {'"', "\\\""}, {'\\', "\\\\"}, {'\b', "\\b"}, {'\t', "\\t"}, {'\n', "\\n"}, {'\f', "\\f"}, {'\r', "\\r"}})
      if (character == c) expected = escape;
    for (const std::string& around : {""s, "1234567"s, "12345678"s, "123456789abcdef"s}) {
      const std::string text = "\"" + around + four + around + "\"";
      CHECK(jcs(text) == "\"" + around + expected + around + "\"");
      CHECK(clawshield(text) == "\"" + around + (c == 0x7f ? four : expected) + around + "\"");
    }
  }
}

// I-JSON (RFC 7493) forbids them; record 0051 says why they are accepted.
TEST_CASE("Each of the 66 noncharacters is accepted, and its escape means the same") {
  std::vector<unsigned> points;
  for (unsigned point = 0xFDD0; point <= 0xFDEF; ++point) points.push_back(point);
  for (unsigned plane = 0; plane <= 16; ++plane)
    for (const unsigned last : {0xFFFEU, 0xFFFFU}) points.push_back(plane << 16 | last);
  REQUIRE(points.size() == 66);
  for (const unsigned point : points) {
    INFO(std::hex << point);
    char escape[24];
    if (point < 0x10000)
      std::snprintf(escape, sizeof escape, "\\u%04x", point);
    else
      std::snprintf(escape, sizeof escape, "\\u%04x\\u%04x", 0xD7C0U + (point >> 10), 0xDC00U + (point & 0x3FFU));
    const Document document = parsed('"' + std::string(escape) + '"');
    const std::string character(document.root().string());
    CHECK(character.size() == (point < 0x10000 ? 3 : 4));
    const std::string name = "{\"" + character + "\":\"" + character + "\"}";
    CHECK(jcs(name) == name);
    CHECK(jcs("{\"" + std::string(escape) + "\":\"" + escape + "\"}") == name);
    CHECK(clawshield(name) == "{\"" + std::string(escape) + "\":\"" + escape + "\"}");
  }
}

TEST_CASE("A string alone is written as within a document") {
  std::string out = "=";
  canon::append_jcs_string("\x01 \"é\" \xf0\x9f\x98\x80 \x7f", out);
  CHECK(out == "=\"\\u0001 \\\"é\\\" \xf0\x9f\x98\x80 \x7f\"");
  out = "=";
  canon::append_clawshield_v1_string("\x01 \"é\" \xf0\x9f\x98\x80 \x7f", out);
  CHECK(out == R"(="\u0001 \"\u00e9\" \ud83d\ude00 \u007f")");
  out.clear();
  canon::append_jcs_string("", out);
  CHECK(out == "\"\"");
}

TEST_CASE("Numbers follow ECMAScript in jcs and Python in clawshield-v1") {
  struct Row {
    const char *text, *jcs, *clawshield;
  };
  for (const auto& [text, ecmascript, python] : std::initializer_list<Row>{
           {"0", "0", "0"},
           {"-0", "0", "0"},
           {"0.0", "0", "0.0"},
           {"-0.0", "0", "-0.0"},
           {"-0e5", "0", "-0.0"},
           {"1e-400", "0", "0.0"},
           {"-1e-400", "0", "-0.0"},
           {"1.0", "1", "1.0"},
           {"10e-1", "1", "1.0"},
           {"100", "100", "100"},
           {"1E2", "100", "100.0"},
           {"-1.5", "-1.5", "-1.5"},
           {"0.1", "0.1", "0.1"},
           {"0.30000000000000004", "0.30000000000000004", "0.30000000000000004"},
           {"0.001", "0.001", "0.001"},
           {"0.0001", "0.0001", "0.0001"},
           {"0.00001", "0.00001", "1e-05"},
           {"0.000001", "0.000001", "1e-06"},
           {"0.0000001", "1e-7", "1e-07"},
           {"1.25e-7", "1.25e-7", "1.25e-07"},
           {"1e15", "1000000000000000", "1000000000000000.0"},
           {"1e16", "10000000000000000", "1e+16"},
           {"123456789012345680.0", "123456789012345680", "1.2345678901234568e+17"},
           {"1e20", "100000000000000000000", "1e+20"},
           {"1e21", "1e+21", "1e+21"},
           {"1.5e300", "1.5e+300", "1.5e+300"},
           {"5e-324", "5e-324", "5e-324"},
           {"1.7976931348623157e308", "1.7976931348623157e+308", "1.7976931348623157e+308"},
           {"9007199254740991", "9007199254740991", "9007199254740991"},
           {"-9007199254740991", "-9007199254740991", "-9007199254740991"},
           {"9007199254740993.0", "9007199254740992", "9007199254740992.0"},
           {"1.7976931348623158079e308", "1.7976931348623157e+308", "1.7976931348623157e+308"},
       }) {
    CHECK(jcs(text) == ecmascript);
    CHECK(clawshield(text) == python);
    CHECK(display(text) == python);
  }
}

TEST_CASE("A decimal of at most 15 digits is written with its own digits") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 20000; ++round) {
    const int places = static_cast<int>(random() % 8);
    const std::uint64_t digits = random() % (random() % 2 ? 1000000000000000 : 100000);
    const std::string integer = std::to_string(digits);
    std::string text = integer.size() > static_cast<std::size_t>(places)
                           ? integer
                           : std::string(static_cast<std::size_t>(places) + 1 - integer.size(), '0') + integer;
    text.insert(text.size() - static_cast<std::size_t>(places), 1, '.');
    std::string expected = text;
    while (expected.back() == '0') expected.pop_back();
    if (expected.back() == '.') expected.pop_back();
    if (text.back() == '.') text += '0';
    INFO(text);
    if (expected != "0" && std::stod(expected) < 1e-6) continue;  // written with an exponent
    REQUIRE(jcs(text) == expected);
    REQUIRE(jcs("-" + text) == (expected == "0" ? expected : "-" + expected));
  }
}

TEST_CASE("What breaks the rules is refused with the place") {
  for (const auto& [text, detail] : std::initializer_list<std::pair<std::string, std::string>>{
           {"", "byte 0: unexpected end"},
           {" \n", "byte 2: unexpected end"},
           {"{\"a\":1", "byte 6: unexpected end"},
           {"\"abc", "byte 4: unexpected end"},
           {"\"abc\\", "byte 5: unexpected end"},
           {"tru", "byte 3: unexpected end"},
           {"-", "byte 1: unexpected end"},
           {"1.", "byte 2: unexpected end"},
           {"1e+", "byte 3: unexpected end"},
           {"[1,]", "byte 3: unexpected character"},
           {"{\"a\":1,}", "byte 7: unexpected character"},
           {"[,1]", "byte 1: unexpected character"},
           {"{1:2}", "byte 1: unexpected character"},
           {"{\"a\" 1}", "byte 5: unexpected character"},
           {"[1 2]", "byte 3: unexpected character"},
           {"[1}", "byte 2: unexpected character"},
           {"]", "byte 0: unexpected character"},
           {"truE", "byte 3: unexpected character"},
           {"[NaN]", "byte 1: unexpected character"},
           {"[-Infinity]", "byte 2: unexpected character"},
           {"[+1]", "byte 1: unexpected character"},
           {"[.5]", "byte 1: unexpected character"},
           {"[1.e1]", "byte 3: unexpected character"},
           {"[01]", "byte 2: unexpected character"},
           {"[1]\x0c", "byte 3: something follows the value"},
           {"{} {}", "byte 3: something follows the value"},
           {"7\0"s, "byte 1: something follows the value"},
           {"\0"s, "byte 0: unexpected character"},
           {"nullx", "byte 4: something follows the value"},
           {"[1/**/]", "byte 2: unexpected character"},
           {"'a'", "byte 0: unexpected character"},
           {"[\"a\nb\"]", "byte 3: control character in a string"},
           {"[\"a\0b\"]"s, "byte 3: control character in a string"},
           {"[\"\\x41\"]", "byte 2: invalid escape"},
           {"[\"\\u12g4\"]", "byte 2: invalid escape"},
           {"[\"\\u+123\"]", "byte 2: invalid escape"},
           {"[\"\\ud800\"]", "byte 2: lone surrogate"},
           {"[\"\\udc00\"]", "byte 2: lone surrogate"},
           {"[\"\\ud800\\ud800\"]", "byte 2: lone surrogate"},
           {"[\"\\ud800\\n\"]", "byte 2: lone surrogate"},
           {"{\"\\udfff\":1}", "byte 2: lone surrogate"},
           {"[\"a\xff\"]", "byte 3: invalid UTF-8"},
           {"[\"\xed\xa0\x80\"]", "byte 2: invalid UTF-8"},
           {"[\"\xc0\xaf\"]", "byte 2: invalid UTF-8"},
           {"[\xff]", "byte 1: unexpected character"},
           {"\xef\xbb\xbf{}", "byte 0: byte order mark"},
           {"[1,9007199254740993]", "byte 3: integer beyond 2^53 - 1"},
           {"-9007199254740993", "byte 0: integer beyond 2^53 - 1"},
           {"9223372036854775807", "byte 0: integer beyond 2^53 - 1"},
           {"-9223372036854775808", "byte 0: integer beyond 2^53 - 1"},
           {"18446744073709551615", "byte 0: integer beyond 2^53 - 1"},
           {"[100000000000000000000,100000000000000000001]", "byte 23: integer beyond 2^53 - 1"},
           {"1000000000000000000000", "byte 0: integer beyond 2^53 - 1"},
           {"[123456789012345678901234567890]", "byte 1: integer beyond 2^53 - 1"},
           {"[1e400]", "byte 1: number too large"},
           {"-1E+309", "byte 0: number too large"},
           {"1.7976931348623159e308", "byte 0: number too large"},
           {"1e99999999999999999999999", "byte 0: number too large"},
           {std::string(400, '9') + ".5", "byte 0: number too large"},
       }) {
    INFO(text);
    CHECK(refusal(text) == detail);
  }
}

TEST_CASE("A number too small for a double reads as zero, however it is spelled") {
  const std::string long_zero = "0." + std::string(400, '0');
  for (const std::string& text : std::vector<std::string>{"1e-99999999999999999999999", long_zero + "1",
                                                          "0e99999999999999999999", "100000e-400", "0.00e400"}) {
    CHECK(jcs(text) == "0");
    CHECK_FALSE(canon::first_fault(text, {}));
  }
  CHECK(jcs(long_zero + "1e401") == "1");
}

TEST_CASE("The same key twice is refused with its path, however it is spelled") {
  for (const auto& [text, path] : std::initializer_list<std::pair<std::string, std::string>>{
           {R"({"a":1,"a":1})", "/a"},
           {R"({"a":1,"b":2,"\u0061":3})", "/a"},
           {R"({"":1,"":2})", "/"},
           {R"({"payload":{"a":1,"b":[],"a":2}})", "/payload/a"},
           {R"([0,{"x":1},{"y":[{"k":1,"k":2}]}])", "/2/y/0/k"},
           {R"({"a\nb":{"é":1,"\u00e9":2}})", "/a\\nb/\\u00e9"},
           {R"({"😀":1,"\ud83d\ude00":2})", "/\\ud83d\\ude00"},
           {R"({"/":1,"\/":2})", "//"},
           {R"({"samebeginning1":1,"samebeginning2":2,"samebeginning1":3})", "/samebeginning1"},
       }) {
    CHECK(refusal(text) == "duplicate key at " + path);
  }
  CHECK(refusal(R"([{"a":1},{"a":1,"A":2,"a ":3,"a\u0000":4}])").empty());
  CHECK(refusal("{\"\xc3\xa9\":1,\"e\xcc\x81\":2}").empty());  // composed and decomposed are two keys
}

TEST_CASE("A duplicate's path is cut at the front and stays short") {
  const std::string key(1000, 'k');
  CHECK(refusal("{\"" + key + "\":1,\"" + key + "\":2}").ends_with("kkk"));
  std::string text = R"({"a":1,"a":2})";
  for (int i = 0; i < 60; ++i) text = "{\"é" + std::to_string(i) + "\":[" + text + "]}";
  const std::string detail = refusal(text);
  CHECK(detail.starts_with("duplicate key at ..."));
  CHECK(detail.ends_with("/\\u00e91/0/\\u00e90/0/a"));
}

TEST_CASE("A text over the size limit is refused before it is read, with 413") {
  const Result<Document> document = canon::parse("[[[[not JSON", {.max_bytes = 11, .max_depth = 1});
  REQUIRE_FALSE(document.ok());
  CHECK(document.code() == Code::malformed_request);
  CHECK(document.status().http() == 413);
  CHECK(document.status().detail() == "JSON text of 12 bytes, the limit is 11");
  CHECK(canon::parse("\"123456789\"", {.max_bytes = 11}).ok());
  CHECK(canon::parse("", {.max_bytes = 0}).status().http() == 400);
}

TEST_CASE("Nesting is counted exactly") {
  CHECK(canon::parse(nested(128)).ok());
  CHECK(refusal(nested(129)) == "byte 128: nested too deep");
  CHECK(refusal(nested(100000)) == "byte 128: nested too deep");
  CHECK(refusal(std::string(100000, '[')) == "byte 128: nested too deep");
  CHECK(canon::parse("7", {.max_depth = 0}).ok());
  CHECK(refusal("[]", {.max_depth = 0}) == "byte 0: nested too deep");
  CHECK(refusal("{\"a\":{\"b\":[]}}", {.max_depth = 2}) == "byte 10: nested too deep");
  CHECK(canon::parse("{\"a\":{\"b\":[]},\"c\":[[],{}]}", {.max_depth = 3}).ok());
}

/// Runs on a thread with a stack of 256 KiB.
void on_small_stack(const std::function<void()>& work) {
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, 256 * 1024) == 0);
  pthread_t thread;
  const auto run = [](void* argument) -> void* {
    (*static_cast<const std::function<void()>*>(argument))();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, run, const_cast<std::function<void()>*>(&work)) == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  REQUIRE(pthread_attr_destroy(&attributes) == 0);
}

TEST_CASE("Depth costs no stack") {
  constexpr std::size_t depth = 300000;
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += i % 2 ? "[1," : "{\"k\":";
  text += "0";
  for (std::size_t i = depth; i-- > 0;) text += i % 2 ? "]" : "}";
  bool accepted = false, agreed = false, refused = false;
  std::string form, ascii;
  on_small_stack([&] {
    const ParseLimits limits{.max_bytes = 10 * depth, .max_depth = depth};
    const Result<Document> document = canon::parse(text, limits);
    accepted = document.ok();
    if (!accepted) return;
    form = canon::jcs(document->root());
    ascii = canon::clawshield_v1(document->root());
    agreed = !canon::first_fault(text, limits);
    refused = !canon::parse(text, {.max_bytes = limits.max_bytes, .max_depth = depth - 1}).ok();
  });
  REQUIRE(accepted);
  CHECK(form == text);
  CHECK(ascii == text);
  CHECK(agreed);
  CHECK(refused);
}

TEST_CASE("Few keys in any order are sorted, whatever they have in common, and none may be there twice") {
  const std::vector<std::vector<std::string>> sorted_names = {
      {"", "a", "b", "c", "d", "e", "f"},
      {"12345678", "123456780", "123456781", "12345679"},  // the first eight characters do not tell them all apart
      {"a", "aa", "aaa", "b", "ba", "c", "caa", "d"},
      {"A", "Z", "a", "k1", "k2", "z"}};
  for (const std::vector<std::string>& names : sorted_names) {
    std::string sorted;
    for (const std::string& name : names) sorted += (sorted.empty() ? "{\"" : ",\"") + name + "\":1";
    sorted += '}';
    std::vector<std::string> order = names;
    std::size_t orders = 0;
    do {
      std::string text;
      for (const std::string& name : order) text += (text.empty() ? "{\"" : ",\"") + name + "\":1";
      REQUIRE(jcs(text + "}") == sorted);
      REQUIRE_FALSE(canon::parse(text + ",\"" + order[orders % order.size()] + "\":2}").ok());
    } while (std::next_permutation(order.begin(), order.end()) && ++orders < 5'040);
  }
}

TEST_CASE("Many keys in any order, and many siblings deep down, are read in one go") {
  constexpr int count = 100000;
  const auto member = [](int i) {
    return "\"the same beginning of every key " + std::to_string(1000000 + i) + "\":" + std::to_string(i);
  };
  std::string backward, forward;
  for (int i = 0; i < count; ++i) {
    forward += (i ? "," : "") + member(i);
    backward += (i ? "," : "") + member(count - 1 - i);
  }
  const ParseLimits limits{.max_bytes = std::size_t{1} << 28};
  const std::string open = "{\"a\":[7,{\"b\":", close = "}]}";
  const Document document = parsed(open + "{" + backward + "}" + close, limits);
  CHECK(canon::jcs(document.root()) == open + "{" + forward + "}" + close);
  const View inner = (*(++document.root().find("a")->begin())).value.find("b").value();
  REQUIRE(inner.size() == count);
  CHECK(inner.find("the same beginning of every key 1099999")->integer() == 99999);
  CHECK_FALSE(inner.find("the same beginning of every key 1100000"));

  const Result<Document> twice =
      canon::parse("{" + backward + ",\"the same beginning of every key 1000007\":0}", limits);
  CHECK(twice.status().detail() == "duplicate key at /the same beginning of every key 1000007");
}

TEST_CASE("A value is read through views") {
  const Document document = parsed(R"({"n":null,"t":true,"i":-3,"d":2.5,"s":"x\u0000y","a":[1,[],"z"],"o":{"k":"v"}})");
  const View root = document.root();
  REQUIRE(root.is(Type::object));
  CHECK(root.size() == 7);
  CHECK(root.find("n")->is(Type::null));
  CHECK(root.find("t")->boolean());
  CHECK(root.find("i")->integer() == -3);
  CHECK(root.find("i")->number() == -3.0);
  CHECK(root.find("d")->is(Type::number));
  CHECK(root.find("d")->number() == 2.5);
  CHECK(root.find("s")->string() == "x\0y"s);
  CHECK_FALSE(root.find("x"));
  CHECK_FALSE(root.find(""));
  CHECK_THROWS_AS(root.find("x").value(), std::bad_optional_access);
  const std::optional<View> kept = root.find("i");
  CHECK(kept->integer() == -3);
  std::size_t looped = 0;
  for (const auto& [key, value] : *root.find("a")) looped += value.is(Type::integer) || value.is(Type::array);
  CHECK(looped == 2);

  std::string keys;
  for (const auto& [key, value] : root) keys += key;
  CHECK(keys == "adinost");

  const View array = root.find("a").value();
  std::vector<Type> types;
  for (const auto& [key, value] : array) {
    CHECK(key.empty());
    types.push_back(value.type());
  }
  CHECK(types == std::vector{Type::integer, Type::array, Type::string});
  CHECK(canon::jcs(array) == R"([1,[],"z"])");
  CHECK(canon::jcs(root.find("o").value()) == R"({"k":"v"})");
  CHECK((*array.begin()).value.integer() == 1);
  const View empty = (*(++array.begin())).value;
  CHECK(empty.begin() == empty.end());
}

TEST_CASE("An integer is a literal without point and exponent, whatever its value") {
  CHECK(parsed("1").root().is(Type::integer));
  CHECK(parsed("-0").root().is(Type::integer));
  for (const std::string_view text : {"1.0", "1e0", "1E5", "-0.0", "10e-1"})
    CHECK(parsed(text).root().is(Type::number));
}

TEST_CASE("A document is null until parsed into, and after a parse that failed") {
  Document document;
  CHECK(document.root().is(Type::null));
  CHECK(canon::jcs(document.root()) == "null");
  Parser parser;
  for (const std::string_view wrong : {"[1,", "{\"a\":1,\"a\":2}", "[9007199254740993]", "[100000000000000000000,2"}) {
    REQUIRE(parser.parse("[1]", {}, document).ok());
    REQUIRE(canon::jcs(document.root()) == "[1]");
    CHECK_FALSE(parser.parse(wrong, {}, document).ok());
    CHECK(document.root().is(Type::null));
  }
  REQUIRE(parser.parse("[1]", {}, document).ok());
  CHECK_FALSE(parser.parse("[1]", {.max_bytes = 2}, document).ok());
  CHECK(document.root().is(Type::null));
}

TEST_CASE("One parser serves many documents, large and small, deep and shallow") {
  Parser parser;
  Document first, second;
  REQUIRE(parser.parse("{\"keep\":\"me\"}", {}, first).ok());
  const std::string large = "[\"" + std::string(100000, 'x') + "\"]";
  for (int round = 0; round < 3; ++round) {
    REQUIRE(parser.parse(large, {}, second).ok());
    CHECK(canon::jcs(second.root()) == large);
    REQUIRE(parser.parse(nested(2000), {.max_depth = 2000}, second).ok());
    CHECK(canon::jcs(second.root()) == nested(2000));
    REQUIRE(parser.parse("{\"b\":2,\"a\":1}", {}, second).ok());
    CHECK(canon::jcs(second.root()) == "{\"a\":1,\"b\":2}");
    CHECK_FALSE(parser.parse(nested(129), {}, second).ok());
    CHECK_FALSE(parser.parse("{\"b\":2,\"b\":1}", {}, second).ok());
  }
  CHECK(canon::jcs(first.root()) == "{\"keep\":\"me\"}");
}

TEST_CASE("Views survive the move of their document") {
  Document document = parsed("{\"a\":[1,\"two\"]}");
  const View inside = document.root().find("a").value();
  const Document moved = std::move(document);
  CHECK(canon::jcs(inside) == "[1,\"two\"]");
  CHECK(canon::jcs(moved.root()) == "{\"a\":[1,\"two\"]}");
}

TEST_CASE("The forms append to what is there") {
  const Document document = parsed("{\"a\":[1.0,\"é\"]}");
  std::string out = "before";
  canon::append_jcs(document.root(), out);
  canon::append_clawshield_v1(document.root(), out);
  canon::append_display(document.root(), out);
  CHECK(out == "before{\"a\":[1,\"é\"]}{\"a\":[1.0,\"\\u00e9\"]}{\"a\": [1.0, \"\\u00e9\"]}");
}

TEST_CASE(
    "The jcs form of a double from 2^53 to 10^21 is accepted as that double, and keeps its digits in every form") {
  for (const auto& [text, form] : std::initializer_list<std::pair<const char*, const char*>>{
           {"9007199254740992.0", "9007199254740992"},
           {"-1E+17", "-100000000000000000"},
           {"9223372036854775808.0", "9223372036854776000"},
           {"1e19", "10000000000000000000"},
           {"18446744073709551616.0", "18446744073709552000"},
           {"1e20", "100000000000000000000"},
           {"-1e19", "-10000000000000000000"},
           {"999999999999999900000.0", "999999999999999900000"},
       }) {
    INFO(text);
    CHECK(jcs(text) == form);
    CHECK(jcs(form) == form);
    CHECK(clawshield(form) == form);
    CHECK(clawshield(text) != form);
    CHECK(clawshield(clawshield(text)) == clawshield(text));
    const Result<Document> document = canon::parse(form);
    REQUIRE(document.ok());
    CHECK(document->root().is(canon::Type::number));
    CHECK(document->root().number() == canon::parse(text)->root().number());
  }
  // Among other numbers, and behind escapes, each keeps its own digits.
  const std::string mixed =
      R"({"a":[1,2.5,100000000000000000000,1e+21],"b":{"c":-100000000000000000000,"d":"\n7"},"e":3})";
  CHECK(jcs(mixed) == mixed);
  CHECK(clawshield(mixed) ==
        R"({"a":[1,2.5,100000000000000000000,1e+21],"b":{"c":-100000000000000000000,"d":"\n7"},"e":3})");
  CHECK(jcs(jcs("1e21")) == "1e+21");
  CHECK(jcs(jcs("9007199254740991.0")) == "9007199254740991");
}

/// Random values, each spelled in random ways.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  struct Value {
    enum class Kind { literal, string, array, object } kind = Kind::literal;
    std::string text;                  // of a literal
    std::vector<std::u32string> keys;  // of an object; a string's characters
    std::vector<Value> children;
  };

  Value value(int depth) {
    Value made;
    switch (below(depth > 0 ? 8 : 5)) {
      case 0: made.text = std::vector{"null", "true", "false"}[below(3)]; break;
      case 1: made.text = integer(); break;
      case 2: made.text = number(); break;
      case 3:
      case 4:
        made.kind = Value::Kind::string;
        made.keys = {characters()};
        break;
      case 5:
        made.kind = Value::Kind::array;
        for (std::size_t i = below(6); i > 0; --i) made.children.push_back(value(depth - 1));
        break;
      default:
        made.kind = Value::Kind::object;
        for (std::size_t i = below(8); i > 0; --i) {
          const std::u32string key = characters();
          if (std::find(made.keys.begin(), made.keys.end(), key) != made.keys.end()) continue;
          made.keys.push_back(key);
          made.children.push_back(value(depth - 1));
        }
    }
    return made;
  }

  /// One of the many spellings of a value: any order of members, any white space, any escapes.
  std::string spell(const Value& value) {
    if (value.kind == Value::Kind::literal) return space() + value.text + space();
    if (value.kind == Value::Kind::string) return space() + spell(value.keys[0]) + space();
    const bool object = value.kind == Value::Kind::object;
    std::vector<std::size_t> order(value.children.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (object) std::shuffle(order.begin(), order.end(), random_);
    std::string members;
    for (const std::size_t i : order) {
      if (!members.empty()) members += ",";
      if (object) members += space() + spell(value.keys[i]) + space() + ":";
      members += spell(value.children[i]);
    }
    return space() + (object ? "{" : "[") + space() + members + (object ? "}" : "]") + space();
  }

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

 private:
  std::string integer() {
    std::uniform_int_distribution<std::int64_t> any(-canon::max_integer, canon::max_integer);
    return std::to_string(any(random_));
  }

  std::string number() {
    for (;;) {
      std::uint64_t bits = std::uniform_int_distribution<std::uint64_t>()(random_);
      double value;
      std::memcpy(&value, &bits, sizeof value);
      if (below(2)) value = std::ldexp(static_cast<double>(below(100000)), static_cast<int>(below(80)) - 40);
      if (!std::isfinite(value)) continue;
      char text[40];
      std::snprintf(text, sizeof text, "%.17e", value);
      return text;
    }
  }

  std::u32string characters() {
    static constexpr char32_t edges[] = {
        0,   8,    9,    10,    12,    13,     0x1f,   ' ',    '"',    '\\',   '/',    'a',    'b',     'k',
        '~', 0x7f, 0x80, 0x7ff, 0x800, 0x2028, 0xd7ff, 0xe000, 0xeeee, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x10ffff};
    std::u32string made;
    for (std::size_t i = below(below(10) ? 6 : 40); i > 0; --i)
      made += below(3) ? static_cast<char32_t>('a' + below(4)) : edges[below(std::size(edges))];
    return made;
  }

  std::string spell(const std::u32string& characters) {
    std::string out = "\"";
    for (const char32_t c : characters) {
      if (c < 0x20 || c == '"' || c == '\\' || below(8) == 0) {
        if (c < 0x10000) {
          out += escape(c);
        } else {
          out += escape(0xd800 + ((c - 0x10000) >> 10)) + escape(0xdc00 + ((c - 0x10000) & 0x3ff));
        }
      } else if (c < 0x80) {
        out += static_cast<char>(c);
      } else if (c < 0x800) {
        out += {byte(0xc0 | c >> 6), byte(0x80 | (c & 0x3f))};
      } else if (c < 0x10000) {
        out += {byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f))};
      } else {
        out += {byte(0xf0 | c >> 18), byte(0x80 | (c >> 12 & 0x3f)), byte(0x80 | (c >> 6 & 0x3f)),
                byte(0x80 | (c & 0x3f))};
      }
    }
    return out + "\"";
  }

  static char byte(char32_t value) { return static_cast<char>(value); }

  std::string escape(char32_t unit) {
    char text[8];
    std::snprintf(text, sizeof text, below(2) ? "\\u%04x" : "\\u%04X", static_cast<unsigned>(unit));
    return text;
  }

  std::string space() { return below(4) ? "" : std::vector{" ", "\n", "\t", "\r\n"}[below(4)]; }

  std::mt19937 random_;
};

TEST_CASE("All spellings of a value have the same forms, and a form is its own form") {
  Generator generator(20240117);
  Parser parser;
  Document one, other, again;
  for (int round = 0; round < 3000; ++round) {
    const Generator::Value value = generator.value(5);
    const std::string text = generator.spell(value);
    INFO(text);
    REQUIRE(parser.parse(text, {}, one).ok());
    REQUIRE(parser.parse(generator.spell(value), {}, other).ok());
    const std::string jcs = canon::jcs(one.root());
    const std::string clawshield = canon::clawshield_v1(one.root());
    REQUIRE(canon::jcs(other.root()) == jcs);
    REQUIRE(canon::clawshield_v1(other.root()) == clawshield);

    REQUIRE(parser.parse(jcs, {}, again).ok());
    REQUIRE(canon::jcs(again.root()) == jcs);
    REQUIRE(parser.parse(clawshield, {}, again).ok());
    REQUIRE(canon::clawshield_v1(again.root()) == clawshield);
    REQUIRE(canon::jcs(again.root()) == jcs);
    REQUIRE(parser.parse(canon::display(one.root()), {}, again).ok());
    REQUIRE(canon::clawshield_v1(again.root()) == clawshield);
  }
}

TEST_CASE("The scan finds a fault exactly where the parse refuses, in texts with a few bytes changed") {
  Generator generator(7);
  Parser parser;
  Document document;
  const std::string_view bytes = "{}[]\",:\\u0123eE+-.nulltrue \n\x01\x80\xc3\xff\xed";
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = generator.spell(generator.value(3));
    for (std::size_t changes = 1 + generator.below(3); changes > 0; --changes) {
      const std::size_t at = generator.below(text.size());
      if (generator.below(3) == 0) {
        text.erase(at, 1);
        if (text.empty()) text = " ";
      } else if (generator.below(2)) {
        text[at] = bytes[generator.below(bytes.size())];
      } else {
        text.insert(at, 1, bytes[generator.below(bytes.size())]);
      }
    }
    const Status status = parser.parse(text, {.max_depth = 3}, document);
    const auto fault = canon::first_fault(text, {.max_depth = 3});
    INFO(text << " -> " << status.detail());
    const bool duplicate = status.detail().starts_with("duplicate key");
    REQUIRE(fault.has_value() == (!status.ok() && !duplicate));
    refused += !status.ok();
  }
  CHECK(refused > 5000);
}

}  // namespace
