// SPDX-License-Identifier: Apache-2.0
// The interface of a library that verifies Ed25519. The strict checks (ed25519_strict.hpp) run before it, and are the
// same for every library.
#pragma once

#include <memory>
#include <string_view>

namespace openexec::crypto {

/// The verdict of a library on a signature. Only `valid` accepts it.
enum class Judgement {
  invalid = 1,
  undecided = 2,  ///< memory could not be allocated
  valid = 3,
};

/// A public key, prepared for many verifications. Immutable. Thread-safe.
class PreparedKey {
 public:
  PreparedKey() = default;
  virtual ~PreparedKey() = default;
  PreparedKey(const PreparedKey&) = delete;
  PreparedKey& operator=(const PreparedKey&) = delete;

  /// Whether the library accepts the signature, which has 64 bytes. A failure of the library is no verdict.
  [[nodiscard]] virtual Judgement judge(std::string_view message, std::string_view signature64) const = 0;
};

// The `prepare` of each library takes a key of 32 bytes. It returns null if the library refuses the key, or if memory
// could not be allocated.
// OPENEXEC_ED25519 names the one that PublicKey uses.
namespace openssl {  // or AWS-LC
std::unique_ptr<const PreparedKey> prepare(std::string_view key32);
}
namespace sodium {
std::unique_ptr<const PreparedKey> prepare(std::string_view key32);
}

}  // namespace openexec::crypto
