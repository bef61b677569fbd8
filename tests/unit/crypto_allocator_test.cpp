// SPDX-License-Identifier: Apache-2.0
// A host that gave OpenSSL an allocator of its own, which fails without setting errno: a no is not believed at once.
#include <openssl/crypto.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>

#include "crypto/ed25519.hpp"
#include "support/catch.hpp"

using namespace openexec;
using namespace openexec::crypto;

#ifndef OPENSSL_IS_AWSLC  // whose verification allocates nothing
namespace {

/// The allocator of the host. Its allocations are counted while `fail_at` is not zero.
struct Allocator {
  std::uint64_t fail_at = 0;  ///< the number of the one that fails, from 1
  bool from_then_on = false;
  std::uint64_t seen = 0;
  std::uint64_t failed = 0;

  bool fails() noexcept {
    if (fail_at == 0) return false;
    ++seen;
    const bool fails = seen == fail_at || (seen > fail_at && from_then_on);
    failed += fails;
    return fails;
  }
};
Allocator host;
int accepted = 0;

void* allocate(std::size_t size, const char*, int) { return host.fails() ? nullptr : std::malloc(size); }
void* reallocate(void* block, std::size_t size, const char*, int) {
  return host.fails() ? nullptr : std::realloc(block, size);
}
void release(void* block, const char*, int) { std::free(block); }

/// OpenSSL takes an allocator before its own first allocation alone, and the library makes that when it is loaded.
[[gnu::constructor(101)]] void install() { accepted = CRYPTO_set_mem_functions(allocate, reallocate, release); }

Code code_of(const PublicKey& key, const std::string& message, const std::string& signature) {
  try {
    return key.verify(message, signature).code();
  } catch (const std::bad_alloc&) {
    return Code::overloaded;
  }
}

}  // namespace

TEST_CASE("Under a host's own allocator for OpenSSL no verdict is made of memory that failed") {
  REQUIRE(accepted == 1);
  const PrivateKey signer = PrivateKey::from_seed(std::string(32, 'k')).value();
  const PublicKey key = signer.public_key();
  const std::string message(200, 'm');
  const std::string good = signer.sign(message);
  const std::string bad = signer.sign(message + "!");
  CHECK(code_of(key, message, good) == Code::ok);
  CHECK(code_of(key, message, bad) == Code::approval_signature_invalid);

  int wrong = 0;
  std::uint64_t tried = 0;
  for (const bool from_then_on : {false, true})
    for (const auto& [signature, truth] : {std::pair{good, Code::ok}, std::pair{bad, Code::approval_signature_invalid}})
      for (std::uint64_t nth = 1, failed = 1; failed != 0; ++nth) {
        host = {.fail_at = nth, .from_then_on = from_then_on};
        const Code code = code_of(key, message, signature);
        failed = host.failed;
        host = {};
        wrong += code != truth && code != Code::overloaded;
        ++tried;
      }
  CHECK(wrong == 0);
  CHECK(tried > 8);  // it was asked for memory
  CHECK(code_of(key, message, good) == Code::ok);
}
#endif
