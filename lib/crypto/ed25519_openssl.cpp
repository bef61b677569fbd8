// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <utility>

#include "crypto/ed25519_backend.hpp"
#include "crypto/openssl.hpp"

namespace openexec::crypto::openssl {
namespace {

/// Sets errno to 0 where it says so, and gives the caller's own back at the end of its scope.
class ErrnoScope {
 public:
  ErrnoScope() noexcept : callers_(errno) {}
  ~ErrnoScope() { errno = callers_; }
  ErrnoScope(const ErrnoScope&) = delete;
  ErrnoScope& operator=(const ErrnoScope&) = delete;
  static void clear() noexcept { errno = 0; }
  [[nodiscard]] static bool is_clear() noexcept { return errno == 0; }

 private:
  int callers_;
};

/// Whether an allocation of the library that fails is sure to set errno. POSIX demands it of malloc. Functions that the
/// host put in malloc's place, and a debugging build of OpenSSL, may fail without it.
bool errno_tells_of_memory() noexcept {
#if defined(OPENSSL_IS_AWSLC)
  return true;  // its verification allocates nothing
#elif defined(OPENSSL_NO_CRYPTO_MDEBUG)
  CRYPTO_malloc_fn allocate = nullptr;
  CRYPTO_realloc_fn reallocate = nullptr;
  CRYPTO_get_mem_functions(&allocate, &reallocate, nullptr);
  return allocate == CRYPTO_malloc && reallocate == CRYPTO_realloc;
#else
  return false;
#endif
}

class Key final : public PreparedKey {
 public:
  explicit Key(EvpMdCtx prepared) noexcept : prepared_(std::move(prepared)) {}

  // OpenSSL says no without memory too, and raises no error of its own. An allocation that fails sets errno, and no
  // function of C or POSIX sets errno back to 0. So a no that left errno at 0 is a verdict. Any other no counts if it
  // is given twice and there is memory afterwards: then no single failed allocation made it, nor memory that ran out
  // and stayed so.
  [[nodiscard]] Judgement judge(std::string_view message, std::string_view signature64) const override {
    const ErrorScope errors;
    const ErrnoScope number;
    for (int asked = 0; asked < 2; ++asked) {
      const EvpMdCtx context = copy_of(prepared_.get());
      if (!context) return Judgement::undecided;
      ErrnoScope::clear();
      if (EVP_DigestVerify(context.get(), bytes(signature64), signature64.size(), bytes(message), message.size()) == 1)
        return Judgement::valid;
      if (errno_tells_ && ErrnoScope::is_clear()) return Judgement::invalid;
    }
    return has_memory() ? Judgement::invalid : Judgement::undecided;
  }

 private:
  /// Whether what a verification allocates can be had: a digest and its state.
  static bool has_memory() {
    const EvpMdCtx context(EVP_MD_CTX_new());
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    return context && EVP_DigestInit_ex(context.get(), EVP_sha512(), nullptr) == 1 &&
           EVP_DigestUpdate(context.get(), digest.data(), digest.size()) == 1 &&
           EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  }

  EvpMdCtx prepared_;                                 // owns a reference to the key
  const bool errno_tells_ = errno_tells_of_memory();  // its allocations are made, so that a host can change it no more
};

}  // namespace

std::unique_ptr<const PreparedKey> prepare(std::string_view key32) {
  const ErrorScope errors;
  const EvpPkey key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(key32), key32.size()));
  EvpMdCtx prepared(EVP_MD_CTX_new());
  if (!key || !prepared || EVP_DigestVerifyInit(prepared.get(), nullptr, nullptr, nullptr, key.get()) != 1)
    return nullptr;
  return std::make_unique<const Key>(std::move(prepared));
}

}  // namespace openexec::crypto::openssl
