// SPDX-License-Identifier: Apache-2.0
// Third parties' key files: which are exactly one strict Ed25519 public key.
#include <string>

#include "base/text.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/pem.hpp"
#include "support/catch.hpp"
#include "support/json.hpp"

using namespace openexec;
using crypto::PrivateKey;
using crypto::PublicKey;
using test::at;
using test::text_at;

TEST_CASE("Every mutated key file gets its strict verdict") {
  const auto folder = test::public_vectors();
  if (!folder) return;
  std::size_t cases = 0;
  for (const std::string& line : test::lines_of(*folder / "6-pem-spki/spki_mutations.jsonl")) {
    const auto row = test::parse_json(line);
    const std::string id = text_at(row.root(), "id");
    std::string verdict = text_at(row.root(), "strict");
    // Lines shorter than 64 characters leave no doubt about the bytes: our reader takes 1 to 64.
    if (verdict == "either") verdict = "accept";
    INFO(id);
    const auto key = PublicKey::from_pem(base::unhex(text_at(row.root(), "hex")).value());
    CHECK(key.ok() == (verdict == "accept"));
    if (!key.ok()) CHECK(key.code() == Code::invalid_argument);
    if (!key.ok()) CHECK_FALSE(key.status().detail().empty());
    ++cases;
  }
  CHECK(cases > 0);
  test::report("spki mutations", cases);
}

TEST_CASE("Fuzz seeds of other keys are refused, as files and inside PEM") {
  const auto folder = test::public_vectors();
  if (!folder) return;
  for (const char* corpus : {"boringssl_spki_corpus", "boringssl_privkey_corpus"}) {
    std::size_t cases = 0;
    for (const auto& file : std::filesystem::directory_iterator(*folder / "6-pem-spki" / corpus)) {
      ++cases;
      INFO(file.path().filename().string());
      const std::string bytes = test::read_file(file.path());
      CHECK_FALSE(PublicKey::from_pem(bytes).ok());
      CHECK_FALSE(PublicKey::from_pem(crypto::write_pem("PUBLIC KEY", bytes)).ok());
      CHECK_FALSE(PublicKey::from_pem(crypto::write_pem("PRIVATE KEY", bytes)).ok());
      CHECK_FALSE(PublicKey::from_raw(bytes).ok());
      CHECK_FALSE(PrivateKey::from_pem(crypto::write_pem("PRIVATE KEY", bytes)).ok());
      CHECK_FALSE(PrivateKey::from_pem(crypto::write_pem("ENCRYPTED PRIVATE KEY", bytes), "passphrase").ok());
    }
    CHECK(cases > 0);
    test::report(corpus, cases);
  }
}

TEST_CASE("Every X25519 public key of Wycheproof is refused as an Ed25519 key") {
  const auto folder = test::public_vectors();
  if (!folder) return;
  const auto file = test::read_json(*folder / "6-pem-spki/wycheproof_x25519_pem_test.json");
  std::size_t cases = 0;
  for (const auto [unused, group] : at(file.root(), "testGroups")) {
    for (const auto [none, test] : at(group, "tests")) {
      ++cases;
      INFO("tcId " << at(test, "tcId").integer());
      CHECK_FALSE(PublicKey::from_pem(text_at(test, "public")).ok());
      CHECK_FALSE(PrivateKey::from_pem(text_at(test, "private")).ok());
    }
  }
  CHECK(cases == static_cast<std::size_t>(at(file.root(), "numberOfTests").integer()));
  test::report("wycheproof x25519 pem", cases);
}
