// SPDX-License-Identifier: Apache-2.0
// The trust policy: whose signatures are accepted for which actions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openexec/bytes.hpp>
#include <openexec/clock.hpp>
#include <openexec/status.hpp>

namespace openexec {

/// The executor's rules about whose signatures are accepted, and how many are needed (docs/formats.md, section 11).
/// Never part of an artifact. A TrustPolicy is validated when it is created. It is immutable, and copies share it.
/// Thread-safe.
class TrustPolicy {
 public:
  /// A public key and what it may approve. It is accepted from not_before until not_after, and rejected from revoked_at
  /// on.
  struct Key {
    std::string id;          ///< 1 to 255 bytes of UTF-8 without control characters; its name in log entries
    std::string public_key;  ///< PEM, one strict Ed25519 SubjectPublicKeyInfo
    std::string role;        ///< empty: none
    std::optional<std::vector<std::string>> tenants;  ///< absent: all
    std::optional<std::vector<std::string>> actions;  ///< patterns: an action, or a prefix followed by *; absent: all
    std::optional<Timestamp> not_before;
    std::optional<Timestamp> not_after;  ///< later than not_before
    std::optional<Timestamp> revoked_at;
  };

  /// How many distinct keys have to sign. The first rule that matches the action decides. Without one the request is
  /// refused.
  struct Rule {
    std::vector<std::string> actions;  ///< patterns
    std::uint32_t threshold = 0;       ///< has to be set: 1 to 16
    std::string role;                  ///< only keys of this role count; empty: all keys count
  };

  /// Values that a statement has to have exactly. Empty: any value is accepted, and so is none.
  struct Pins {
    std::string policy_bundle_hash;  ///< 64 lower-case hexadecimal digits
    std::string constitution_version;
  };

  /// Artifacts of profile clawshield-v1 that are still accepted.
  struct Clawshield {
    std::string public_key;  ///< PEM
    std::string tenant_id;
    std::vector<std::string> actions;  ///< patterns
  };

  struct Terms {
    std::vector<Key> keys;
    std::vector<Rule> rules;
    Pins pins;
    std::optional<Clawshield> clawshield_v1;  ///< absent: none are accepted
  };

  /// Reads JSON text. Returns invalid_argument with a detail that names the malformed line or member:
  /// `line 3: byte 41: ...`, `keys[2].public_key: ...`.
  [[nodiscard]] static Result<TrustPolicy> parse(std::string_view json);
  /// Makes a policy from its terms, by the same rules.
  [[nodiscard]] static Result<TrustPolicy> make(Terms terms);

  [[nodiscard]] const Terms& terms() const noexcept;
  /// Warnings for the operator of what is allowed but is probably a mistake, such as a rule that too few keys can meet.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;
  /// The policy in RFC 8785 form; equal policies have equal texts. parse() reads it back.
  [[nodiscard]] const std::string& to_json() const noexcept;
  /// SHA-256 of to_json(), which identifies the policy.
  [[nodiscard]] const Digest& digest() const noexcept;

  struct Parts;  // lib/approval/trust_policy.hpp: the parsed keys, for the supplied verifier
  [[nodiscard]] const Parts& parts() const noexcept { return *parts_; }

 private:
  explicit TrustPolicy(std::shared_ptr<const Parts> parts) noexcept;
  std::shared_ptr<const Parts> parts_;
};

}  // namespace openexec
