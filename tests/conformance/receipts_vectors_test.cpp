// SPDX-License-Identifier: Apache-2.0
// receipts.json, identities.json (through the executor) and the entries of log.json.
#include <openexec/openexec.hpp>

#include "base/time.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/vectors.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

canon::Document load(const char* file) {
  Result<canon::Document> document = canon::parse(read_file(vectors() / file), {std::size_t{1} << 26, 128});
  REQUIRE(document.ok());
  return *std::move(document);
}

std::string text(canon::View object, std::string_view key) {
  const auto value = object.find(key);
  REQUIRE(value.has_value());
  return value->is(canon::Type::string) ? std::string(value->string()) : std::string();
}

Digest digest(canon::View object, std::string_view key) {
  Digest out{};
  const auto value = object.find(key);
  REQUIRE(value.has_value());
  if (!value->is(canon::Type::null)) REQUIRE(from_hex(value->string(), out));
  return out;
}

template <class Enum>
Enum by_name(const std::string& wanted, std::initializer_list<Enum> all) {
  for (const Enum value : all)
    if (name(value) == wanted) return value;
  FAIL("no such name: " << wanted);
  return *all.begin();
}

/// An entry read back from its text, the hard way: so that to_json has something to prove.
Entry read_entry(canon::View view) {
  Entry entry;
  entry.version = static_cast<std::uint32_t>(view.find("version")->integer());
  entry.verdict = by_name(text(view, "verdict"), {Verdict::refused, Verdict::executed, Verdict::failed,
                                                  Verdict::replayed, Verdict::in_doubt, Verdict::suppressed});
  entry.effect = by_name(text(view, "effect"), {Effect::none, Effect::confirmed, Effect::unknown});
  entry.code = code_from_name(text(view, "code")).value();
  entry.exec_id = text(view, "exec_id");
  entry.action = text(view, "action");
  entry.nonce = text(view, "nonce");
  entry.tenant = text(view, "tenant");
  entry.request_hash = digest(view, "request_hash");
  if (const auto approval = *view.find("approval"); approval.is(canon::Type::object)) {
    ApprovalNote note{text(approval, "profile"), text(approval, "id"), digest(approval, "digest"), {}};
    for (const canon::View::Member key : *approval.find("keys")) note.keys.emplace_back(key.value.string());
    entry.approval = note;
  }
  if (const Digest hash = digest(view, "result_hash"); hash != Digest{}) entry.result_hash = hash;
  entry.receipt = text(view, "receipt");
  entry.executor = text(view, "executor");
  entry.observed_at = base::parse_time(text(view, "observed_at"), base::TimeForm::rfc3339).value();
  if (const auto prior = *view.find("prior"); prior.is(canon::Type::integer))
    entry.prior = static_cast<std::uint64_t>(prior.integer());
  return entry;
}

}  // namespace

TEST_CASE("the seed's receipt of every vector, with the result in any spacing") {
  const canon::Document file = load("receipts.json");
  std::size_t cases = 0;
  for (const canon::View::Member item : *file.root().find("cases")) {
    const std::string exec_id = text(item.value, "exec_id"), receipt = text(item.value, "receipt");
    const canon::View result = *item.value.find("result");
    CHECK(canon::display(result) == text(item.value, "display"));
    CHECK(receipt_of(exec_id, text(item.value, "display")) == receipt);
    CHECK(verify_receipt(exec_id, canon::clawshield_v1(result), receipt).ok());
    CHECK(verify_receipt(exec_id, "\n " + canon::display(result) + "\t", receipt).ok());
    std::string forged = receipt;
    forged[0] = forged[0] == '0' ? '1' : '0';
    CHECK(verify_receipt(exec_id, canon::display(result), forged).code() == Code::invalid_argument);
    CHECK(verify_receipt(exec_id, R"({"forged":true})", receipt).code() == Code::invalid_argument);
    CHECK(verify_receipt(receipt, canon::display(result), receipt).code() == Code::invalid_argument);
    ++cases;
  }
  report("receipts.json", cases);
  CHECK(cases > 0);
}

TEST_CASE("the identities of every vector, as the executor gives them") {
  const canon::Document file = load("identities.json");
  std::size_t cases = 0;
  for (const canon::View::Member item : *file.root().find("cases")) {
    const std::string action = text(item.value, "action"), nonce = text(item.value, "nonce");
    const std::string payload = canon::clawshield_v1(*item.value.find("payload"));
    Config config;
    config.tenant = text(item.value, "tenant");
    HandlerTable table;
    REQUIRE(table.add(action, [](const Invocation&) { return HandlerResult::result("1"); }).ok());
    Executor executor = assemble({.store = memory_ledger(),
                                  .log = nullptr,
                                  .verifier = std::make_shared<DemoVerifier>(),
                                  .hasher = nullptr,
                                  .clock = nullptr},
                                 std::move(table), config);
    const Outcome outcome =
        executor.execute({.action = action, .payload = payload, .nonce = nonce, .approval_artifact = {}});
    CHECK(outcome.ok());
    CHECK(outcome.exec_id == text(item.value, "exec_id"));
    const auto entry = canon::parse(outcome.entry);
    CHECK(text(entry->root(), "request_hash") == text(item.value, "request_hash"));
    const auto proposal =
        Proposal::parse({.action = action, .payload = payload, .nonce = nonce, .approval_artifact = {}}, config.tenant);
    REQUIRE(proposal.ok());
    CHECK(to_hex(proposal->action_hash()) == text(item.value, "action_hash"));
    ++cases;
  }
  report("identities.json", cases);
  CHECK(cases > 0);
}

TEST_CASE("every entry of the log vector is written as its own bytes, with its leaf hash") {
  const canon::Document file = load("log.json");
  const auto hashes = *file.root().find("leaf_hashes");
  auto hash = hashes.begin();
  auto ledger = memory_ledger();
  std::size_t cases = 0;
  for (const canon::View::Member item : *file.root().find("entries")) {
    const std::string json(item.value.string());
    const auto document = canon::parse(json);
    REQUIRE(document.ok());
    CHECK(read_entry(document->root()).to_json() == json);
    REQUIRE(ledger->append({.json = json}).value() == cases);
    const LogLine line = ledger->read(cases, 1).value().at(0);
    CHECK(line.json == json);
    CHECK(to_hex(line.leaf_hash) == (*hash).value.string());
    ++hash;
    ++cases;
  }
  report("log.json entries", cases);
  CHECK(cases > 0);
}
