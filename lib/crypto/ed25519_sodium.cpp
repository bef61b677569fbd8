// SPDX-License-Identifier: Apache-2.0
#include <sodium.h>

#include <algorithm>
#include <array>

#include "crypto/c_bytes.hpp"
#include "crypto/ed25519_backend.hpp"

namespace openexec::crypto::sodium {
namespace {

class Key final : public PreparedKey {
 public:
  explicit Key(std::string_view key32) noexcept {
    std::copy_n(bytes(key32), std::min(key32.size(), point_.size()), point_.begin());
  }

  // It needs no memory, so that every no is a verdict.
  [[nodiscard]] Judgement judge(std::string_view message, std::string_view signature64) const override {
    const int answer = crypto_sign_verify_detached(bytes(signature64), bytes(message), message.size(), point_.data());
    return answer == 0 ? Judgement::valid : Judgement::invalid;
  }

 private:
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> point_{};
};

}  // namespace

std::unique_ptr<const PreparedKey> prepare(std::string_view key32) {
  // Asked for before any other call; only the first one in a process does something.
  if (sodium_init() < 0) return nullptr;
  return std::make_unique<const Key>(key32);
}

}  // namespace openexec::crypto::sodium
