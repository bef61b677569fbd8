// OpenSSL objects with owners, and manners towards a host that uses OpenSSL itself.
#pragma once

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

namespace openexec::crypto {

template <auto release>
struct Releaser {
  template <class T>
  void operator()(T* object) const noexcept {
    release(object);
  }
};

using EvpPkey = std::unique_ptr<EVP_PKEY, Releaser<EVP_PKEY_free>>;
using EvpMdCtx = std::unique_ptr<EVP_MD_CTX, Releaser<EVP_MD_CTX_free>>;
using Bignum = std::unique_ptr<BIGNUM, Releaser<BN_free>>;
using BignumCtx = std::unique_ptr<BN_CTX, Releaser<BN_CTX_free>>;
using X509Sig = std::unique_ptr<X509_SIG, Releaser<X509_SIG_free>>;
using X509Algor = std::unique_ptr<X509_ALGOR, Releaser<X509_ALGOR_free>>;
using Pkcs8Info = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Releaser<PKCS8_PRIV_KEY_INFO_free>>;

/// Takes back whatever errors are raised in its scope, and leaves the host's own in the thread's queue.
class ErrorScope {
 public:
  ErrorScope() noexcept { ERR_set_mark(); }
  ~ErrorScope() { ERR_pop_to_mark(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
};

/// Overwrites a string's bytes when the scope ends. The string must not have grown beyond its first allocation before.
class Wipe {
 public:
  explicit Wipe(std::string& secret) noexcept : secret_(secret) {}
  ~Wipe() { OPENSSL_cleanse(secret_.data(), secret_.size()); }
  Wipe(const Wipe&) = delete;
  Wipe& operator=(const Wipe&) = delete;

 private:
  std::string& secret_;
};

/// The bytes as the unsigned characters that OpenSSL takes.
inline const unsigned char* bytes(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* bytes(std::string& text) noexcept { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace openexec::crypto
