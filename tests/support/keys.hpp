// SPDX-License-Identifier: Apache-2.0
// Keys that are the same in every run: whoever reads this has them.
#pragma once

#include <string>
#include <string_view>

#include "crypto/ed25519.hpp"
#include "crypto/sha256.hpp"
#include "merkle/note.hpp"

namespace openexec::test {

inline crypto::PrivateKey key_of(std::string_view name) {
  const Digest seed = crypto::sha256(name);
  return crypto::PrivateKey::from_seed(std::string(seed.begin(), seed.end())).value();
}

inline merkle::NoteSigner log_named(std::string_view name) {
  return merkle::NoteSigner::make(name, key_of(name)).value();
}

inline merkle::Cosigner witness_named(std::string_view name) {
  return merkle::Cosigner::make(name, key_of(name)).value();
}

}  // namespace openexec::test
