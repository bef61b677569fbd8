// SPDX-License-Identifier: Apache-2.0
// Strict Ed25519 (RFC 8032) and strict PEM. OpenSSL or AWS-LC signs, and verifies too, unless libsodium was chosen for
// that (ed25519_backend.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>
#include <openexec/status.hpp>

namespace openexec::crypto {

/// A public key, parsed once. Copies share it. Verification is thread-safe.
class PublicKey {
 public:
  /// Exactly one PEM block `PUBLIC KEY` with an Ed25519 SubjectPublicKeyInfo: no second block, no headers, no trailing
  /// bytes, canonical encoding, a point of the curve, not of small order. Returns invalid_argument with the rule that
  /// is broken. Throws std::bad_alloc.
  static Result<PublicKey> from_pem(std::string_view pem);
  static Result<PublicKey> from_raw(std::string_view bytes32);

  /// Returns success or approval_signature_invalid. Refuses S >= L, non-canonical R and R of small order before it
  /// calls the library. The key was checked when it was parsed. Throws std::bad_alloc if memory could not be allocated.
  Status verify(std::string_view message, std::string_view signature64) const;

  [[nodiscard]] std::string raw() const;     ///< 32 bytes
  [[nodiscard]] std::string to_pem() const;  ///< SubjectPublicKeyInfo
  /// hex SHA-256 of the 32 bytes: the name of the key in receipts if no policy names it.
  [[nodiscard]] std::string fingerprint() const;

  struct Impl;

 private:
  explicit PublicKey(std::shared_ptr<const Impl> impl) noexcept;
  std::shared_ptr<const Impl> impl_;
};

/// A signing key. The executor never signs approvals with it, since another program makes them.
class PrivateKey {
 public:
  static Result<PrivateKey> generate();  ///< store_failed if the system provides no random bytes
  static Result<PrivateKey> from_seed(std::string_view bytes32);
  /// Exactly one PEM block: `PRIVATE KEY`, or `ENCRYPTED PRIVATE KEY` if a passphrase is given. Never prompts. As
  /// strict as PublicKey::from_pem.
  static Result<PrivateKey> from_pem(std::string_view pem, std::string_view passphrase = {});

  /// 64 bytes. Thread-safe. Throws std::runtime_error if the library fails, which happens only without memory.
  [[nodiscard]] std::string sign(std::string_view message) const;
  [[nodiscard]] PublicKey public_key() const;
  /// PKCS#8; encrypted (PBES2, AES-256-CBC, scrypt) if a passphrase is given. The caller guards the text.
  [[nodiscard]] Result<std::string> to_pem(std::string_view passphrase = {}) const;

  struct Impl;

 private:
  explicit PrivateKey(std::shared_ptr<const Impl> impl) noexcept;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace openexec::crypto
