#include "crypto/sha256.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "crypto/openssl.hpp"

namespace openexec::crypto {
namespace {

const EVP_MD* sha256_algorithm() noexcept {
#ifdef OPENSSL_IS_AWSLC
  return EVP_sha256();
#else
  // Fetched once: OpenSSL looks up what EVP_sha256() names at every use, which costs more than hashing a request.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
#endif
}

void must(bool worked) noexcept {
  if (!worked) std::abort();
}

}  // namespace

Digest sha256(std::initializer_list<std::string_view> parts) noexcept {
  const EVP_MD* algorithm = sha256_algorithm();
  must(algorithm != nullptr);
  const EvpMdCtx context(EVP_MD_CTX_new());
  must(context != nullptr && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1);
  for (std::string_view part : parts) must(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  Digest digest;
  must(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
  return digest;
}

void random_bytes(unsigned char* out, std::size_t size) noexcept {
  while (size > 0) {  // RAND_bytes counts in int, that of AWS-LC in size_t: 16 bits fit both
    const auto chunk = static_cast<std::uint16_t>(std::min<std::size_t>(size, 0xffff));
    must(RAND_bytes(out, chunk) == 1);
    out += chunk;
    size -= chunk;
  }
}

}  // namespace openexec::crypto
