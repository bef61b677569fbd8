#include <openssl/evp.h>

#include <array>
#include <utility>

#include "crypto/ed25519_backend.hpp"
#include "crypto/openssl.hpp"

namespace openexec::crypto::openssl {
namespace {

class Key final : public PreparedKey {
 public:
  explicit Key(EvpMdCtx prepared) noexcept : prepared_(std::move(prepared)) {}

  // OpenSSL says no without memory too, and does not tell the two apart. A no counts if it is given twice and there is
  // memory afterwards: then no single failed allocation made it, nor memory that ran out and stayed so.
  [[nodiscard]] Judgement judge(std::string_view message, std::string_view signature64) const override {
    const ErrorScope errors;
    for (int asked = 0; asked < 2; ++asked) {
      const EvpMdCtx context = copy_of(prepared_.get());
      if (!context) return Judgement::undecided;
      if (EVP_DigestVerify(context.get(), bytes(signature64), signature64.size(), bytes(message), message.size()) == 1)
        return Judgement::valid;
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
