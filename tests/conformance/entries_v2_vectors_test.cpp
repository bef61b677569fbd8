// SPDX-License-Identifier: Apache-2.0
// entries_v2.json: entries of versions 1 and 2 from a generator that shares no code with the library.
#include <openexec/receipt.hpp>
#include <string>

#include "merkle/hash.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"

using namespace openexec;
using test::at;
using test::text_at;

namespace {

std::string or_empty(canon::View object, std::string_view key) {
  const auto value = object.find(key);
  return value && value->is(canon::Type::string) ? std::string(value->string()) : std::string();
}

std::int64_t number_or(canon::View object, std::string_view key, std::int64_t otherwise) {
  const auto value = object.find(key);
  return value && value->is(canon::Type::integer) ? value->integer() : otherwise;
}

std::string hex_of(const std::optional<Digest>& digest) {
  return digest && *digest != Digest{} ? to_hex(*digest) : std::string();
}

void check_control(const Entry& entry, canon::View members) {
  const auto control = members.find("control");
  REQUIRE(entry.control.has_value() == control.has_value());
  if (!control) return;
  CHECK(entry.control->kind == text_at(*control, "kind"));
  CHECK(entry.control->id == or_empty(*control, "id"));
  CHECK(entry.control->tenant == or_empty(*control, "tenant"));
  CHECK(entry.control->who == text_at(*control, "who"));
  CHECK(entry.control->why == text_at(*control, "why"));
  CHECK(entry.control->time.has_value() == control->find("time").has_value());
  CHECK(entry.control->was.has_value() == control->find("was").has_value());
}

void check_members(const Entry& entry, canon::View members) {
  CHECK(entry.version == number_or(members, "version", 0));
  CHECK(name(entry.verdict) == text_at(members, "verdict"));
  CHECK(name(entry.effect) == text_at(members, "effect"));
  CHECK(name(entry.code) == text_at(members, "code"));
  CHECK(entry.exec_id == or_empty(members, "exec_id"));
  CHECK(entry.action == or_empty(members, "action"));
  CHECK(entry.nonce == or_empty(members, "nonce"));
  CHECK(entry.tenant == text_at(members, "tenant"));
  CHECK(entry.receipt == text_at(members, "receipt"));
  CHECK(hex_of(entry.request_hash) == or_empty(members, "request_hash"));
  CHECK(hex_of(entry.result_hash) == or_empty(members, "result_hash"));
  CHECK((entry.prior ? static_cast<std::int64_t>(*entry.prior) : -1) == number_or(members, "prior", -1));
  CHECK(static_cast<std::int64_t>(entry.count) == number_or(members, "count", 0));
  CHECK(entry.attempt == number_or(members, "attempt", 1));
  CHECK(name(entry.result_form) == (members.find("result_form") ? text_at(members, "result_form") : "json"));
  CHECK(entry.instance == or_empty(members, "instance"));
  CHECK(static_cast<std::int64_t>(entry.epoch) == number_or(members, "epoch", 0));
  CHECK(hex_of(entry.proposal) == or_empty(members, "proposal"));
  CHECK(hex_of(entry.session) == or_empty(members, "session"));
  CHECK(entry.trusted_at.has_value() == members.find("trusted_at").has_value());
  check_control(entry, members);
}

}  // namespace

TEST_CASE("Every valid entry reads back as its members, is written in its own bytes, and has its leaf hash") {
  const canon::Document file = test::read_json(test::vectors() / "entries_v2.json");
  std::size_t cases = 0;
  for (const auto [unused, item] : at(file.root(), "valid")) {
    const std::string text = text_at(item, "text");
    INFO(text_at(item, "name") << ": " << text);
    const auto entry = Entry::from_json(text);
    INFO(entry.status().detail());
    REQUIRE(entry.ok());
    check_members(*entry, at(item, "members"));
    CHECK(entry->to_json() == text);
    CHECK(to_hex(merkle::leaf_hash(text)) == text_at(item, "leaf_hash"));
    ++cases;
  }
  CHECK(cases > 20);
  test::report("entries_v2.json valid", cases);
}

TEST_CASE("Every invalid entry is refused, and the detail names the member at fault") {
  const canon::Document file = test::read_json(test::vectors() / "entries_v2.json");
  std::size_t cases = 0;
  for (const auto [unused, item] : at(file.root(), "invalid")) {
    const std::string fault = text_at(item, "fault");
    INFO(text_at(item, "name") << ": " << text_at(item, "text"));
    const auto entry = Entry::from_json(text_at(item, "text"));
    REQUIRE(entry.code() == Code::invalid_argument);
    INFO(entry.status().detail());
    CHECK((fault == "form" || entry.status().detail().starts_with("entry: " + fault + ": ")));
    ++cases;
  }
  CHECK(cases > 100);
  test::report("entries_v2.json invalid", cases);
}
