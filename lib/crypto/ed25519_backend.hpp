// SPDX-License-Identifier: Apache-2.0
// The seam between strict Ed25519 and the library that verifies: all that another library has to bring. The strict
// checks (ed25519_strict.hpp) stand in front of it and are the same for every library.
#pragma once

#include <memory>
#include <string_view>

namespace openexec::crypto {

/// What a library says of a signature. Nothing but `valid` accepts it.
enum class Judgement {
  invalid = 1,
  undecided = 2,  ///< for want of memory
  valid = 3,
};

/// A public key, ready for many verifications. Only read once it is made, from any thread.
class PreparedKey {
 public:
  PreparedKey() = default;
  virtual ~PreparedKey() = default;
  PreparedKey(const PreparedKey&) = delete;
  PreparedKey& operator=(const PreparedKey&) = delete;

  /// Whether the library accepts the signature, which has 64 bytes. A failure of the library is no verdict.
  [[nodiscard]] virtual Judgement judge(std::string_view message, std::string_view signature64) const = 0;
};

// Each library's `prepare` takes a key of 32 bytes; null where the library refuses it or has no memory.
// OPENEXEC_ED25519 names the one that PublicKey uses.
namespace openssl {  // or AWS-LC
std::unique_ptr<const PreparedKey> prepare(std::string_view key32);
}
namespace sodium {
std::unique_ptr<const PreparedKey> prepare(std::string_view key32);
}

}  // namespace openexec::crypto
