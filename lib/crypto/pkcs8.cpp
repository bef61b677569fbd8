#include "crypto/pkcs8.hpp"

#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>

#include "crypto/openssl.hpp"
#include "crypto/pem.hpp"
#include "crypto/sha256.hpp"

namespace openexec::crypto {
namespace {

constexpr std::string_view plain_label = "PRIVATE KEY";
constexpr std::string_view encrypted_label = "ENCRYPTED PRIVATE KEY";

// The DER of an Ed25519 PrivateKeyInfo without its 32-byte seed: the only form that is read or written.
constexpr std::string_view prefix{"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16};
constexpr std::size_t seed_size = 32;

// What `openssl pkcs8 -scrypt` uses, and what fits the memory that OpenSSL allows scrypt by default.
constexpr std::uint64_t scrypt_n = 16384;
constexpr std::uint64_t scrypt_r = 8;
constexpr std::uint64_t scrypt_p = 1;

Status refused(std::string why) { return {Code::invalid_argument, std::move(why)}; }

Result<std::string> seed_of(std::string_view der) {
  if (der.size() != prefix.size() + seed_size || !der.starts_with(prefix))
    return refused("not a PKCS#8 Ed25519 private key");
  return std::string(der.substr(prefix.size()));
}

std::string der_of(std::string_view seed) {
  std::string der;
  der.reserve(prefix.size() + seed.size());
  return der.append(prefix).append(seed);
}

/// The DER inside an EncryptedPrivateKeyInfo; empty where it cannot be read or the passphrase is wrong.
std::string decrypt(std::string_view der, std::string_view passphrase) {
  const ErrorScope errors;
  const unsigned char* at = bytes(der);
  const X509Sig sealed(d2i_X509_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!sealed || at != bytes(der) + der.size()) return {};
  const Pkcs8Info info(PKCS8_decrypt(sealed.get(), passphrase.data(), static_cast<int>(passphrase.size())));
  if (!info) return {};
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr);
  if (size <= 0) return {};
  std::string plain(static_cast<std::size_t>(size), '\0');
  unsigned char* out = bytes(plain);
  i2d_PKCS8_PRIV_KEY_INFO(info.get(), &out);
  return plain;
}

/// The EncryptedPrivateKeyInfo around a PrivateKeyInfo; empty where OpenSSL cannot make it.
std::string encrypt(std::string_view plain, std::string_view passphrase) {
  const ErrorScope errors;
  const unsigned char* at = bytes(plain);
  const Pkcs8Info info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(plain.size())));
  if (!info) return {};
  std::array<unsigned char, 16> salt;
  random_bytes(salt.data(), salt.size());
  X509Algor method(PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt.data(), static_cast<int>(salt.size()), nullptr,
                                         scrypt_n, scrypt_r, scrypt_p));
  if (!method) return {};
  const X509Sig sealed(
      PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), info.get(), method.get()));
  if (!sealed) return {};
  static_cast<void>(method.release());  // the sealed object owns it now
  const int size = i2d_X509_SIG(sealed.get(), nullptr);
  if (size <= 0) return {};
  std::string der(static_cast<std::size_t>(size), '\0');
  unsigned char* out = bytes(der);
  i2d_X509_SIG(sealed.get(), &out);
  return der;
}

}  // namespace

Result<std::string> read_pkcs8(std::string_view pem, std::string_view passphrase) {
  if (passphrase.size() > max_pem_bytes) return refused("passphrase too long");
  Result<PemBlock> block = read_pem(pem);
  if (!block.ok()) return block.status();
  const Wipe wipe_block(block->der);
  if (block->label == plain_label) return seed_of(block->der);
  if (block->label != encrypted_label)
    return refused("PEM: the label is neither PRIVATE KEY nor ENCRYPTED PRIVATE KEY");
  if (passphrase.empty()) return refused("the private key is encrypted and no passphrase is given");
  std::string plain = decrypt(block->der, passphrase);
  const Wipe wipe_plain(plain);
  if (plain.empty()) return refused("the private key cannot be decrypted: wrong passphrase or damaged file");
  return seed_of(plain);
}

Result<std::string> write_pkcs8(std::string_view seed, std::string_view passphrase) {
  if (passphrase.size() > max_pem_bytes) return refused("passphrase too long");
  std::string plain = der_of(seed);
  const Wipe wipe(plain);
  if (passphrase.empty()) return write_pem(plain_label, plain);
  const std::string sealed = encrypt(plain, passphrase);
  if (sealed.empty()) return refused("the private key cannot be encrypted");
  return write_pem(encrypted_label, sealed);
}

}  // namespace openexec::crypto
