// SPDX-License-Identifier: Apache-2.0
// Strict JSON and the canonical forms against OpenExec's own vectors and those of others.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <base/text.hpp>
#include <canon/json.hpp>
#include <canon/number.hpp>
#include <canon/scan.hpp>
#include <crypto/sha256.hpp>
#include <openexec/bytes.hpp>

#include "support/catch.hpp"
#include "support/vectors.hpp"

namespace {

using namespace openexec;
using namespace std::string_literals;
namespace fs = std::filesystem;
using canon::Document;
using canon::View;

/// Parses a text as a request is parsed, and holds the scan to the parse's verdict.
class Verdict {
 public:
  explicit Verdict(std::string_view text) {
    static canon::Parser parser;
    const Status status = parser.parse(text, {}, document_);
    accepted_ = status.ok();
    detail_ = status.detail();
    CHECK((accepted_ || status.code() == Code::malformed_request));
    const bool duplicate = detail_.starts_with("duplicate key at /");
    CHECK((accepted_ || duplicate || detail_.starts_with("byte ")));
    CHECK(canon::first_fault(text, {}).has_value() == (!accepted_ && !duplicate));
  }

  bool accepted() const { return accepted_; }
  const std::string& detail() const { return detail_; }
  View value() const { return document_.root(); }

 private:
  Document document_;
  bool accepted_ = false;
  std::string detail_;
};

/// A vector file itself; it may be larger than a request.
Document read(std::string_view text) {
  Result<Document> document = canon::parse(text, {.max_bytes = std::size_t{1} << 28});
  INFO(document.status().detail());
  REQUIRE(document.ok());
  return std::move(document).value();
}

std::string_view member(View object, std::string_view key) {
  const View::Found value = object.find(key);
  REQUIRE(value);
  REQUIRE(value->is(canon::Type::string));
  return value->string();
}

/// Nothing where the member is null.
std::optional<std::string> optional_member(View object, std::string_view key) {
  if (object.find(key).value().is(canon::Type::null)) return std::nullopt;
  return std::string(member(object, key));
}

std::string sha256_hex(std::string_view bytes) { return to_hex(crypto::sha256(bytes)); }

std::vector<std::string> lines_of(const fs::path& path) {
  std::istringstream in(test::read_file(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

/// Calls `check` with each object of a JSON Lines file; returns their number.
std::size_t each_line(const fs::path& path, const std::function<void(View)>& check) {
  const std::vector<std::string> lines = lines_of(path);
  for (const std::string& line : lines) check(read(line).root());
  return lines.size();
}

std::vector<fs::path> files_in(const fs::path& folder, std::string_view extension = {}) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (extension.empty() || entry.path().extension() == extension) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

double from_bits(std::string_view hex) {
  std::uint64_t bits = 0;
  REQUIRE(std::from_chars(hex.data(), hex.data() + hex.size(), bits, 16).ptr == hex.data() + hex.size());
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

std::string ecmascript(double value) {
  std::array<char, canon::max_number_size> text;
  return {text.data(), canon::write_ecmascript(value, text.data())};
}

void check_forms(const std::string& name) {
  const Document file = read(test::read_file(test::vectors() / name));
  std::size_t forms = 0, refused = 0;
  for (const auto& [none, entry] : *file.root().find("cases")) {
    INFO(member(entry, "id"));
    const std::optional<std::string> text = base::unhex(member(entry, "input_hex"));
    REQUIRE(text);
    const Verdict verdict(*text);
    const View::Found refuse = entry.find("refuse");
    if (refuse && refuse->boolean()) {
      CHECK_FALSE(verdict.accepted());
      ++refused;
      continue;
    }
    INFO(verdict.detail());
    REQUIRE(verdict.accepted());
    const std::string jcs = canon::jcs(verdict.value());
    const std::string clawshield = canon::clawshield_v1(verdict.value());
    CHECK(jcs == member(entry, "jcs"));
    CHECK(clawshield == member(entry, "clawshield_v1"));
    CHECK(canon::display(verdict.value()) == member(entry, "display"));
    CHECK(sha256_hex(jcs) == member(entry, "jcs_sha256"));
    CHECK(sha256_hex(clawshield) == member(entry, "clawshield_v1_sha256"));
    ++forms;
  }
  CHECK(forms > 0);
  CHECK(refused > 0);
  test::report(name + ", three forms", forms);
  test::report(name + ", refused", refused);
}

TEST_CASE("OpenExec's vectors: each text has its three forms and their hashes, or is refused") {
  check_forms("canonical.json");
}

TEST_CASE(
    "OpenExec's vectors: an integer that jcs writes for a double is accepted as that double, another is refused") {
  if (!std::filesystem::exists(test::vectors() / "integers.json")) {
    WARN("SKIPPED: the folder of vectors has no integers.json");
    return;
  }
  check_forms("integers.json");
}

TEST_CASE("JCS: the documents of cyberphone and erdtman have their published bytes") {
  const auto vectors = test::public_vectors();
  if (!vectors) return;
  for (const char* origin : {"cyberphone", "erdtman"}) {
    const fs::path folder = *vectors / "2-jcs" / origin;
    std::size_t cases = 0;
    for (const fs::path& input : files_in(folder / "input")) {
      INFO(input);
      const Verdict verdict(test::read_file(input));
      REQUIRE(verdict.accepted());
      const std::string jcs = canon::jcs(verdict.value());
      CHECK(jcs == test::read_file(folder / "output" / input.filename()));
      const fs::path as_hex = folder / "outhex" / input.filename().replace_extension(".txt");
      if (fs::exists(as_hex)) {
        std::string digits = test::read_file(as_hex);
        std::erase_if(digits, [](char c) { return c == ' ' || c == '\n' || c == '\r'; });
        CHECK(base::unhex(digits) == jcs);
      }
      ++cases;
    }
    CHECK(cases > 0);
    test::report("2-jcs/"s + origin, cases);
  }
}

TEST_CASE("JCS: doubles are written as ECMAScript writes them") {
  const auto vectors = test::public_vectors();
  if (!vectors) return;
  std::size_t cases = 0;
  for (const std::string& line : lines_of(*vectors / "2-jcs" / "es6_numbers_first_10000.txt")) {
    const std::size_t comma = line.find(',');
    const double value = from_bits(std::string_view(line).substr(0, comma));
    INFO(line);
    CHECK(ecmascript(value) == line.substr(comma + 1));
    ++cases;
  }
  CHECK(cases == 10000);
  test::report("2-jcs/es6_numbers_first_10000.txt", cases);
}

TEST_CASE("JCS: the numbers of RFC 8785 appendix B, of which those that are not finite cannot be said") {
  const auto vectors = test::public_vectors();
  if (!vectors) return;
  const std::size_t cases = each_line(*vectors / "2-jcs" / "rfc8785_appendix_b.jsonl", [](View entry) {
    const double value = from_bits(member(entry, "ieee_hex"));
    const std::optional<std::string> expected = optional_member(entry, "expected");
    if (expected) {
      CHECK(ecmascript(value) == *expected);
    } else {
      REQUIRE_FALSE(std::isfinite(value));
      const auto names = std::isnan(value) ? std::array{"NaN", "nan", "-NaN"} : std::array{"Infinity", "inf", "1e999"};
      for (const char* text : names) CHECK_FALSE(Verdict(text).accepted());
    }
  });
  test::report("2-jcs/rfc8785_appendix_b.jsonl", cases);
}

TEST_CASE(
    "JCS: number texts read as the nearest double, and other integers than jcs writes are refused beyond 2^53 - 1") {
  const auto vectors = test::public_vectors();
  if (!vectors) return;
  std::size_t written = 0, overflows = 0, integers = 0;
  const std::size_t cases = each_line(*vectors / "2-jcs" / "json_number_text_to_jcs.jsonl", [&](View entry) {
    const std::string text(member(entry, "text"));
    const std::optional<std::string> expected = optional_member(entry, "jcs");
    const bool integer = text.find_first_of(".eE") == std::string::npos;
    INFO(text);
    const Verdict verdict(text);
    if (!expected) {
      CHECK_FALSE(verdict.accepted());
      ++overflows;
    } else if (integer && std::fabs(from_bits(member(entry, "ieee"))) >= 9007199254740992.0 && text != *expected) {
      CHECK(verdict.detail() == "byte 0: integer beyond 2^53 - 1");
      ++integers;
    } else {
      REQUIRE(verdict.accepted());
      CHECK(canon::jcs(verdict.value()) == *expected);
      ++written;
    }
  });
  CHECK(cases == written + overflows + integers);
  test::report("2-jcs/json_number_text_to_jcs.jsonl, written", written);
  test::report("2-jcs/json_number_text_to_jcs.jsonl, refused as too large", overflows);
  test::report("2-jcs/json_number_text_to_jcs.jsonl, refused as integers beyond 2^53 - 1", integers);
}

/// Whether the text has, at the place the detail names, a literal without `.`, `e` and `E` beyond 2^53 - 1.
bool names_large_integer(std::string_view text, std::string_view detail) {
  if (!detail.starts_with("byte ") || !detail.ends_with(": integer beyond 2^53 - 1")) return false;
  std::size_t offset = 0;
  std::from_chars(detail.data() + 5, detail.data() + detail.size(), offset);
  const std::string literal(text.substr(offset, text.find_first_not_of("-+.eE0123456789", offset) - offset));
  return literal.find_first_of(".eE") == std::string::npos && std::fabs(std::stod(literal)) >= 9007199254740992.0;
}

TEST_CASE("JCS: random documents have the bytes and hashes that another implementation found") {
  const auto vectors = test::public_vectors();
  if (!vectors) return;
  std::size_t written = 0, refused = 0;
  const std::size_t cases = each_line(*vectors / "2-jcs" / "random_documents.jsonl", [&](View entry) {
    const std::string_view input = member(entry, "input");
    const Verdict verdict(input);
    INFO(input << ": " << verdict.detail());
    if (!verdict.accepted()) {
      CHECK(names_large_integer(input, verdict.detail()));
      ++refused;
      return;
    }
    const std::string jcs = canon::jcs(verdict.value());
    CHECK(jcs == member(entry, "canonical"));
    CHECK(sha256_hex(jcs) == member(entry, "sha256"));
    ++written;
  });
  CHECK(cases == written + refused);
  CHECK(written > cases / 2);
  test::report("2-jcs/random_documents.jsonl, written", written);
  test::report("2-jcs/random_documents.jsonl, refused for an integer beyond 2^53 - 1", refused);
}

/// What JSONTestSuite leaves to the implementation (i_), and where this profile is stricter than RFC 8259 (y_).
const std::map<std::string, std::pair<bool, const char*>> written_verdicts{
    {"y_object_duplicated_key.json", {false, "duplicate key"}},
    {"y_object_duplicated_key_and_value.json", {false, "duplicate key"}},

    {"i_number_double_huge_neg_exp.json", {true, "underflow reads as 0"}},
    {"i_number_real_underflow.json", {true, "underflow reads as 0"}},
    {"i_number_huge_exp.json", {false, "number too large"}},
    {"i_number_neg_int_huge_exp.json", {false, "number too large"}},
    {"i_number_pos_double_huge_exp.json", {false, "number too large"}},
    {"i_number_real_neg_overflow.json", {false, "number too large"}},
    {"i_number_real_pos_overflow.json", {false, "number too large"}},
    {"i_number_too_big_neg_int.json", {false, "integer beyond 2^53 - 1"}},
    {"i_number_too_big_pos_int.json", {true, "1e20, as jcs writes it"}},
    {"i_number_very_big_negative_int.json", {false, "integer beyond 2^53 - 1"}},
    {"i_object_key_lone_2nd_surrogate.json", {false, "lone surrogate"}},
    {"i_string_1st_surrogate_but_2nd_missing.json", {false, "lone surrogate"}},
    {"i_string_1st_valid_surrogate_2nd_invalid.json", {false, "lone surrogate"}},
    {"i_string_incomplete_surrogate_and_escape_valid.json", {false, "lone surrogate"}},
    {"i_string_incomplete_surrogate_pair.json", {false, "lone surrogate"}},
    {"i_string_incomplete_surrogates_escape_valid.json", {false, "lone surrogate"}},
    {"i_string_invalid_lonely_surrogate.json", {false, "lone surrogate"}},
    {"i_string_invalid_surrogate.json", {false, "lone surrogate"}},
    {"i_string_inverted_surrogates_U+1D11E.json", {false, "lone surrogate"}},
    {"i_string_lone_second_surrogate.json", {false, "lone surrogate"}},
    {"i_string_UTF-8_invalid_sequence.json", {false, "invalid UTF-8"}},
    {"i_string_UTF8_surrogate_U+D800.json", {false, "invalid UTF-8"}},
    {"i_string_invalid_utf-8.json", {false, "invalid UTF-8"}},
    {"i_string_iso_latin_1.json", {false, "invalid UTF-8"}},
    {"i_string_lone_utf8_continuation_byte.json", {false, "invalid UTF-8"}},
    {"i_string_not_in_unicode_range.json", {false, "invalid UTF-8"}},
    {"i_string_overlong_sequence_2_bytes.json", {false, "invalid UTF-8"}},
    {"i_string_overlong_sequence_6_bytes.json", {false, "invalid UTF-8"}},
    {"i_string_overlong_sequence_6_bytes_null.json", {false, "invalid UTF-8"}},
    {"i_string_truncated-utf-8.json", {false, "invalid UTF-8"}},
    {"i_string_UTF-16LE_with_BOM.json", {false, "unexpected character"}},
    {"i_string_utf16BE_no_BOM.json", {false, "unexpected character"}},
    {"i_string_utf16LE_no_BOM.json", {false, "unexpected character"}},
    {"i_structure_500_nested_arrays.json", {false, "nested too deep"}},
    {"i_structure_UTF-8_BOM_empty_object.json", {false, "byte order mark"}},
};

TEST_CASE("JSONTestSuite: y_ is accepted, n_ refused, and each i_ has its verdict") {
  const auto vectors = test::public_vectors();
  if (!vectors) return;
  std::map<char, std::size_t> count;
  std::size_t from_table = 0;
  for (const fs::path& path : files_in(*vectors / "3-json-parsing" / "jsontestsuite_test_parsing")) {
    const std::string name = path.filename().string();
    const Verdict verdict(test::read_file(path));
    INFO(name << ": " << verdict.detail());
    const char expectation = name.front();
    const auto written = written_verdicts.find(name);
    if (written != written_verdicts.end()) {
      const auto& [accept, reason] = written->second;
      CHECK(verdict.accepted() == accept);
      if (!accept) CHECK(verdict.detail().find(reason) != std::string::npos);
      ++from_table;
    } else {
      REQUIRE((expectation == 'y' || expectation == 'n'));  // an i_ without a verdict would be a gap
      CHECK(verdict.accepted() == (expectation == 'y'));
    }
    ++count[expectation];
  }
  CHECK(from_table == written_verdicts.size());
  CHECK(count.size() == 3);
  test::report("3-json-parsing/jsontestsuite_test_parsing, y_", count['y']);
  test::report("3-json-parsing/jsontestsuite_test_parsing, n_", count['n']);
  test::report("3-json-parsing/jsontestsuite_test_parsing, i_", count['i']);
}

TEST_CASE("yajl: what its lenient modes or its parse refuse is refused, the rest accepted") {
  const auto vectors = test::public_vectors();
  if (!vectors) return;
  // Accepted by yajl, refused here.
  const std::map<std::string, std::string> stricter{
      {"bignums.json", "byte 2: integer beyond 2^53 - 1"},
      {"deep_arrays.json", "byte 128: nested too deep"},
      {"isolated_surrogate_marker.json", "byte 1: lone surrogate"},
  };
  constexpr std::array<std::string_view, 4> modes{"ac_", "ag_", "am_", "ap_"};  // comments, garbage, many, partial
  std::size_t cases = 0, stricter_seen = 0;
  for (const fs::path& path : files_in(*vectors / "3-json-parsing" / "yajl", ".json")) {
    const std::string name = path.filename().string();
    const std::string trace = test::read_file(path.string() + ".gold");
    const bool lenient = std::any_of(modes.begin(), modes.end(), [&](auto mode) { return name.starts_with(mode); });
    const bool error = trace.find("error") != std::string::npos;
    const Verdict verdict(test::read_file(path));
    INFO(name << ": " << verdict.detail());
    if (const auto found = stricter.find(name); found != stricter.end()) {
      CHECK(verdict.detail() == found->second);
      ++stricter_seen;
    } else {
      CHECK(verdict.accepted() == (!lenient && !error));
    }
    ++cases;
  }
  CHECK(stricter_seen == stricter.size());
  test::report("3-json-parsing/yajl", cases);
}

TEST_CASE("RapidJSON's documents of each type parse, and their forms are stable") {
  const auto vectors = test::public_vectors();
  if (!vectors) return;
  std::size_t cases = 0;
  for (const fs::path& path : files_in(*vectors / "3-json-parsing" / "rapidjson_types")) {
    INFO(path);
    const Verdict verdict(test::read_file(path));
    INFO(verdict.detail());
    REQUIRE(verdict.accepted());
    const std::string jcs = canon::jcs(verdict.value());
    const std::string clawshield = canon::clawshield_v1(verdict.value());
    CHECK(canon::jcs(Verdict(jcs).value()) == jcs);
    CHECK(canon::clawshield_v1(Verdict(clawshield).value()) == clawshield);
    CHECK(canon::jcs(Verdict(clawshield).value()) == jcs);
    ++cases;
  }
  CHECK(cases > 0);
  test::report("3-json-parsing/rapidjson_types", cases);
}

TEST_CASE("Where parsers differ, the strict verdict is ours") {
  const auto vectors = test::public_vectors();
  if (!vectors) return;
  std::size_t accepted = 0;
  const std::size_t cases = each_line(*vectors / "3-json-parsing" / "parser_differentials.jsonl", [&](View entry) {
    const std::optional<std::string> text = base::unhex(member(entry, "input_hex"));
    REQUIRE(text);
    const Verdict verdict(*text);
    INFO(member(entry, "id") << ": " << verdict.detail());
    CHECK(verdict.accepted() == (member(entry, "strict") == "accept"));
    const std::optional<std::string> canonical = optional_member(entry, "canonical");
    CHECK(verdict.accepted() == canonical.has_value());
    if (!verdict.accepted() || !canonical) return;
    CHECK(canon::jcs(verdict.value()) == *canonical);
    ++accepted;
  });
  CHECK(accepted > 0);
  test::report("3-json-parsing/parser_differentials.jsonl", cases);
}

}  // namespace
