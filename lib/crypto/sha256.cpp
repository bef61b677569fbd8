// SPDX-License-Identifier: Apache-2.0
// EVP makes a new state for every digest (OpenSSL 3.0), which costs as much as hashing a short text. The functions
// below it, which OpenSSL marks as deprecated and AWS-LC does not, keep their state on the stack, so that they cannot
// fail. Where a build of OpenSSL has left them out, our own stand in: EVP needs memory, and a hash has no way to say
// so.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/sha256.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>

#include "crypto/openssl.hpp"
#include "crypto/sha256_plain.hpp"

namespace openexec::crypto {

#ifndef OPENSSL_IS_AWSLC
namespace {

/// OpenSSL makes its default context at the first use, once: without memory it stays empty for ever, and the next
/// function that looks into it crashes. So it is made when the library is loaded, where a host does not run yet.
/// Nothing else is: no configuration is read and no provider loaded before the host could choose.
[[maybe_unused]] const bool openssl_has_its_context = OSSL_LIB_CTX_set0_default(nullptr) != nullptr;

}  // namespace
#endif

#ifndef OPENSSL_NO_DEPRECATED_3_0

Digest sha256(std::initializer_list<std::string_view> parts) noexcept {
  SHA256_CTX state;
  SHA256_Init(&state);
  for (const std::string_view part : parts) SHA256_Update(&state, part.data(), part.size());
  Digest digest;
  SHA256_Final(digest.data(), &state);
  return digest;
}

#else

Digest sha256(std::initializer_list<std::string_view> parts) noexcept { return plain::sha256(parts); }

#endif

bool random_bytes(unsigned char* out, std::size_t size) noexcept {
  const ErrorScope errors;
  while (size > 0) {  // RAND_bytes counts in int, that of AWS-LC in size_t: 16 bits fit both
    const auto chunk = static_cast<std::uint16_t>(std::min<std::size_t>(size, 0xffff));
    if (RAND_bytes(out, chunk) != 1) return false;
    out += chunk;
    size -= chunk;
  }
  return true;
}

}  // namespace openexec::crypto
