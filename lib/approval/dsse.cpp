// SPDX-License-Identifier: Apache-2.0
#include "approval/dsse.hpp"

#include <algorithm>
#include <optional>

#include "approval/members.hpp"
#include "base/text.hpp"

namespace openexec::approval {
namespace {

constexpr std::size_t signature_bytes = 64;

Status too_large(std::string_view what, std::size_t most) {
  return {Code::approval_malformed,
          std::string("approval_artifact: ").append(what).append(" has at most ") + std::to_string(most) + " bytes"};
}

/// Looks for signers, until all pairs of a signature and a key are tried or the budget allows no further failure.
class Search {
 public:
  Search(const Envelope& envelope, const Keyring& keyring, FailureBudget& budget, FailureBudget::Time now)
      : envelope_(envelope), keyring_(keyring), message_(signed_bytes(envelope.statement)), allowance_(budget, now) {}

  Signers run() {
    std::vector<Signature> left;
    for (const Envelope::Signature& signature : envelope_.signatures) {
      const std::optional<std::uint32_t> hinted = named(signature.keyid);
      if (!hinted || !is_by(*hinted, signature.bytes)) left.push_back({signature.bytes, hinted});
    }
    for (const Signature& signature : left) try_others(signature);
    return std::move(found_);
  }

 private:
  struct Signature {
    std::string_view bytes;
    std::optional<std::uint32_t> hinted;  ///< tried already
  };

  std::optional<std::uint32_t> named(std::string_view keyid) const {
    const auto place = keyring_.by_name.find(keyid);
    if (place == keyring_.by_name.end()) return std::nullopt;
    return place->second;
  }

  void try_others(const Signature& signature) {
    for (std::uint32_t key = 0; found_.complete && key < keyring_.keys.size(); ++key)
      if (key != signature.hinted && is_by(key, signature.bytes)) return;
  }

  /// Verifies whether the signature is this key's. A key that is counted already cannot add to the count, so no
  /// verification is spent on it.
  bool is_by(std::uint32_t key, std::string_view signature) {
    if (!found_.complete || has_signed(key)) return false;
    const std::size_t pairs = envelope_.signatures.size() * keyring_.keys.size();
    found_.complete = allowance_.may_fail(pairs - found_.verifications);
    if (!found_.complete) return false;
    ++found_.verifications;
    if (keyring_.keys[key].verify(message_, signature).ok()) {
      found_.keys.push_back(key);
      return true;
    }
    allowance_.fail();
    return false;
  }

  bool has_signed(std::uint32_t key) const {
    return std::find(found_.keys.begin(), found_.keys.end(), key) != found_.keys.end();
  }

  const Envelope& envelope_;
  const Keyring& keyring_;
  const std::string message_;
  Allowance allowance_;
  Signers found_;
};

}  // namespace

Result<Envelope> read_envelope(canon::View artifact, std::size_t bytes) {
  if (bytes > max_plan_envelope_bytes) return too_large("an envelope", max_plan_envelope_bytes);
  Breach breach(Code::approval_malformed);
  const Members members(Node(breach, "approval_artifact", artifact), {"payloadType", "payload", "signatures"});
  Envelope envelope;

  const Node type = members.need("payloadType");
  if (type.text() != payload_type) type.refuse("must be application/vnd.openexec.approval+json");

  const Node payload = members.need("payload");
  auto statement = base::unbase64_either(payload.text());
  if (statement)
    envelope.statement = std::move(*statement);
  else
    payload.refuse("must be base64, padded, in the standard or the URL-safe alphabet");

  members.need("signatures").each(1, max_signatures, [&](const Node& node) {
    const Members signature(node, {"keyid", "sig"});
    const auto keyid = signature.maybe("keyid");
    const Node sig = signature.need("sig");
    auto decoded = base::unbase64_either(sig.text());
    if (!decoded || decoded->size() != signature_bytes) return sig.refuse("must be the base64 of 64 bytes");
    envelope.signatures.push_back({keyid ? keyid->text() : std::string_view(), std::move(*decoded)});
  });
  if (!breach.none()) return breach.status();
  return envelope;
}

Status check_size(const Statement& statement, std::size_t envelope_bytes) {
  if (statement.is_plan() || envelope_bytes <= max_envelope_bytes) return Status::success();
  return too_large("an envelope without a plan", max_envelope_bytes);
}

std::string signed_bytes(std::string_view statement) {
  std::string text = "DSSEv1 ";
  text.reserve(text.size() + payload_type.size() + statement.size() + 32);
  text.append(std::to_string(payload_type.size())).append(" ").append(payload_type).append(" ");
  return text.append(std::to_string(statement.size())).append(" ").append(statement);
}

Signers find_signers(const Envelope& envelope, const Keyring& keyring, FailureBudget& budget, FailureBudget::Time now) {
  return Search(envelope, keyring, budget, now).run();
}

}  // namespace openexec::approval
