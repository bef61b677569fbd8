// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>

#include <openexec/signing.hpp>

#include "crypto/ed25519.hpp"
#include "signing/clawshield.hpp"
#include "signing/dsse.hpp"
#include "signing/guarded.hpp"

namespace openexec::signing {

struct ApproverKey::Impl {
  crypto::PrivateKey key;
};

Result<ApproverKey> ApproverKey::generate() {
  return guarded([]() -> Result<ApproverKey> {
    auto key = crypto::PrivateKey::generate();
    if (!key.ok()) return key.status();
    return ApproverKey(std::make_shared<const Impl>(Impl{*std::move(key)}));
  });
}

Result<ApproverKey> ApproverKey::from_pem(std::string_view pem, std::string_view passphrase) {
  return guarded([&]() -> Result<ApproverKey> {
    auto key = crypto::PrivateKey::from_pem(pem, passphrase);
    if (!key.ok()) return key.status();
    return ApproverKey(std::make_shared<const Impl>(Impl{*std::move(key)}));
  });
}

Result<std::string> ApproverKey::to_pem(std::string_view passphrase) const {
  return guarded([&] { return impl_->key.to_pem(passphrase); });
}

std::string ApproverKey::public_pem() const { return impl_->key.public_key().to_pem(); }

std::string ApproverKey::fingerprint() const { return impl_->key.public_key().fingerprint(); }

Result<std::string> approval_id() {
  return guarded([]() -> Result<std::string> { return uuid_v4(); });
}

Result<std::string> sign_clawshield_v1(const ApproverKey& key, const Proposal& proposal, const ClawshieldGrant& grant) {
  return guarded([&] { return sign_clawshield_v1(key.impl().key, proposal, grant); });
}

Result<std::string> sign_dsse(const ApproverKey& key, std::string_view keyid, std::string_view statement) {
  return guarded([&] { return sign_dsse(key.impl().key, keyid, statement); });
}

Result<std::string> add_signature(const ApproverKey& key, std::string_view keyid, std::string_view envelope) {
  return guarded([&] { return add_signature(key.impl().key, keyid, envelope); });
}

}  // namespace openexec::signing
