// SPDX-License-Identifier: Apache-2.0
// Files of private keys: PKCS#8 (RFC 8410), plain or encrypted (RFC 8018).
#pragma once

#include <string>
#include <string_view>

#include <openexec/status.hpp>

namespace openexec::crypto {

/// Returns the 32-byte seed of a PEM text of one block, `PRIVATE KEY` or `ENCRYPTED PRIVATE KEY`. The caller wipes it.
/// Reads what write_pkcs8 writes, and every other form that the library decrypts: OpenSSL decrypts all of PBES2, and
/// AWS-LC no other form of scrypt.
Result<std::string> read_pkcs8(std::string_view pem, std::string_view passphrase);

/// Encrypted (PBES2, AES-256-CBC, scrypt with N = 16384, r = 8, p = 1) if a passphrase is given.
Result<std::string> write_pkcs8(std::string_view seed, std::string_view passphrase);

}  // namespace openexec::crypto
