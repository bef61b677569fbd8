// SPDX-License-Identifier: Apache-2.0
// OpenExec's own vectors, through C.
#include <string>

#include "base/text.hpp"
#include "base/time.hpp"
#include "c.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"

using namespace openexec::test;
namespace canon = openexec::canon;

namespace {

std::string hex(const openexec_digest& digest) {
  openexec_hex text{};
  REQUIRE(openexec_digest_to_hex(&digest, &text, nullptr) == OPENEXEC_OK);
  return text.text;
}

std::string hash(const openexec_proposal* proposal, openexec_hash which) {
  openexec_digest digest{};
  REQUIRE(openexec_proposal_hash(proposal, which, &digest, nullptr) == OPENEXEC_OK);
  return hex(digest);
}

std::string sha256(const std::string& bytes) {
  openexec_digest digest{};
  REQUIRE(openexec_sha256(c::str(bytes), &digest, nullptr) == OPENEXEC_OK);
  return hex(digest);
}

/// A canonical form, or "refused".
std::string form(const std::string& json, openexec_form which) {
  c::Buffer buffer;
  c::Error error;
  const openexec_code code = openexec_canonicalise(c::str(json), which, buffer.out(), error.out());
  if (code == OPENEXEC_OK) return c::text(openexec_buffer_view(buffer));
  CHECK(code == OPENEXEC_MALFORMED_REQUEST);
  CHECK(openexec_error_detail(error).size != 0);
  return "refused";
}

}  // namespace

TEST_CASE("Every canonical form of the vectors comes out through C") {
  const auto file = read_json(vectors() / "canonical.json");
  std::size_t cases = 0;
  for (const auto [unused, test] : at(file.root(), "cases")) {
    ++cases;
    INFO(text_at(test, "id"));
    const std::string input = openexec::base::unhex(text_at(test, "input_hex")).value();
    if (test.find("refuse")) {
      CHECK(form(input, OPENEXEC_FORM_JCS) == "refused");
      continue;
    }
    CHECK(form(input, OPENEXEC_FORM_JCS) == text_at(test, "jcs"));
    CHECK(form(input, OPENEXEC_FORM_CLAWSHIELD_V1) == text_at(test, "clawshield_v1"));
    CHECK(form(input, OPENEXEC_FORM_DISPLAY) == text_at(test, "display"));
    CHECK(sha256(form(input, OPENEXEC_FORM_JCS)) == text_at(test, "jcs_sha256"));
  }
  CHECK(cases > 0);
  report("canonical, through C", cases);
}

TEST_CASE("Every tool call of the vectors has its nonce, or none, through C") {
  const auto file = read_json(vectors() / "tool_calls.json");
  std::size_t cases = 0;
  for (const auto [unused, test] : at(file.root(), "cases")) {
    ++cases;
    INFO(text_at(test, "id"));
    const std::string conversation(text_at(test, "conversation")), turn(text_at(test, "turn")),
        name(text_at(test, "name")), arguments(text_at(test, "arguments"));
    c::Buffer nonce;
    c::Error error;
    const openexec_code code = openexec_tool_call_nonce(
        c::str(conversation), c::str(turn), c::str(name), c::str(arguments),
        static_cast<std::uint32_t>(at(test, "occurrence").integer()), nonce.out(), error.out());
    if (test.find("refuse")) {
      CHECK(code == OPENEXEC_MALFORMED_REQUEST);
      CHECK(openexec_error_detail(error).size != 0);
      CHECK(nonce == nullptr);
    } else {
      REQUIRE(code == OPENEXEC_OK);
      CHECK(c::text(openexec_buffer_view(nonce)) == text_at(test, "nonce"));
    }
  }
  CHECK(cases > 25);
  report("tool calls, through C", cases);
}

TEST_CASE("Every payload of the table has its answer through C") {
  const auto file = read_json(vectors() / "payloads.json");
  std::size_t cases = 0;
  for (const auto [unused, test] : at(file.root(), "cases")) {
    ++cases;
    INFO(text_at(test, "id"));
    const std::string json(text_at(test, "json"));
    const openexec_request parts = c::request("n", json, "echo");
    const std::string whole = R"({"action":"echo","nonce":"n")" + (json.empty() ? "" : ",\"payload\":" + json) + "}";
    c::Proposal of_parts, of_whole;
    const auto wanted = test.find("payload") ? OPENEXEC_OK : OPENEXEC_MALFORMED_REQUEST;
    CHECK(openexec_proposal_create(&parts, c::str("acme"), of_parts.out(), nullptr) == wanted);
    CHECK(openexec_proposal_create_json(c::str(whole), c::str("acme"), of_whole.out(), nullptr) == wanted);
    if (wanted != OPENEXEC_OK) continue;
    CHECK(c::text(openexec_proposal_payload(of_parts)) == text_at(test, "payload"));
    CHECK(c::text(openexec_proposal_payload(of_whole)) == text_at(test, "payload"));
  }
  report("payloads, through C", cases);
}

TEST_CASE("Every identity of the vectors comes out through C") {
  const auto file = read_json(vectors() / "identities.json");
  std::size_t cases = 0;
  for (const auto [unused, test] : at(file.root(), "cases")) {
    ++cases;
    const std::string action = text_at(test, "action");
    const std::string nonce = text_at(test, "nonce");
    const std::string payload = canon::clawshield_v1(at(test, "payload"));
    INFO(nonce);
    const openexec_request request = c::request(nonce, payload, action);
    c::Proposal proposal;
    const std::string tenant = text_at(test, "tenant");
    REQUIRE(openexec_proposal_create(&request, c::str(tenant), proposal.out(), nullptr) == OPENEXEC_OK);
    CHECK(hash(proposal, OPENEXEC_HASH_REQUEST) == text_at(test, "request_hash"));
    CHECK(hash(proposal, OPENEXEC_HASH_ACTION) == text_at(test, "action_hash"));
    CHECK(hash(proposal, OPENEXEC_HASH_EXEC_ID) == text_at(test, "exec_id"));
    CHECK(hash(proposal, OPENEXEC_HASH_ARTIFACT) == std::string(64, '0'));
    CHECK(hash(proposal, OPENEXEC_HASH_PARAMETERS) == sha256(c::text(openexec_proposal_payload(proposal))));
    CHECK(c::text(openexec_proposal_tenant(proposal)) == tenant);
    CHECK(c::text(openexec_proposal_nonce(proposal)) == nonce);
  }
  CHECK(cases > 0);
  report("identities, through C", cases);
}

TEST_CASE("Every receipt of the vectors verifies through C, and no other does") {
  const auto file = read_json(vectors() / "receipts.json");
  std::size_t cases = 0;
  for (const auto [unused, test] : at(file.root(), "cases")) {
    ++cases;
    const std::string exec_id = text_at(test, "exec_id");
    const std::string result = canon::clawshield_v1(at(test, "result"));
    const std::string display = text_at(test, "display");
    std::string receipt = text_at(test, "receipt");
    INFO(receipt);
    const auto verify = [&](const std::string& text) {
      return openexec_verify_receipt(c::str(exec_id), c::str(text), c::str(receipt), nullptr);
    };
    CHECK(verify(result) == OPENEXEC_OK);
    CHECK(verify(display) == OPENEXEC_OK);
    CHECK(verify("[" + result + "]") == OPENEXEC_INVALID_ARGUMENT);
    CHECK(verify(result + "]") == OPENEXEC_MALFORMED_REQUEST);
    receipt[0] = receipt[0] == '0' ? '1' : '0';
    CHECK(verify(result) == OPENEXEC_INVALID_ARGUMENT);
    receipt.pop_back();
    CHECK(verify(result) == OPENEXEC_MALFORMED_REQUEST);
  }
  CHECK(cases > 0);
  report("receipts, through C", cases);
}

TEST_CASE("Every clawshield-v1 approval of the vectors gets its code through C") {
  const auto file = read_json(vectors() / "approvals_v1.json");
  const std::string pem = text_at(file.root(), "public_key");
  std::size_t cases = 0;
  for (const auto [unused, test] : at(file.root(), "cases")) {
    ++cases;
    INFO(text_at(test, "id"));
    const std::string tenant = text_at(test, "tenant");
    const std::string action = text_at(test, "action");
    const std::string payload = canon::clawshield_v1(at(test, "payload"));
    const std::string artifact = canon::clawshield_v1(at(test, "artifact"));
    const std::int64_t now =
        openexec::base::parse_time(text_at(test, "now"), openexec::base::TimeForm::rfc3339).value().micros;
    c::Buffer approval;
    c::Error error;
    const openexec_code code =
        openexec_verify_clawshield_v1(c::str(pem), c::str(tenant), c::str(action), c::str(payload), c::str(artifact),
                                      now, approval.out(), error.out());
    CHECK(c::text(openexec_code_name(code)) == text_at(test, "expect"));
    if (code == OPENEXEC_OK) {
      const auto who = parse_json(c::text(openexec_buffer_view(approval)));
      CHECK(text_at(who.root(), "profile") == "clawshield-v1");
      CHECK(text_at(who.root(), "id") == text_at(at(test, "artifact"), "approval_id"));
      CHECK(at(who.root(), "keys").size() == 1);
    } else {
      CHECK(approval == nullptr);
      CHECK(openexec_error_detail(error).size != 0);
    }
  }
  CHECK(cases > 0);
  report("approvals_v1, through C", cases);
}
