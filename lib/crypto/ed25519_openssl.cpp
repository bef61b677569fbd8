#include <openssl/evp.h>

#include <utility>

#include "crypto/ed25519_backend.hpp"
#include "crypto/openssl.hpp"

namespace openexec::crypto::openssl {
namespace {

class Key final : public PreparedKey {
 public:
  explicit Key(EvpMdCtx prepared) noexcept : prepared_(std::move(prepared)) {}

  [[nodiscard]] bool verifies(std::string_view message, std::string_view signature64) const override {
    const ErrorScope errors;
    const EvpMdCtx context = copy_of(prepared_.get());
    return context &&
           EVP_DigestVerify(context.get(), bytes(signature64), signature64.size(), bytes(message), message.size()) == 1;
  }

 private:
  EvpMdCtx prepared_;  // owns a reference to the key
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
