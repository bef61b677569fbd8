// SPDX-License-Identifier: Apache-2.0
// Idempotency-Key: a String item of RFC 9651, and nothing else.
#include "api/structured_field.hpp"

#include "support/catch.hpp"
#include "support/json.hpp"

namespace openexec {
namespace {

using service::parse_idempotency_key;
using service::parse_string_item;

// The verdict on a vector: accepted exactly where it is one field line that holds a bare String item. Items of other
// types, parameters, lists and dictionaries are well formed, and still no key. A string over two lines may fail by
// RFC 9651, and does here.
std::optional<std::string> expected_key(canon::View vector) {
  if (vector.find("must_fail") || vector.find("can_fail")) return std::nullopt;
  if (test::text_at(vector, "header_type") != "item") return std::nullopt;
  const canon::View expected = test::at(vector, "expected");  // [value, parameters]
  auto part = expected.begin();
  const canon::View value = (*part).value;
  const canon::View parameters = (*++part).value;
  if (!value.is(canon::Type::string) || parameters.size() != 0) return std::nullopt;
  return std::string(value.string());
}

std::string joined(canon::View lines) {
  std::string out;
  for (const auto& [key, line] : lines) {
    if (!out.empty()) out += '\n';
    out += line.string();
  }
  return out;
}

TEST_CASE("An Idempotency-Key is one quoted string, and every structured field vector has its verdict") {
  const auto folder = test::public_vectors();
  if (!folder) return;
  std::size_t cases = 0;
  std::size_t accepted = 0;
  for (const char* file : {"sf_string.json", "sf_item.json", "sf_token.json", "sf_examples.json"}) {
    const canon::Document document = test::read_json(*folder / "7-http-idempotency" / file);
    for (const auto& [index, vector] : document.root()) {
      CAPTURE(file, test::text_at(vector, "name"));
      const auto want = expected_key(vector);
      CHECK(parse_string_item(joined(test::at(vector, "raw"))) == want);
      ++cases;
      if (want) ++accepted;
    }
  }
  CHECK(accepted >= 5);
  CHECK(cases >= 40);
  test::report("Idempotency-Key (7-http-idempotency)", cases);
}

TEST_CASE("A key may come without quotes, as most clients send it, and is visible ASCII then") {
  CHECK(parse_idempotency_key("unique-1") == "unique-1");
  CHECK(parse_idempotency_key(" 0f9b6c1e:{x}~ ") == "0f9b6c1e:{x}~");
  CHECK(parse_idempotency_key("\"quoted\"") == "quoted");
  CHECK(parse_idempotency_key(std::string(255, 'a')) == std::string(255, 'a'));
  for (const std::string& bad : {std::string(), std::string(" "), std::string("a b"), std::string("a, b"),
                                 std::string("a\nb"), std::string("\"a"), std::string("\"a\";p"), std::string("\x7f"),
                                 std::string("\xc3\xa9"), std::string(256, 'a')}) {
    INFO(bad);
    CHECK(parse_idempotency_key(bad) == std::nullopt);
  }
}

TEST_CASE("Only spaces may surround the key, and only printable ASCII may be in it") {
  CHECK(parse_string_item("  \"a\"  ") == "a");
  CHECK(parse_string_item("\"\"") == "");
  CHECK(parse_string_item("\"a\\\"b\\\\c\"") == "a\"b\\c");
  for (const char* bad :
       {"",         " ",       "a",       "\"a",      "a\"",          "\"a\"b",  "\"a\";p", "\"a\";p=1", "\"a\", \"b\"",
        "\"a\tb\"", "\t\"a\"", "\"a\"\t", "\"\x7f\"", "\"\xc3\xbc\"", "\"\\a\"", "\"\\",    "\"a\\\"",   ":YQ==:",
        "?1",       "1",       "@1",      "%\"a\""}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_string_item(bad).has_value());
  }
}

TEST_CASE("A preference is found in a Prefer field, and nowhere else") {
  using service::prefers;
  for (const char* field :
       {"receipt-proof", "Receipt-Proof", " receipt-proof ", "wait=5, receipt-proof", "receipt-proof; a=b",
        "return=minimal,receipt-proof,x", "a=\"x,y\", receipt-proof", ",receipt-proof"})
    CHECK(prefers(field, "receipt-proof"));
  for (const char* field :
       {"", ",", "receipt", "receipt-proofs", "x; receipt-proof", "a=\"receipt-proof\"", "a=\", receipt-proof",
        "a=\", receipt-proof, \"", "receipt-proof=1", "a=\"\\\", receipt-proof"})
    CHECK_FALSE(prefers(field, "receipt-proof"));
}

}  // namespace
}  // namespace openexec
