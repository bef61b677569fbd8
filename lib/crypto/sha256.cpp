// EVP makes a new state for every digest (OpenSSL 3.0), which costs as much as hashing a short text. The functions below
// it, which OpenSSL marks as deprecated and AWS-LC does not, keep their state on the stack. Where a build of OpenSSL has
// left them out, EVP serves.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/sha256.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "crypto/openssl.hpp"

namespace openexec::crypto {
namespace {

void must(bool worked) noexcept {
  if (!worked) std::abort();
}

}  // namespace

#ifndef OPENSSL_NO_DEPRECATED_3_0

Digest sha256(std::initializer_list<std::string_view> parts) noexcept {
  SHA256_CTX state;
  must(SHA256_Init(&state) == 1);
  for (const std::string_view part : parts) must(SHA256_Update(&state, part.data(), part.size()) == 1);
  Digest digest;
  must(SHA256_Final(digest.data(), &state) == 1);
  return digest;
}

#else

Digest sha256(std::initializer_list<std::string_view> parts) noexcept {
  // Fetched once: OpenSSL looks up what EVP_sha256() names at every use.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  const EvpMdCtx context(EVP_MD_CTX_new());
  must(algorithm != nullptr && context != nullptr && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1);
  for (const std::string_view part : parts) must(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  Digest digest;
  must(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
  return digest;
}

#endif

void random_bytes(unsigned char* out, std::size_t size) noexcept {
  while (size > 0) {  // RAND_bytes counts in int, that of AWS-LC in size_t: 16 bits fit both
    const auto chunk = static_cast<std::uint16_t>(std::min<std::size_t>(size, 0xffff));
    must(RAND_bytes(out, chunk) == 1);
    out += chunk;
    size -= chunk;
  }
}

}  // namespace openexec::crypto
