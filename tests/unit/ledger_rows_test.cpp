// SPDX-License-Identifier: Apache-2.0
// Rows of a ledger: texts are kept short and come back, and no bit of a row can change unnoticed.
#include "rows/ledger_rows.hpp"

#include <algorithm>
#include <string>

#include "crypto/sha256.hpp"
#include "rows/rules.hpp"
#include "support/catch.hpp"

using namespace openexec;
using namespace openexec::store;

namespace {

Digest digest(std::string_view of) { return crypto::sha256(of); }

std::string entry_text(std::string_view name) {
  return R"({"action":"pay","approval":{"digest":")" + to_hex(digest("artifact")) +
         R"(","id":"04f85147"},"exec_id":")" + to_hex(digest(name)) + R"(","nonce":"\")" + std::string(64, 'a') +
         R"(","tenant":"acme"})";
}

/// What is packed and read back.
std::string again(std::string_view text, std::size_t* size = nullptr) {
  std::string bytes = "before";
  const bool packed = append_packed(text, bytes);
  if (size != nullptr) *size = bytes.size() - 6;
  return StoredText{std::string_view(bytes).substr(6), packed}.str();
}

OwnedRow row_of_entries() {
  OwnedRow row{7, 3, std::string(1, row_form), {}};
  const Ending ending{4, NonceState::sealed, Code::ok, Effect::confirmed, {5'000}, 6};
  const std::string first = entry_text("one"), second = "not JSON \x01 and no digest", third = entry_text("three");
  append_entry({{first}, digest("one"), {}, {5'000}, ending}, leaf_hash(first), 7, row);
  append_entry({{second}, digest("elsewhere"), digest("attempt"), {6'000}, std::nullopt}, leaf_hash(second), 8, row);
  append_entry(
      {{third}, {}, {}, {7'000}, Ending{5, NonceState::in_doubt, Code::in_doubt, Effect::unknown, {1}, std::nullopt}},
      leaf_hash(third), 9, row);
  return row;
}

}  // namespace

TEST_CASE("a text comes back as it was, whatever is in it, and wherever") {
  const std::string hex = to_hex(digest("x"));
  const std::string upper = "\"" + std::string(64, 'A') + "\"";
  for (const std::string& text :
       {std::string(), std::string("\""), "\"" + hex, hex + "\"", "\"" + hex + "\"", "\"" + hex + "0\"",
        "\\\"" + hex + "\"", "\"" + hex + "\"" + hex + "\"", "\"\"" + hex + "\"\"" + hex + "\"\"", upper,
        std::string("\x01") + "\"" + hex + "\"", std::string("\0\"", 2) + hex + "\"", entry_text("one")})
    for (std::size_t before = 0; before < 130; ++before) {
      CAPTURE(text, before);
      CHECK(again(std::string(before, ' ') + text) == std::string(before, ' ') + text);
    }
}

TEST_CASE("a digest takes 33 bytes, wherever it stands") {
  const std::string hex = to_hex(digest("x"));
  for (std::size_t before = 0; before < 130; ++before) {
    std::size_t size = 0;
    (void)again(std::string(before, ' ') + "{\"a\":\"" + hex + "\",\"b\":[\"" + hex + "\"]}", &size);
    CHECK(size == before + 5 + 33 + 6 + 33 + 2);
  }
}

TEST_CASE("a packed text that was cut is damage, and no text") {
  std::string bytes;
  REQUIRE(append_packed("\"" + to_hex(digest("x")) + "\"", bytes));
  bytes.pop_back();
  CHECK_THROWS_AS((StoredText{bytes, true}.str()), StoreFailure);
}

TEST_CASE("the members of a row of entries come back as they were") {
  const OwnedRow row = row_of_entries();
  const StoredEntry first = member_at<StoredEntry>(view_of(row), 7);
  CHECK(first.json() == entry_text("one"));
  CHECK(first.exec_id == digest("one"));
  CHECK(first.ending->claim == 4);
  CHECK(first.ending->ended_at.micros == 5'000);
  CHECK(first.ending->result_row == 6);
  const StoredEntry second = member_at<StoredEntry>(view_of(row), 8);
  CHECK(second.json() == "not JSON \x01 and no digest");
  CHECK(second.exec_id == digest("elsewhere"));
  CHECK(second.attempt == digest("attempt"));
  const StoredEntry third = member_at<StoredEntry>(view_of(row), 9);
  CHECK(is_zero(third.exec_id));
  CHECK(third.ending->ended_at.micros == 1);
  CHECK(third.high_water.micros == 7'000);
}

TEST_CASE("a row of entries with any bit changed is not the row that was written") {
  const OwnedRow row = row_of_entries();
  const Digest before = digest("the row before"), hash = row_hash(RowKind::entries, row, before);
  REQUIRE(is_whole(RowKind::entries, view_of(row), before, hash));
  OwnedRow other = row;
  for (std::size_t bit = 0; bit < 8 * row.content.size(); ++bit) {
    other.content = row.content;
    other.content[bit / 8] = static_cast<char>(other.content[bit / 8] ^ (1 << bit % 8));
    CAPTURE(bit);
    CHECK_FALSE(is_whole(RowKind::entries, view_of(other), before, hash));
  }
  for (std::size_t size = 0; size < row.content.size(); ++size)
    CHECK_FALSE(is_whole(RowKind::entries, {row.first, row.count, std::string_view(row.content).substr(0, size)},
                         before, hash));
  CHECK_FALSE(is_whole(RowKind::entries, {row.first + 1, row.count, row.content}, before, hash));
  CHECK_FALSE(is_whole(RowKind::entries, {row.first, row.count - 1, row.content}, before, hash));
  CHECK_FALSE(is_whole(RowKind::entries, view_of(row), digest("another row"), hash));
}

TEST_CASE("a claim keeps who approved it") {
  const std::string id = "04f85147-ab32-4255-96c6-dbcb57b0229e";
  const std::string approval =
      R"({"id":")" + id + R"(","keys":[")" + to_hex(digest("key")) + R"("],"profile":"clawshield-v1"})";
  StoredClaim stored;
  stored.claim = {.tenant = "acme",
                  .nonce = "n",
                  .action = "pay",
                  .exec_id = digest("e"),
                  .request_hash = digest("r"),
                  .approval_id = id,
                  .approval_digest = digest("d"),
                  .at = {1'000}};
  stored.approval = {approval};
  stored.high_water = {2'000};
  std::string content(1, row_form);
  append_claim(stored, content);
  const StoredClaim read = member_at<StoredClaim>({1, 1, content}, 1);
  CHECK(read.approval.str() == approval);
  CHECK(read.claim.approval_id == id);
  CHECK(read.high_water.micros == 2'000);
}
