// SPDX-License-Identifier: Apache-2.0
// SHA-256, strict Ed25519, strict PEM.
#include <openssl/err.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/text.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/pem.hpp"
#include "crypto/sha256.hpp"
#include "support/catch.hpp"

using namespace openexec;
using namespace openexec::crypto;

namespace {

std::string unhex(std::string_view text) { return base::unhex(text).value(); }

// RFC 8032, section 7.1, test 1.
const std::string seed = unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
const std::string point = unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
const std::string pem =
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC "
    "KEY-----\n";

PrivateKey signer() { return PrivateKey::from_seed(seed).value(); }

Code verify(const PublicKey& key, std::string_view message, std::string_view signature) {
  return key.verify(message, signature).code();
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

// S + L, without reduction: the same scalar, another spelling.
std::string malleated(std::string signature) {
  const std::string order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry +=
        static_cast<unsigned char>(signature[32 + i]) + static_cast<unsigned>(static_cast<unsigned char>(order[i]));
    signature[32 + i] = static_cast<char>(carry & 0xffU);
    carry >>= 8;
  }
  return signature;
}

}  // namespace

TEST_CASE("SHA-256 gives the published digests") {
  CHECK(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha256(std::string(1000000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("The digest of parts is the digest of their concatenation") {
  CHECK(sha256({"a", "", "bc"}) == sha256("abc"));
  CHECK(sha256({}) == sha256(""));
  CHECK(sha256({std::string_view{}, "abc"}) == sha256("abc"));
}

TEST_CASE("Random bytes fill all of the buffer and do not repeat") {
  std::string a((std::size_t{1} << 20) + 100, '\0');
  std::string b(64, '\0');
  CHECK(random_bytes(reinterpret_cast<unsigned char*>(a.data()), a.size()));
  CHECK(random_bytes(reinterpret_cast<unsigned char*>(b.data()), b.size()));
  CHECK(a.substr(0, 64) != b);
  CHECK(a.substr(a.size() - 64) != std::string(64, '\0'));
  CHECK(a.substr(0, 64) != std::string(64, '\0'));
}

TEST_CASE("A key pair signs and verifies, and its public half is the derived one") {
  const PrivateKey key = signer();
  CHECK(key.public_key().raw() == point);
  const std::string signature = key.sign("");
  CHECK(base::hex({reinterpret_cast<const std::uint8_t*>(signature.data()), signature.size()}) ==
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe"
        "24655"
        "141438e7a100b");
  CHECK(verify(key.public_key(), "", signature) == Code::ok);
  CHECK(verify(key.public_key(), std::string_view{}, signature) == Code::ok);
  CHECK(verify(key.public_key(), "x", signature) == Code::approval_signature_invalid);
}

TEST_CASE("Generated keys differ and work") {
  const PrivateKey a = PrivateKey::generate().value();
  const PrivateKey b = PrivateKey::generate().value();
  CHECK(a.public_key().raw() != b.public_key().raw());
  CHECK(verify(a.public_key(), "m", a.sign("m")) == Code::ok);
  CHECK(verify(b.public_key(), "m", a.sign("m")) == Code::approval_signature_invalid);
}

TEST_CASE("A key's fingerprint is the SHA-256 of its 32 bytes") {
  CHECK(signer().public_key().fingerprint() == to_hex(sha256(point)));
}

TEST_CASE("Every single-bit flip of a signature is refused") {
  const PrivateKey key = signer();
  const std::string signature = key.sign("message");
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 512; ++bit) {
    std::string flipped = signature;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    refused += verify(key.public_key(), "message", flipped) == Code::approval_signature_invalid;
  }
  CHECK(refused == 512);
}

TEST_CASE("Under every single-bit flip of its key a signature is refused") {
  const std::string signature = signer().sign("message");
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 256; ++bit) {
    std::string flipped = point;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto key = PublicKey::from_raw(flipped);
    refused += !key.ok() || verify(*key, "message", signature) == Code::approval_signature_invalid;
  }
  CHECK(refused == 256);
}

TEST_CASE("A signature of another length is refused") {
  const PrivateKey key = signer();
  const std::string signature = key.sign("m");
  CHECK(verify(key.public_key(), "m", "") == Code::approval_signature_invalid);
  CHECK(verify(key.public_key(), "m", signature.substr(0, 63)) == Code::approval_signature_invalid);
  CHECK(verify(key.public_key(), "m", signature + '\0') == Code::approval_signature_invalid);
}

TEST_CASE("A malleated signature, S plus the group order, is refused and says so") {
  const PrivateKey key = signer();
  const Status status = key.public_key().verify("m", malleated(key.sign("m")));
  CHECK(status.code() == Code::approval_signature_invalid);
  CHECK(status.detail() == "Invalid signature: S is not below the group order");
}

TEST_CASE("R that is not canonical or of small order is refused before the library is asked") {
  const PublicKey key = signer().public_key();
  const std::string s(32, '\0');
  CHECK(key.verify("m", unhex("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f") + s).detail() ==
        "Invalid signature: R is not canonical");
  CHECK(key.verify("m", unhex("0100000000000000000000000000000000000000000000000000000000000000") + s).detail() ==
        "Invalid signature: R is of small order");
}

TEST_CASE("A public key that is no point of the curve is refused when it is parsed") {
  // About half of all y are no points; of y = 2 to 9 these are.
  std::string off_curve;
  for (int y = 2; y < 10; ++y) {
    std::string candidate(32, '\0');
    candidate[0] = static_cast<char>(y);
    if (!PublicKey::from_raw(candidate).ok()) off_curve += std::to_string(y);
  }
  CHECK(off_curve == "278");
  CHECK(PublicKey::from_raw(std::string("\x02") + std::string(31, '\0')).status().detail() ==
        "the public key is not a point of the curve");
}

TEST_CASE("A public key of another length is refused") {
  CHECK(PublicKey::from_raw("").code() == Code::invalid_argument);
  CHECK(PublicKey::from_raw(point.substr(1)).code() == Code::invalid_argument);
  CHECK(PublicKey::from_raw(point + "x").code() == Code::invalid_argument);
}

TEST_CASE("A public key comes back from its own PEM") {
  const auto key = PublicKey::from_pem(pem);
  REQUIRE(key.ok());
  CHECK(key->raw() == point);
  CHECK(key->to_pem() == pem);
}

TEST_CASE("PEM may end its lines in CRLF and miss the last line end") {
  std::string crlf;
  for (char c : pem) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  CHECK(PublicKey::from_pem(crlf).ok());
  CHECK(PublicKey::from_pem(crlf.substr(0, crlf.size() - 2)).ok());
  CHECK(PublicKey::from_pem(pem.substr(0, pem.size() - 1)).ok());
}

TEST_CASE("PEM is one block and nothing else") {
  const auto refused = [](const std::string& text) {
    const auto key = PublicKey::from_pem(text);
    return key.code() == Code::invalid_argument;
  };
  CHECK(refused(""));
  CHECK(refused("\n" + pem));
  CHECK(refused(" " + pem));
  CHECK(refused("comment\n" + pem));
  CHECK(refused(pem + "\n"));
  CHECK(refused(pem + " "));
  CHECK(refused(pem + pem));
  CHECK(refused(pem + '\0'));
  CHECK(refused("\xef\xbb\xbf" + pem));
  CHECK(refused(replaced(pem, "MCow", "MCow\n\n")));
  CHECK(refused(replaced(pem, "MCow", " MCow")));
  CHECK(refused(replaced(pem, "MCow", "Proc-Type: 4,ENCRYPTED\nMCow")));
  CHECK(refused(replaced(pem, "HURo=", "HURo")));
  CHECK(refused(replaced(pem, "HURo=", "HURp=")));  // unused bits that are not zero
  CHECK(refused(replaced(pem, "HURo=", "HURo==")));
  CHECK(refused(replaced(pem, "-----BEGIN", "----BEGIN")));
  CHECK(refused(replaced(pem, "-----END PUBLIC KEY-----", "-----END PUBLIC KEY----")));
  CHECK(refused(replaced(pem, "-----END", "-----END X")));
  CHECK(refused(replaced(replaced(pem, "PUBLIC", "PRIVATE"), "END PUBLIC", "END PRIVATE")));
  CHECK(refused("-----BEGIN PUBLIC KEY-----"));
  CHECK(refused("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"));
  CHECK(refused("-----BEGIN -----\nMCow\n-----END -----\n"));
  CHECK(refused(std::string(max_pem_bytes + 1, '-')));
}

TEST_CASE("A private key comes back from its own PEM, plain or encrypted") {
  const PrivateKey key = signer();
  const std::string plain = key.to_pem().value();
  CHECK(plain ==
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        "-----END PRIVATE KEY-----\n");
  CHECK(PrivateKey::from_pem(plain).value().public_key().raw() == point);

  const std::string sealed = key.to_pem("correct horse").value();
  CHECK(sealed.find("ENCRYPTED PRIVATE KEY") != std::string::npos);
  CHECK(PrivateKey::from_pem(sealed, "correct horse").value().public_key().raw() == point);
  CHECK(sealed != key.to_pem("correct horse").value());
}

TEST_CASE("A private key that an earlier version encrypted, by OpenSSL's own functions, can be read") {
  const std::string sealed =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
      "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSsGAQQB2kcECzAcBBDXleq4izpAjAhHMZYp\n"
      "qtiVAgJAAAIBCAIBATAdBglghkgBZQMEASoEEOEmdNoJt8GFgpCl3BJyZd4EQOaq\n"
      "cu4+9QRQSokrrF/jpKsa2t6jSnWCGOKCW1NGXefk8lkt/f6R4iIoatiL0TC10sDk\n"
      "FHbB224k9UJMb8xloSs=\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n";
  CHECK(PrivateKey::from_pem(sealed, "correct horse").value().public_key().raw() == point);
  CHECK(PrivateKey::from_pem(sealed, "Correct horse").code() == Code::invalid_argument);
  CHECK(signer().to_pem("correct horse").value().size() == sealed.size());
}

TEST_CASE("A private key in another form of scrypt can be read with OpenSSL, and is refused with AWS-LC") {
  const auto key = PrivateKey::from_pem(
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
      "MIGTME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAggff3nWADHdwICQAAC\n"
      "AQgCAQEwHQYJYIZIAWUDBAEqBBBEd0mp4l+FYO2ktvMJfszjBEBg+vAKwH/0UBdT\n"
      "FuhDWuN167xCGE7j3UFszZMdiw6TzAhSAVIhgF2+5TmnYPS7UDYzUSTY+Rks4Ti1\n"
      "lpiY32pV\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n",
      "correct horse");
#ifdef OPENSSL_IS_AWSLC
  CHECK(key.code() == Code::invalid_argument);
#else
  CHECK(key.value().public_key().raw() == point);
#endif
}

TEST_CASE("A private key that OpenSSL's own program encrypted (PBES2, PBKDF2, AES-256-CBC) can be read") {
  const auto key = PrivateKey::from_pem(
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
      "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjlLepIB3l3xwICCAAw\n"
      "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEHxTT0LHxq3D7h1PTaiORfoEQPRf\n"
      "2CWVIMXFPWMSSCiEk8up9gUnvQkGXlR/zySn6YlOBvv2pHvJOwg2ASzOuBxo2f7U\n"
      "xn7pHk2FgnoQcEBoUXE=\n"
      "-----END ENCRYPTED PRIVATE KEY-----\n",
      "correct horse");
  REQUIRE(key.ok());
  CHECK(key->public_key().raw() == point);
}

TEST_CASE("Whatever fails leaves the host's own OpenSSL errors as they were") {
  const PrivateKey key = signer();
  const std::string sealed = key.to_pem("correct horse").value();
  const auto fail_in_every_way = [&] {
    CHECK_FALSE(PrivateKey::from_pem(sealed, "wrong").ok());
    CHECK_FALSE(PublicKey::from_raw(std::string("\x02") + std::string(31, '\0')).ok());
    CHECK_FALSE(key.public_key().verify("other", key.sign("m")).ok());
    CHECK_FALSE(PublicKey::from_pem("x").ok());
  };
  ERR_clear_error();
  fail_in_every_way();
  CHECK(ERR_peek_error() == 0);

  ERR_put_error(ERR_LIB_USER, 0, ERR_R_INTERNAL_ERROR, __FILE__, __LINE__);  // AWS-LC has no ERR_raise
  const unsigned long host = ERR_peek_error();
  fail_in_every_way();
  CHECK(ERR_peek_error() == host);
  CHECK(ERR_peek_last_error() == host);
  ERR_clear_error();
}

TEST_CASE("An encrypted private key is refused without its passphrase, and never prompts") {
  const std::string sealed = signer().to_pem("correct horse").value();
  CHECK(PrivateKey::from_pem(sealed).status().detail() == "the private key is encrypted and no passphrase is given");
  CHECK(PrivateKey::from_pem(sealed, "wrong").code() == Code::invalid_argument);
  const auto flipped = replaced(sealed, "MIG", "MIH");
  CHECK(PrivateKey::from_pem(flipped, "correct horse").code() == Code::invalid_argument);
}

TEST_CASE("A public key is no private key, nor the other way round") {
  CHECK(PrivateKey::from_pem(pem).code() == Code::invalid_argument);
  CHECK(PublicKey::from_pem(signer().to_pem().value()).code() == Code::invalid_argument);
}

TEST_CASE("Four threads verify with one key at the same time") {
  const PrivateKey key = signer();
  const PublicKey shared = key.public_key();
  std::atomic<int> accepted{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string message = "message " + std::to_string(t * 1000 + i);
        const std::string signature = key.sign(message);
        accepted += shared.verify(message, signature).ok();
        refused += !shared.verify(message + "x", signature).ok();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(accepted == 200);
  CHECK(refused == 200);
}
