// SPDX-License-Identifier: Apache-2.0
// The libraries that may verify Ed25519, asked about the same signatures: behind the strict checks they must agree, so
// that the choice of a library decides nothing but speed. "OpenSSL" is AWS-LC where the build has that in its place.
#include <sodium.h>

#include <array>
#include <random>
#include <string>

#include "base/text.hpp"
#include "crypto/c_bytes.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/ed25519_backend.hpp"
#include "crypto/ed25519_strict.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

using namespace openexec;
using namespace openexec::crypto;

namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t bound) { return random() % bound; }

std::string random_text(Random& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

void flip_a_bit(Random& random, std::string& text) {
  const std::size_t bit = below(random, text.size() * 8);
  text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
}

/// 64 bytes as a number modulo the group's order.
std::string reduced(std::string wide) {
  std::string scalar(32, '\0');
  crypto_core_ed25519_scalar_reduce(bytes(scalar), bytes(wide));
  return scalar;
}

std::string random_scalar(Random& random) { return reduced(random_text(random, 64)); }

std::string times_base(const std::string& scalar) {
  std::string point(32, '\0');
  REQUIRE(crypto_scalarmult_ed25519_base_noclamp(bytes(point), bytes(scalar)) == 0);
  return point;
}

std::string sum(const std::string& p, const std::string& q) {
  std::string point(32, '\0');
  REQUIRE(crypto_core_ed25519_add(bytes(point), bytes(p), bytes(q)) == 0);
  return point;
}

/// The multiples of a point of order 8.
const std::string& small_order(unsigned multiple) {
  static const auto points = [] {
    const std::string generator =
        base::unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05").value();
    std::array<std::string, 8> all;
    all[0] = "\x01" + std::string(31, '\0');
    for (std::size_t i = 1; i < all.size(); ++i) all[i] = sum(all[i - 1], generator);
    REQUIRE(sum(all[7], generator) == all[0]);
    return all;
  }();
  return points.at(multiple);
}

std::string challenge(const std::string& r, const std::string& key, const std::string& message) {
  const std::string hashed = r + key + message;
  std::string wide(64, '\0');
  crypto_hash_sha512(bytes(wide), bytes(hashed), hashed.size());
  return reduced(wide);
}

/// S of the signature whose first half is R = nonce times the base point (and perhaps something of small order).
std::string answer(const std::string& secret, const std::string& nonce, const std::string& h) {
  std::string s(32, '\0');
  crypto_core_ed25519_scalar_mul(bytes(s), bytes(h), bytes(secret));
  crypto_core_ed25519_scalar_add(bytes(s), bytes(s), bytes(nonce));
  return s;
}

std::string times_order(unsigned multiple, std::string s) {
  const std::string order = base::unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").value();
  for (; multiple > 0; --multiple) sodium_add(bytes(s), bytes(order), s.size());
  return s;
}

bool strict(std::string_view signature) {
  return is_canonical_scalar(signature.substr(32)) && is_canonical_point(signature.substr(0, 32)) &&
         !is_small_order(signature.substr(0, 32));
}

/// One key in every hand.
struct Key {
  explicit Key(const std::string& point)
      : strict_key(PublicKey::from_raw(point).value()),
        openssl(openssl::prepare(point)),
        sodium(sodium::prepare(point)) {
    REQUIRE(openssl);
    REQUIRE(sodium);
  }

  PublicKey strict_key;
  std::unique_ptr<const PreparedKey> openssl;
  std::unique_ptr<const PreparedKey> sodium;
};

struct Tally {
  std::size_t accepted = 0;
  std::size_t refused_by_strict_checks = 0;
  std::size_t refused_by_libraries = 0;
  std::size_t wrong = 0;  // a verdict that differs between the libraries, or from what was expected
};

void judge(const Key& key, const std::string& message, const std::string& signature, bool expected, Tally& tally) {
  const bool gate = strict(signature);
  const bool openssl = gate && key.openssl->judge(message, signature) == Judgement::valid;
  const bool sodium = gate && key.sodium->judge(message, signature) == Judgement::valid;
  const bool verdict = key.strict_key.verify(message, signature).ok();
  tally.wrong += openssl != expected || sodium != expected || verdict != expected;
  tally.accepted += verdict;
  tally.refused_by_strict_checks += !gate;
  tally.refused_by_libraries += gate && !verdict;
}

}  // namespace

TEST_CASE("OpenSSL and libsodium give one verdict on 10,000 signatures, most of them mutated") {
  REQUIRE(sodium_init() >= 0);
  Random random(20250101);
  Tally tally;
  constexpr std::size_t cases = 10000;
  constexpr std::size_t keys = 250;
  for (std::size_t i = 0; i < keys; ++i) {
    const PrivateKey signer = PrivateKey::from_seed(random_text(random, 32)).value();
    const std::string point = signer.public_key().raw();
    const Key key(point);
    for (std::size_t j = 0; j < cases / keys; ++j) {
      std::string message = random_text(random, 1 + below(random, 300));
      const std::string good = signer.sign(message);
      std::string r = good.substr(0, 32);
      std::string s = good.substr(32);
      bool expected = false;
      switch (j % 10) {
        case 0: expected = true; break;
        case 1: flip_a_bit(random, r); break;
        case 2: flip_a_bit(random, s); break;
        case 3: flip_a_bit(random, message); break;
        case 4: r = times_base(random_scalar(random)); break;
        case 5: s = random_scalar(random); break;
        case 6: s = times_order(1 + static_cast<unsigned>(below(random, 14)), s); break;
        case 7: r = small_order(static_cast<unsigned>(below(random, 8))); break;
        case 8: r = sum(r, small_order(1 + static_cast<unsigned>(below(random, 7)))); break;
        default:
          r = random_text(random, 32);
          s = random_text(random, 32);
          break;
      }
      judge(key, message, r + s, expected, tally);
    }
  }
  CHECK(tally.wrong == 0);
  CHECK(tally.accepted == cases / 10);
  CHECK(tally.accepted + tally.refused_by_strict_checks + tally.refused_by_libraries == cases);
  CHECK(tally.refused_by_strict_checks > cases / 5);
  CHECK(tally.refused_by_libraries > cases / 2);
  test::report("ed25519 mutations, both libraries", cases);
}

TEST_CASE("Without the strict checks the libraries disagree, which is why these stand in front") {
  REQUIRE(sodium_init() >= 0);
  // 0 B = R + h A where R and A are the neutral element, for every message.
  const std::string neutral = small_order(0);
  const std::string signature = neutral + std::string(32, '\0');
  CHECK(openssl::prepare(neutral)->judge("anything", signature) == Judgement::valid);
  CHECK(sodium::prepare(neutral)->judge("anything", signature) == Judgement::invalid);
  CHECK_FALSE(PublicKey::from_raw(neutral).ok());
  CHECK_FALSE(strict(signature));
}

TEST_CASE("Keys and R with a part of small order get the verdict of the cofactorless equation from both libraries") {
  REQUIRE(sodium_init() >= 0);
  Random random(8032);
  Tally tally;
  std::size_t cases = 0;
  for (unsigned in_key = 0; in_key < 8; ++in_key) {
    const std::string secret = random_scalar(random);
    const std::string point = sum(times_base(secret), small_order(in_key));
    const Key key(point);
    for (std::size_t i = 0; i < 256; ++i) {
      const unsigned in_r = static_cast<unsigned>(i % 8);
      const std::string message = random_text(random, below(random, 300));
      const std::string nonce = random_scalar(random);
      const std::string r = sum(times_base(nonce), small_order(in_r));
      const std::string h = challenge(r, point, message);
      // S B = R + h A holds for the large parts; for the small ones it says 0 = in_r + h in_key, modulo 8.
      const bool expected = (in_r + static_cast<unsigned char>(h[0]) * in_key) % 8 == 0;
      judge(key, message, r + answer(secret, nonce, h), expected, tally);
      ++cases;
    }
  }
  CHECK(tally.wrong == 0);
  CHECK(tally.refused_by_strict_checks == 0);
  CHECK(tally.accepted > cases / 16);
  CHECK(tally.refused_by_libraries > cases / 2);
  test::report("ed25519 with parts of small order, both libraries", cases);
}

TEST_CASE("Under a mutated key both libraries refuse what the key signed") {
  REQUIRE(sodium_init() >= 0);
  Random random(25519);
  Tally tally;
  std::size_t keys = 0;
  for (int i = 0; i < 500; ++i) {
    const PrivateKey signer = PrivateKey::from_seed(random_text(random, 32)).value();
    std::string point = signer.public_key().raw();
    flip_a_bit(random, point);
    if (!PublicKey::from_raw(point).ok()) continue;  // about half are no points
    ++keys;
    judge(Key(point), "message", signer.sign("message"), false, tally);
  }
  CHECK(keys > 150);
  CHECK(tally.wrong == 0);
  CHECK(tally.refused_by_libraries == keys);
}
