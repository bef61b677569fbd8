// SPDX-License-Identifier: Apache-2.0
// The clawshield-v1 verifier and signer.
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <openexec/clawshield.hpp>

#include "approval/clawshield_v1.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "canon/json.hpp"
#include "crypto/sha256.hpp"
#include "signing/clawshield.hpp"
#include "support/catch.hpp"

using namespace openexec;

namespace {

constexpr std::int64_t second = 1000000;
constexpr std::string_view payload = R"({"to":"a@example.com","n":1.0})";
const Timestamp now = base::parse_time("2026-03-01T12:00:00Z", base::TimeForm::rfc3339).value();
const std::string approval_id = "04f85147-ab32-4255-96c6-dbcb57b0229e";
const crypto::PrivateKey key = crypto::PrivateKey::from_seed(std::string(32, 'k')).value();

Proposal proposal(std::string_view artifact = {}, std::string_view with = payload) {
  return Proposal::parse(Request{"send_email", with, "n-1", artifact}, "acme").value();
}

Timestamp after(std::int64_t seconds) { return {now.micros + seconds * second}; }

std::string signed_artifact(std::int64_t issued = -60, std::int64_t expires = 240, std::string_view tenant = "acme") {
  return signing::sign_clawshield_v1(key, proposal(), {tenant, approval_id, after(issued), after(expires)}).value();
}

ClawshieldOptions options() {
  ClawshieldOptions made;
  made.public_key_pem = key.public_key().to_pem();
  made.tenant_id = "acme";
  return made;
}

Result<Approval> verify(std::string_view artifact, const ClawshieldOptions& with = options()) {
  return clawshield_v1(with).value()->verify(proposal(artifact), now);
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

bool says(const Result<Approval>& result, Code code, std::string_view phrase) {
  return result.code() == code && result.status().detail().find(phrase) != std::string::npos;
}

}  // namespace

TEST_CASE("A signed approval verifies, and says who and which") {
  const auto approval = verify(signed_artifact());
  REQUIRE(approval.ok());
  CHECK(approval->profile == "clawshield-v1");
  CHECK(approval->id == approval_id);
  CHECK(approval->keys == std::vector<std::string>{key.public_key().fingerprint()});
}

TEST_CASE("What the signer makes is canonical, and signs the concatenation of the five fields") {
  const std::string artifact = signed_artifact();
  const auto document = canon::parse(artifact).value();
  CHECK(canon::jcs(document.root()) == artifact);
  const auto field = [&](std::string_view name) { return std::string(document.root().find(name)->string()); };
  CHECK(field("issued_at") == "2026-03-01T11:59:00.000000Z");
  CHECK(field("action_hash") == to_hex(proposal().action_hash()));
  CHECK(key.public_key()
            .verify(approval_id + "acme" + field("action_hash") + field("issued_at") + field("expires_at"),
                    base::unbase64(field("signature")).value())
            .ok());
}

TEST_CASE("The signer refuses what no verifier would accept") {
  const auto sign = [](std::string_view tenant, std::string_view id, std::int64_t issued, std::int64_t expires) {
    return signing::sign_clawshield_v1(key, proposal(), {tenant, id, after(issued), after(expires)}).code();
  };
  CHECK(sign("acme", approval_id, 0, 1) == Code::ok);
  CHECK(sign("", approval_id, 0, 1) == Code::invalid_argument);
  CHECK(sign("\xff", approval_id, 0, 1) == Code::invalid_argument);
  CHECK(sign("acme", "id", 0, 1) == Code::invalid_argument);
  CHECK(sign("acme", approval_id, 1, 1) == Code::invalid_argument);
  CHECK(sign("acme", approval_id, 2, 1) == Code::invalid_argument);
}

TEST_CASE("Random UUIDs have their shape, version and variant, and differ") {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string id = signing::uuid_v4();
    CHECK(approval::is_uuid(id));
    CHECK(id[14] == '4');
    CHECK(std::string("89ab").find(id[19]) != std::string::npos);
    seen.insert(id);
  }
  CHECK(seen.size() == 100);
}

TEST_CASE("A UUID is 36 characters in five groups of hexadecimal digits") {
  CHECK(approval::is_uuid("04f85147-ab32-4255-96c6-dbcb57b0229e"));
  CHECK(approval::is_uuid("04F85147-AB32-4255-96C6-DBCB57B0229E"));
  for (const char* text : {"", "04f85147ab32425596c6dbcb57b0229e", "04f85147-ab32-4255-96c6-dbcb57b0229",
                           "04f85147-ab32-4255-96c6-dbcb57b0229ea", "{4f85147-ab32-4255-96c6-dbcb57b0229}",
                           "04f85147-ab32-4255-96c6_dbcb57b0229e", "04f8514-7ab32-4255-96c6-dbcb57b0229e",
                           "g4f85147-ab32-4255-96c6-dbcb57b0229e", "04f85147-ab32-4255-96c6-dbcb57b0229 "})
    CHECK_FALSE(approval::is_uuid(text));
}

TEST_CASE("The first check that fails names the code, in the order of the table") {
  // One artifact that breaks everything; what stands first in the table is mended first.
  ClawshieldOptions broken;
  CHECK(says(clawshield_v1(broken).value()->verify(proposal(), now), Code::approval_missing, "approval_artifact"));
  const std::string other =
      signing::sign_clawshield_v1(key, proposal({}, "{}"), {"umbrella", approval_id, after(90), after(100)}).value();
  std::string artifact = replaced(other, "}", ",\"x\":1}");
  CHECK(says(verify(artifact, broken), Code::approval_key_missing, "CLAWSHIELD_PUBLIC_KEY not configured"));
  broken.public_key_pem = key.public_key().to_pem();
  CHECK(says(verify(artifact, broken), Code::approval_malformed, "\"x\""));
  artifact = other;
  CHECK(says(verify(artifact, broken), Code::approval_hash_mismatch, "hash mismatch"));
  artifact = replaced(artifact, to_hex(proposal({}, "{}").action_hash()), to_hex(proposal().action_hash()));
  CHECK(says(verify(artifact, broken), Code::approval_tenant_mismatch, "CLAWSHIELD_TENANT_ID not configured"));
  broken.tenant_id = "acme";
  CHECK(says(verify(artifact, broken), Code::approval_tenant_mismatch, "Tenant mismatch"));
  broken.tenant_id = "umbrella";
  const auto verifier = clawshield_v1(broken).value();
  CHECK(says(verifier->verify(proposal(artifact), after(100)), Code::approval_expired, "expired"));
  CHECK(says(verifier->verify(proposal(artifact), now), Code::approval_not_yet_valid, "issued_at"));
  CHECK(says(verifier->verify(proposal(artifact), after(95)), Code::approval_signature_invalid, "Invalid signature"));
}

TEST_CASE("Without a key or a tenant the verifier is not ready, and says which") {
  ClawshieldOptions bare;
  CHECK(clawshield_v1(bare).value()->ready().code() == Code::approval_key_missing);
  bare.public_key_pem = key.public_key().to_pem();
  const Status status = clawshield_v1(bare).value()->ready();
  CHECK(status.code() == Code::approval_tenant_mismatch);
  CHECK(status.detail() == "CLAWSHIELD_TENANT_ID not configured");
  CHECK(clawshield_v1(options()).value()->ready().ok());
}

TEST_CASE("An unconfigured verifier accepts nothing") {
  ClawshieldOptions bare;
  bare.tenant_id = "acme";
  CHECK(verify(signed_artifact(), bare).code() == Code::approval_key_missing);
  ClawshieldOptions no_tenant = options();
  no_tenant.tenant_id.clear();
  CHECK(verify(signed_artifact(), no_tenant).code() == Code::approval_tenant_mismatch);
}

TEST_CASE("A key that is not one strict PEM block stops the assembly") {
  ClawshieldOptions bad = options();
  bad.public_key_pem += "x";
  CHECK(clawshield_v1(bad).code() == Code::invalid_argument);
  bad.public_key_pem = " ";
  CHECK(clawshield_v1(bad).code() == Code::invalid_argument);
  bad.public_key_pem = key.to_pem().value();
  const auto refused = clawshield_v1(bad);
  CHECK(refused.code() == Code::invalid_argument);
  CHECK(refused.status().detail().starts_with("public_key_pem: "));
}

TEST_CASE("Line breaks in the key may be spelled as backslash and n") {
  ClawshieldOptions spelled = options();
  std::string text;
  for (char c : spelled.public_key_pem) text += c == '\n' ? "\\n" : std::string(1, c);
  spelled.public_key_pem = text;
  CHECK(verify(signed_artifact(), spelled).ok());
}

TEST_CASE("The allowance for clocks is bounded and can be set") {
  ClawshieldOptions set = options();
  for (const std::chrono::seconds bad :
       {std::chrono::seconds(-1), std::chrono::seconds(86401), std::chrono::seconds::max()}) {
    set.max_issued_ahead = bad;
    CHECK(clawshield_v1(set).code() == Code::invalid_argument);
  }
  set.max_issued_ahead = std::chrono::seconds(0);
  CHECK(verify(signed_artifact(0), set).ok());
  CHECK(verify(signed_artifact(1), set).code() == Code::approval_not_yet_valid);
  CHECK(verify(signed_artifact(60)).ok());
  CHECK(verify(signed_artifact(61)).code() == Code::approval_not_yet_valid);
}

TEST_CASE("A clock at either end of time neither overflows nor accepts") {
  const auto verifier = clawshield_v1(options()).value();
  const Proposal approved = proposal(signed_artifact());
  CHECK(verifier->verify(approved, Timestamp{std::numeric_limits<std::int64_t>::max()}).code() ==
        Code::approval_expired);
  CHECK(verifier->verify(approved, Timestamp{std::numeric_limits<std::int64_t>::min()}).code() ==
        Code::approval_not_yet_valid);
}

TEST_CASE("An approval serves no other payload, action or tenant") {
  const std::string artifact = signed_artifact();
  const auto verifier = clawshield_v1(options()).value();
  CHECK(verifier->verify(proposal(artifact, R"({"to":"b@example.com","n":1.0})"), now).code() ==
        Code::approval_hash_mismatch);
  CHECK(verifier->verify(proposal(artifact, R"({"to":"a@example.com","n":1})"), now).code() ==
        Code::approval_hash_mismatch);
  CHECK(
      verifier->verify(Proposal::parse(Request{"send_emails", payload, "n-1", artifact}, "acme").value(), now).code() ==
      Code::approval_hash_mismatch);
  CHECK(verify(signed_artifact(-60, 240, "acm")).code() == Code::approval_tenant_mismatch);
  CHECK(verify(signed_artifact(-60, 240, "acmee")).code() == Code::approval_tenant_mismatch);
}

TEST_CASE("Every single-bit flip of an approval's signature is refused") {
  const std::string artifact = signed_artifact();
  const auto document = canon::parse(artifact).value();
  const std::string encoded(document.root().find("signature")->string());
  const std::string signature = base::unbase64(encoded).value();
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 512; ++bit) {
    std::string flipped = signature;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    refused += verify(replaced(artifact, encoded, base::base64(flipped))).code() == Code::approval_signature_invalid;
  }
  CHECK(refused == 512);
}

TEST_CASE("Under every single-bit flip of its key an approval is refused") {
  const std::string artifact = signed_artifact();
  const std::string raw = key.public_key().raw();
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 256; ++bit) {
    std::string flipped = raw;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto other = crypto::PublicKey::from_raw(flipped);
    ClawshieldOptions with = options();
    if (other.ok()) with.public_key_pem = other->to_pem();
    refused += !other.ok() || verify(artifact, with).code() == Code::approval_signature_invalid;
  }
  CHECK(refused == 256);
}

TEST_CASE("Every change of one byte of an approval's text is refused") {
  const std::string artifact = signed_artifact();
  const auto verifier = clawshield_v1(options()).value();
  std::size_t changes = 0;
  std::size_t refused = 0;
  for (std::size_t at = 0; at < artifact.size(); ++at) {
    for (const char with : std::string("0aA \"\\,\x01\x80") + static_cast<char>(artifact[at] ^ 1)) {
      if (artifact[at] == with) continue;
      std::string changed = artifact;
      changed[at] = with;
      ++changes;
      const auto request = Proposal::parse(Request{"send_email", payload, "n-1", changed}, "acme");
      refused += !request.ok() || !verifier->verify(*request, now).ok();
    }
  }
  CHECK(changes > 9 * artifact.size());
  CHECK(refused == changes);
}

TEST_CASE("An artifact with a field missing or of another type is malformed") {
  const auto document = canon::parse(signed_artifact()).value();
  for (const auto [name, value] : document.root()) {
    std::string missing = "{";
    std::string mistyped = "{";
    for (const auto [other, text] : document.root()) {
      const auto add = [member = other](std::string& to, const std::string& raw) {
        to.append(to.size() > 1 ? "," : "").append("\"").append(member).append("\":").append(raw);
      };
      if (other != name) add(missing, canon::jcs(text));
      add(mistyped, other != name ? canon::jcs(text) : "null");
    }
    INFO(name);
    CHECK(says(verify(missing + "}"), Code::approval_malformed, std::string(name) + ": missing"));
    CHECK(says(verify(mistyped + "}"), Code::approval_malformed, std::string(name) + ": must be a string"));
    CHECK(says(verify(missing + ",\"x\":1}"), Code::approval_malformed, std::string(name) + ": missing"));
  }
}

TEST_CASE("Moving bytes over the border of two fields is refused, though the signed text stays the same") {
  const std::string artifact = signed_artifact();
  std::string moved = replaced(artifact, approval_id, approval_id + "a");
  moved = replaced(moved, "\"acme\"", "\"cme\"");
  ClawshieldOptions with = options();
  with.tenant_id = "cme";
  CHECK(verify(moved, with).code() == Code::approval_malformed);
}
