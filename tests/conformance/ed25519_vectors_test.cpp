// SPDX-License-Identifier: Apache-2.0
// Third parties' verdicts on Ed25519 signatures and keys, under the strict profile of docs/formats.md, section 4.
#include <map>
#include <string>

#include "base/text.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/pem.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"

using namespace openexec;
using namespace openexec::crypto;
using test::at;
using test::text_at;

namespace {

std::string unhex(const std::string& text) { return base::unhex(text).value(); }

/// What a verifier that was given these bytes does: the key may be refused, or the signature.
bool accepts(const std::string& key, const std::string& message, const std::string& signature) {
  const auto parsed = PublicKey::from_raw(key);
  return parsed.ok() && parsed->verify(message, signature).ok();
}

std::string strip(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string() : std::string(text.substr(first));
}

/// `Name = value` or `NAME: value`, split at the separator.
std::pair<std::string, std::string> split(const std::string& line, std::string_view separator) {
  const std::size_t at = line.find(separator);
  if (at == std::string::npos) return {line, ""};
  return {line.substr(0, at), strip(std::string_view(line).substr(at + separator.size()))};
}

/// boringssl's tests write a message as hex or between quotation marks.
std::string message_of(const std::string& text) {
  return text.starts_with('"') ? text.substr(1, text.size() - 2) : unhex(text);
}

}  // namespace

TEST_CASE("Every Wycheproof Ed25519 signature gets its verdict") {
  const auto folder = test::public_vectors();
  if (!folder) return;
  const auto file = test::read_json(*folder / "1-ed25519/wycheproof_ed25519_test.json");
  std::size_t cases = 0;
  for (const auto [unused, group] : at(file.root(), "testGroups")) {
    const std::string key = unhex(text_at(at(group, "publicKey"), "pk"));
    const std::string pem = text_at(group, "publicKeyPem");
    CHECK(PublicKey::from_pem(pem).value().raw() == key);
    for (const auto [none, test] : at(group, "tests")) {
      ++cases;
      INFO("tcId " << at(test, "tcId").integer());
      const bool valid = text_at(test, "result") == "valid";
      CHECK(accepts(key, unhex(text_at(test, "msg")), unhex(text_at(test, "sig"))) == valid);
    }
  }
  CHECK(cases == static_cast<std::size_t>(at(file.root(), "numberOfTests").integer()));
  test::report("wycheproof ed25519", cases);
}

TEST_CASE("Of the cases of 'Taming the many EdDSAs' only number 3 is accepted") {
  const auto folder = test::public_vectors();
  if (!folder) return;
  const auto file = test::read_json(*folder / "1-ed25519/speccheck_cases.json");
  std::size_t number = 0;
  for (const auto [unused, test] : file.root()) {
    INFO("case " << number);
    CHECK(accepts(unhex(text_at(test, "pub_key")), unhex(text_at(test, "message")),
                  unhex(text_at(test, "signature"))) == (number == 3));
    ++number;
  }
  CHECK(number == 12);
  test::report("ed25519 speccheck", number);
}

TEST_CASE("The sign.input set of RFC 8032 verifies, and signing gives the same bytes") {
  const auto folder = test::public_vectors();
  if (!folder) return;
  std::map<std::string, std::string> row;
  std::size_t cases = 0;
  for (const std::string& line : test::lines_of(*folder / "1-ed25519/rfc8032_sign_input.txt")) {
    if (line.starts_with('#')) continue;
    const auto [name, value] = split(line, ":");
    row[name] = value;
    if (name != "SIG") continue;
    ++cases;
    INFO("row " << cases);
    const std::string message = unhex(row.at("MESSAGE"));
    const std::string signature = unhex(row.at("SIG"));
    const auto key = PrivateKey::from_seed(unhex(row.at("PRIV").substr(0, 64)));
    REQUIRE(key.ok());
    CHECK(key->public_key().raw() == unhex(row.at("PUB")));
    CHECK(key->sign(message) == signature);
    CHECK(accepts(unhex(row.at("PUB")), message, signature));
    row.clear();
  }
  CHECK(cases > 500);
  test::report("rfc8032 sign.input", cases);
}

TEST_CASE("BoringSSL's Ed25519 keys, good and malformed, and their signatures get their verdicts") {
  const auto folder = test::public_vectors();
  if (!folder) return;
  std::map<std::string, PrivateKey> keys;
  std::map<std::string, std::string> block;
  std::size_t cases = 0;
  std::size_t inexpressible = 0;

  const auto judge_key = [&] {
    if (block.contains("Error")) {
      if (block.contains("PKCS8"))
        CHECK_FALSE(PrivateKey::from_pem(write_pem("PRIVATE KEY", unhex(block.at("PKCS8")))).ok());
      if (block.contains("SPKI"))
        CHECK_FALSE(PublicKey::from_pem(write_pem("PUBLIC KEY", unhex(block.at("SPKI")))).ok());
      return;
    }
    const auto key = PrivateKey::from_pem(write_pem("PRIVATE KEY", unhex(block.at("PKCS8"))));
    REQUIRE(key.ok());
    CHECK(key->to_pem().value() == PrivateKey::from_seed(unhex(block.at("RawPrivate"))).value().to_pem().value());
    const auto public_key = PublicKey::from_pem(write_pem("PUBLIC KEY", unhex(block.at("SPKI"))));
    REQUIRE(public_key.ok());
    CHECK(public_key->raw() == unhex(block.at("RawPublic")));
    CHECK(key->public_key().raw() == public_key->raw());
    keys.emplace(block.at("Key"), *key);
  };
  const auto judge = [&] {
    if (block.empty()) return;
    ++cases;
    INFO("block " << cases);
    if (block.contains("Key")) return judge_key();
    // The cases that name a digest, pre-hash, or sign with a public key must fail; our interface cannot even say them.
    const bool signs = block.contains("SignMessage");
    const bool verifies = block.contains("VerifyMessage");
    const auto [name, half] = split(signs ? block["SignMessage"] : block["VerifyMessage"], "/");
    if ((!signs && !verifies) || half == "PublicOnly" || block.contains("Digest")) {
      CHECK(block.contains("Error"));
      ++inexpressible;
      return;
    }
    const PrivateKey& key = keys.at(name);
    const std::string message = message_of(block.at("Input"));
    if (signs) CHECK(key.sign(message) == unhex(block.at("Output")));
    CHECK(key.public_key().verify(message, unhex(block.at("Output"))).ok() == !block.contains("Error"));
  };

  std::ifstream in(*folder / "1-ed25519/boringssl_evp_ed25519_tests.txt");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    if (line.empty()) {
      judge();
      block.clear();
      continue;
    }
    const auto [name, value] = split(line, " = ");
    block[name] = value;
  }
  judge();
  CHECK(keys.size() == 6);
  CHECK(cases == 24);
  CHECK(inexpressible == 4);
  test::report("boringssl evp ed25519", cases);
}

TEST_CASE("All encodings of points of small order are refused as keys and as R") {
  const auto folder = test::public_vectors();
  if (!folder) return;
  const auto file = test::read_json(*folder / "1-ed25519/low_order_points.json");
  const PublicKey key = PrivateKey::from_seed(std::string(32, 'k')).value().public_key();
  std::size_t cases = 0;
  for (const auto [unused, point] : file.root()) {
    ++cases;
    const std::string encoding = unhex(text_at(point, "encoding"));
    INFO(text_at(point, "encoding"));
    CHECK(PublicKey::from_raw(encoding).code() == Code::invalid_argument);
    const Status status = key.verify("m", encoding + std::string(32, '\0'));
    CHECK(status.code() == Code::approval_signature_invalid);
    CHECK(status.detail().find("R is ") != std::string::npos);
  }
  CHECK(cases == 14);
  test::report("ed25519 low-order points", cases);
}
