// SPDX-License-Identifier: Apache-2.0
// RAII wrappers of OpenSSL objects, which respect a host that uses OpenSSL itself. Only functions that OpenSSL 3 and
// AWS-LC both have are used in this room; what one of them lacks stands under OPENSSL_IS_AWSLC, in sha256.cpp.
#pragma once

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "crypto/c_bytes.hpp"

namespace openexec::crypto {

template <auto release>
struct Releaser {
  template <class T>
  void operator()(T* object) const noexcept {
    release(object);
  }
};

using EvpPkey = std::unique_ptr<EVP_PKEY, Releaser<EVP_PKEY_free>>;
using EvpCipherCtx = std::unique_ptr<EVP_CIPHER_CTX, Releaser<EVP_CIPHER_CTX_free>>;
using EvpMdCtx = std::unique_ptr<EVP_MD_CTX, Releaser<EVP_MD_CTX_free>>;
using Bignum = std::unique_ptr<BIGNUM, Releaser<BN_free>>;
using BignumCtx = std::unique_ptr<BN_CTX, Releaser<BN_CTX_free>>;
using X509Sig = std::unique_ptr<X509_SIG, Releaser<X509_SIG_free>>;
using Pkcs8Info = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Releaser<PKCS8_PRIV_KEY_INFO_free>>;

/// Removes the errors that are raised in its scope, and leaves those of the host in the queue of the thread.
class ErrorScope {
 public:
  ErrorScope() noexcept { ERR_set_mark(); }
  ~ErrorScope() { ERR_pop_to_mark(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
};

/// Overwrites a string's bytes when the scope ends. Its room is reserved before it is filled: what a string outgrew is
/// not overwritten.
class Wipe {
 public:
  explicit Wipe(std::string& secret) noexcept : secret_(secret) {}
  ~Wipe() { OPENSSL_cleanse(secret_.data(), secret_.size()); }
  Wipe(const Wipe&) = delete;
  Wipe& operator=(const Wipe&) = delete;

 private:
  std::string& secret_;
};

/// A context that is ready for one signature or verification. Copied, since setting one up costs 20 times more.
inline EvpMdCtx copy_of(const EVP_MD_CTX* prepared) {
  EvpMdCtx copy(EVP_MD_CTX_new());
  if (!copy || EVP_MD_CTX_copy_ex(copy.get(), prepared) != 1) return nullptr;
  return copy;
}

}  // namespace openexec::crypto
