// SPDX-License-Identifier: Apache-2.0
// Without memory, and without random bytes: no verdict, no key, and no end of the process.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cerrno>
#include <functional>
#include <new>
#include <random>
#include <string>

#include "crypto/ed25519.hpp"
#include "crypto/sha256.hpp"
#include "crypto/sha256_plain.hpp"
#include "support/catch.hpp"
#include "support/failing_memory.hpp"

using namespace openexec;
using namespace openexec::crypto;
using openexec::test::failing_memory;

namespace {

/// Calls `act` with each allocation failing in turn, once and from there on, until none fails any more. `act` says
/// whether what it saw is allowed.
void fail_each(const std::function<bool()>& act) {
  for (const bool all_that_follow : {false, true}) {
    bool failed = true;
    int wrong = 0;
    for (std::uint64_t nth = 1; failed; ++nth) {
      failing_memory().arm(nth, all_that_follow);
      const bool allowed = act();
      failing_memory().disarm();
      failed = failing_memory().failed != 0;
      wrong += !allowed;
    }
    CHECK(wrong == 0);
  }
}

/// The code that it answers; overloaded stands for no memory.
template <class Ask>
Code code_of(Ask&& ask) {
  try {
    return ask();
  } catch (const std::bad_alloc&) {
    return Code::overloaded;
  }
}

}  // namespace

TEST_CASE("Without memory no signature is called invalid that is valid, nor the other way round") {
  const PrivateKey signer = PrivateKey::from_seed(std::string(32, 'k')).value();
  const PublicKey key = signer.public_key();
  const std::string message(200, 'm');
  const std::string good = signer.sign(message);
  const std::string bad = signer.sign(message + "!");
  CHECK(key.verify(message, good).ok());
  CHECK(key.verify(message, bad).code() == Code::approval_signature_invalid);

  fail_each([&] {
    const Code code = code_of([&] { return key.verify(message, good).code(); });
    return code == Code::ok || code == Code::overloaded;
  });
  fail_each([&] {
    const Code code = code_of([&] { return key.verify(message, bad).code(); });
    return code == Code::approval_signature_invalid || code == Code::overloaded;
  });
  CHECK(key.verify(message, good).ok());
}

TEST_CASE("A signature that does not verify is asked about once, as one that does") {
  const PrivateKey signer = PrivateKey::from_seed(std::string(32, 'k')).value();
  const PublicKey key = signer.public_key();
  const std::string message(200, 'm');
  const std::string good = signer.sign(message);
  const std::string bad = signer.sign(message + "!");
  const auto allocations = [&](const std::string& signature) {
    (void)key.verify(message, signature);
    failing_memory().arm(~std::uint64_t{0}, false);
    const bool right = key.verify(message, signature).ok() == (signature == good);
    failing_memory().disarm();
    CHECK(right);
    return failing_memory().seen.load();
  };
  const std::uint64_t for_a_yes = allocations(good);
  const std::uint64_t for_a_no = allocations(bad);
  INFO(for_a_yes << " allocations for a yes, " << for_a_no << " for a no");
  CHECK(for_a_no <= for_a_yes + 3);  // the detail of the refusal, and not another verification, which makes ten
}

TEST_CASE("A verification leaves the caller's errno as it was") {
  const PrivateKey signer = PrivateKey::from_seed(std::string(32, 'k')).value();
  const std::string message(200, 'm');
  for (const std::string& signature : {signer.sign(message), signer.sign(message + "!")})
    for (const int number : {0, EINTR, ENOMEM}) {
      errno = number;
      (void)signer.public_key().verify(message, signature);
      const int after = errno;
      CHECK(after == number);
    }
}

TEST_CASE("Without memory no good key is called a bad one") {
  const std::string point = PrivateKey::from_seed(std::string(32, 'k')).value().public_key().raw();
  fail_each([&] {
    try {
      const auto key = PublicKey::from_raw(point);
      return key.ok() || key.status().detail().find("has no memory") != std::string::npos;
    } catch (const std::bad_alloc&) {
      return true;
    }
  });
}

#ifndef OPENSSL_IS_AWSLC  // which lets nobody replace its source
TEST_CASE("Without random bytes there is no key and no encrypted key, and the process lives") {
  const PrivateKey signer = PrivateKey::from_seed(std::string(32, 'k')).value();
  RAND_METHOD dry{};
  dry.bytes = [](unsigned char*, int) { return 0; };
  const RAND_METHOD* const before = RAND_get_rand_method();
  REQUIRE(RAND_set_rand_method(&dry) == 1);
  unsigned char byte = 0;
  CHECK_FALSE(random_bytes(&byte, 1));
  const auto key = PrivateKey::generate();
  CHECK(key.code() == Code::store_failed);
  CHECK_FALSE(signer.to_pem("a passphrase").ok());
  REQUIRE(RAND_set_rand_method(before) == 1);
  CHECK(PrivateKey::generate().ok());
}
#endif

TEST_CASE("SHA-256 without a library is SHA-256") {
  CHECK(to_hex(plain::sha256({"abc"})) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  std::mt19937 random(1);
  std::string text;
  int wrong = 0;
  for (int size = 0; size < 400; ++size) {
    wrong += plain::sha256({text}) != sha256(text);
    const std::string_view all = text;
    wrong += plain::sha256({all.substr(0, all.size() / 3), all.substr(all.size() / 3)}) != sha256(text);
    text.push_back(static_cast<char>(random() & 0xff));
  }
  CHECK(wrong == 0);
}
