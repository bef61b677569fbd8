// SPDX-License-Identifier: Apache-2.0
// Keys, requests and envelopes for tests of DSSE approvals: good ones, and ones that no signer would make.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openexec/trust_policy.hpp>

#include "approval/dsse.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "canon/json_object.hpp"
#include "crypto/ed25519.hpp"
#include "signing/dsse.hpp"

namespace openexec::test {

inline constexpr std::int64_t second = 1'000'000;

inline Timestamp time_of(std::string_view text) { return base::parse_time(text, base::TimeForm::rfc3339).value(); }
inline const Timestamp noon = time_of("2026-03-01T12:00:00Z");
inline Timestamp after_noon(std::int64_t seconds) { return {noon.micros + seconds * second}; }

/// The key of this number; always the same.
inline crypto::PrivateKey private_key(int number) {
  std::string seed(32, 'k');
  seed[0] = static_cast<char>(number & 0xff);
  seed[1] = static_cast<char>(number >> 8);
  return crypto::PrivateKey::from_seed(seed).value();
}

inline std::string fingerprint(int number) { return private_key(number).public_key().fingerprint(); }

/// The key of this number as a policy has it, by the name "k<number>".
inline TrustPolicy::Key trusted(int number, std::string role = {}) {
  return {.id = "k" + std::to_string(number),
          .public_key = private_key(number).public_key().to_pem(),
          .role = std::move(role)};
}

/// The keys of the first numbers, without roles.
inline std::vector<TrustPolicy::Key> trusted_up_to(int count) {
  std::vector<TrustPolicy::Key> keys;
  for (int number = 0; number < count; ++number) keys.push_back(trusted(number));
  return keys;
}

inline TrustPolicy policy_of(std::vector<TrustPolicy::Key> keys, std::uint32_t threshold = 1) {
  return TrustPolicy::make({.keys = std::move(keys), .rules = {{.actions = {"*"}, .threshold = threshold}}}).value();
}

/// An envelope around any text, signed by keys under any hints. An empty hint is left out.
struct Signed {
  int key;
  std::string keyid;
};
inline std::string envelope_around(std::string_view statement, const std::vector<Signed>& signers) {
  std::string signatures;
  for (const Signed& signer : signers) {
    canon::JsonObject object;
    if (!signer.keyid.empty()) object.text("keyid", signer.keyid);
    object.text("sig", base::base64(private_key(signer.key).sign(approval::signed_bytes(statement))));
    signatures.append(signatures.empty() ? "" : ",").append(object.take());
  }
  return canon::JsonObject()
      .text("payload", base::base64(statement))
      .text("payloadType", approval::payload_type)
      .raw("signatures", "[" + signatures + "]")
      .take();
}
/// The same, each key under its own name.
inline std::string envelope_by(std::string_view statement, const std::vector<int>& keys) {
  std::vector<Signed> signers;
  for (const int key : keys) signers.push_back({key, "k" + std::to_string(key)});
  return envelope_around(statement, signers);
}

}  // namespace openexec::test
