// SPDX-License-Identifier: Apache-2.0
#include "crypto/ed25519.hpp"

#include <openssl/bn.h>
#include <openssl/evp.h>

#include <new>
#include <stdexcept>

#include "base/text.hpp"
#include "crypto/ed25519_backend.hpp"
#include "crypto/ed25519_strict.hpp"
#include "crypto/openssl.hpp"
#include "crypto/pem.hpp"
#include "crypto/pkcs8.hpp"
#include "crypto/sha256.hpp"

namespace openexec::crypto {
namespace {

constexpr std::size_t key_size = 32;
constexpr std::size_t signature_size = 64;

constexpr std::string_view public_label = "PUBLIC KEY";
// The DER of an Ed25519 SubjectPublicKeyInfo without its 32 key bytes (RFC 8410).
constexpr std::string_view spki_prefix{"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12};

Status refused(std::string why) { return {Code::invalid_argument, std::move(why)}; }

Status invalid_signature(std::string_view why) {
  return {Code::approval_signature_invalid, std::string("Invalid signature: ").append(why)};
}

Bignum number(const char* hex) {
  BIGNUM* value = nullptr;
  BN_hex2bn(&value, hex);
  return Bignum(value);
}

/// Whether some x makes (x, y) a point of -x^2 + y^2 = 1 + d x^2 y^2. x^2 is u/v with u = y^2 - 1 and v = d y^2 + 1,
/// and v is never 0; u/v is a square exactly if u v is, which Euler's criterion tells: (u v)^((p-1)/2) is 0 or 1.
/// Libraries decode a key only when they verify, so it is asked here, once per key, with OpenSSL's arithmetic, which
/// fails for want of memory alone.
bool is_on_curve(std::string_view point) {
  std::string y_bytes(point.rbegin(), point.rend());            // big-endian
  y_bytes.front() = static_cast<char>(y_bytes.front() & 0x7f);  // without the sign of x

  const ErrorScope errors;
  const BignumCtx context(BN_CTX_new());
  const Bignum p = number("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed");
  const Bignum d = number("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3");
  const Bignum y(BN_bin2bn(bytes(y_bytes), key_size, nullptr));
  const Bignum u(BN_new());
  const Bignum v(BN_new());
  const Bignum half(BN_new());
  const bool computed =
      context && p && d && y && u && v && half && BN_mod_sqr(u.get(), y.get(), p.get(), context.get()) == 1 &&
      BN_mod_mul(v.get(), d.get(), u.get(), p.get(), context.get()) == 1 && BN_add_word(v.get(), 1) == 1 &&
      BN_sub_word(u.get(), 1) == 1 && BN_mod_mul(u.get(), u.get(), v.get(), p.get(), context.get()) == 1 &&
      BN_rshift1(half.get(), p.get()) == 1 && BN_mod_exp(u.get(), u.get(), half.get(), p.get(), context.get()) == 1;
  if (!computed) throw std::bad_alloc();
  return BN_is_zero(u.get()) || BN_is_one(u.get());
}

}  // namespace

// Both are written once, before the key is shared; afterwards only read, from any thread.
struct PublicKey::Impl {
  std::string raw;
  std::unique_ptr<const PreparedKey> prepared;
};

struct PrivateKey::Impl {
  EvpPkey key;
  EvpMdCtx prepared;
  PublicKey public_key;
};

PublicKey::PublicKey(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  const Result<PemBlock> block = read_pem(pem);
  if (!block.ok()) return block.status();
  if (block->label != public_label) return refused("PEM: the label is not PUBLIC KEY");
  const std::string_view der = block->der;
  if (der.size() != spki_prefix.size() + key_size || !der.starts_with(spki_prefix))
    return refused("not the SubjectPublicKeyInfo of an Ed25519 key");
  return from_raw(der.substr(spki_prefix.size()));
}

Result<PublicKey> PublicKey::from_raw(std::string_view bytes32) {
  if (bytes32.size() != key_size) return refused("an Ed25519 public key has 32 bytes");
  if (!is_canonical_point(bytes32)) return refused("the public key's encoding is not canonical");
  if (is_small_order(bytes32)) return refused("the public key is of small order");
  if (!is_on_curve(bytes32)) return refused("the public key is not a point of the curve");

  std::unique_ptr<const PreparedKey> prepared = OPENEXEC_ED25519::prepare(bytes32);
  if (!prepared) return refused("the library refuses the public key, or has no memory for it");
  return PublicKey(std::make_shared<const Impl>(Impl{std::string(bytes32), std::move(prepared)}));
}

Status PublicKey::verify(std::string_view message, std::string_view signature64) const {
  if (signature64.size() != signature_size) return invalid_signature("not 64 bytes");
  const std::string_view r = signature64.substr(0, 32);
  const std::string_view s = signature64.substr(32);
  if (!is_canonical_scalar(s)) return invalid_signature("S is not below the group order");
  if (!is_canonical_point(r)) return invalid_signature("R is not canonical");
  if (is_small_order(r)) return invalid_signature("R is of small order");
  switch (impl_->prepared->judge(message, signature64)) {
    case Judgement::valid: return Status::success();
    case Judgement::undecided: throw std::bad_alloc();
    case Judgement::invalid: break;
  }
  return invalid_signature("it does not verify under the key");
}

std::string PublicKey::raw() const { return impl_->raw; }

std::string PublicKey::to_pem() const { return write_pem(public_label, std::string(spki_prefix) + impl_->raw); }

std::string PublicKey::fingerprint() const { return to_hex(sha256(impl_->raw)); }

PrivateKey::PrivateKey(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}

Result<PrivateKey> PrivateKey::generate() {
  std::string seed(key_size, '\0');
  const Wipe wipe(seed);
  if (!random_bytes(bytes(seed), seed.size())) return Status(Code::store_failed, "the system gives no random bytes");
  return from_seed(seed);
}

Result<PrivateKey> PrivateKey::from_seed(std::string_view bytes32) {
  if (bytes32.size() != key_size) return refused("an Ed25519 private key has 32 bytes");
  const ErrorScope errors;
  EvpPkey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes(bytes32), bytes32.size()));
  EvpMdCtx prepared(EVP_MD_CTX_new());
  std::string point(key_size, '\0');
  std::size_t size = point.size();
  if (!key || !prepared || EVP_DigestSignInit(prepared.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_PKEY_get_raw_public_key(key.get(), bytes(point), &size) != 1 || size != key_size)
    return refused("OpenSSL refuses the private key, or has no memory for it");
  Result<PublicKey> public_key = PublicKey::from_raw(point);
  if (!public_key.ok()) return public_key.status();
  return PrivateKey(std::make_shared<const Impl>(Impl{std::move(key), std::move(prepared), std::move(*public_key)}));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem, std::string_view passphrase) {
  Result<std::string> seed = read_pkcs8(pem, passphrase);
  if (!seed.ok()) return seed.status();
  const Wipe wipe(*seed);
  return from_seed(*seed);
}

std::string PrivateKey::sign(std::string_view message) const {
  const ErrorScope errors;
  const EvpMdCtx context = copy_of(impl_->prepared.get());
  std::string signature(signature_size, '\0');
  std::size_t size = signature.size();
  if (!context || EVP_DigestSign(context.get(), bytes(signature), &size, bytes(message), message.size()) != 1 ||
      size != signature_size)
    throw std::runtime_error("OpenSSL cannot sign");
  return signature;
}

PublicKey PrivateKey::public_key() const { return impl_->public_key; }

Result<std::string> PrivateKey::to_pem(std::string_view passphrase) const {
  const ErrorScope errors;
  std::string seed(key_size, '\0');
  const Wipe wipe(seed);
  std::size_t size = seed.size();
  if (EVP_PKEY_get_raw_private_key(impl_->key.get(), bytes(seed), &size) != 1 || size != key_size)
    return refused("OpenSSL does not give the private key");
  return write_pkcs8(seed, passphrase);
}

}  // namespace openexec::crypto
