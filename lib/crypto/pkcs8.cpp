// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs8.hpp"

#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <cstdint>
#include <optional>
#include <utility>

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

// The DER of the EncryptedPrivateKeyInfo that is written: these three pieces, each before what it announces. AWS-LC can
// derive by scrypt but knows no scrypt in PKCS#8, so this one form is spelled out, and every build opens every build's.
constexpr std::string_view before_salt{
    "\x30\x81\x9b\x30\x57\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"  // PBES2
    "\x30\x4a\x30\x29\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x04\x0b"      // scrypt
    "\x30\x1c\x04\x10",
    35};
constexpr std::string_view before_iv{
    "\x02\x02\x40\x00\x02\x01\x08\x02\x01\x01"                       // N, r, p
    "\x30\x1d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a\x04\x10",  // AES-256-CBC
    25};
constexpr std::string_view before_ciphertext{"\x04\x40", 2};
constexpr std::size_t salt_size = 16;
constexpr std::size_t iv_size = 16;
constexpr std::size_t cipher_key_size = 32;
constexpr std::size_t ciphertext_size = 64;  // the 48 bytes of a PrivateKeyInfo, padded

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

enum class Direction { decrypt = 0, encrypt = 1 };  // as EVP_CipherInit_ex counts

/// AES-256-CBC under a key that scrypt makes of the passphrase; empty where that fails.
std::string crypt(Direction direction, std::string_view input, std::string_view passphrase, std::string_view salt,
                  std::string_view iv) {
  std::string key(cipher_key_size, '\0');
  const Wipe wipe(key);
  const EvpCipherCtx context(EVP_CIPHER_CTX_new());
  std::string output(input.size() + iv_size, '\0');
  int size = 0;
  int rest = 0;
  if (EVP_PBE_scrypt(passphrase.data(), passphrase.size(), bytes(salt), salt.size(), scrypt_n, scrypt_r, scrypt_p, 0,
                     bytes(key), key.size()) != 1 ||
      !context ||
      EVP_CipherInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, bytes(key), bytes(iv),
                        static_cast<int>(direction)) != 1 ||
      EVP_CipherUpdate(context.get(), bytes(output), &size, bytes(input), static_cast<int>(input.size())) != 1 ||
      EVP_CipherFinal_ex(context.get(), bytes(output) + size, &rest) != 1)
    return {};
  output.resize(static_cast<std::size_t>(size + rest));
  return output;
}

/// The form that is written here; nothing for any other.
std::optional<std::string> decrypt_our_form(std::string_view der, std::string_view passphrase) {
  const auto take = [&der](std::size_t size) {
    const std::string_view piece = der.substr(0, size);
    der.remove_prefix(piece.size());
    return piece;
  };
  if (take(before_salt.size()) != before_salt) return std::nullopt;
  const std::string_view salt = take(salt_size);
  if (take(before_iv.size()) != before_iv) return std::nullopt;
  const std::string_view iv = take(iv_size);
  if (take(before_ciphertext.size()) != before_ciphertext || der.size() != ciphertext_size) return std::nullopt;
  return crypt(Direction::decrypt, der, passphrase, salt, iv);
}

/// Whatever form the library reads.
std::string decrypt_any_form(std::string_view der, std::string_view passphrase) {
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

/// The DER inside an EncryptedPrivateKeyInfo; empty where it cannot be read or the passphrase is wrong.
std::string decrypt(std::string_view der, std::string_view passphrase) {
  const ErrorScope errors;
  if (auto plain = decrypt_our_form(der, passphrase)) return std::move(*plain);
  return decrypt_any_form(der, passphrase);
}

/// The EncryptedPrivateKeyInfo around a PrivateKeyInfo; empty where the library cannot make it.
std::string encrypt(std::string_view plain, std::string_view passphrase) {
  const ErrorScope errors;
  std::string salt(salt_size, '\0');
  std::string iv(iv_size, '\0');
  if (!random_bytes(bytes(salt), salt.size()) || !random_bytes(bytes(iv), iv.size())) return {};
  const std::string ciphertext = crypt(Direction::encrypt, plain, passphrase, salt, iv);
  if (ciphertext.size() != ciphertext_size) return {};
  std::string der;
  for (const std::string_view piece : {before_salt, std::string_view(salt), before_iv, std::string_view(iv),
                                       before_ciphertext, std::string_view(ciphertext)})
    der += piece;
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
  if (plain.empty())
    return refused("the private key cannot be decrypted: wrong passphrase, damaged file, or unsupported encryption");
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
