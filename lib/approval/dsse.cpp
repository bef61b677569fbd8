#include "approval/dsse.hpp"

#include <algorithm>
#include <chrono>
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

/// Looks for signers, and counts what it costs.
class Search {
 public:
  Search(const Envelope& envelope, const Keyring& keyring)
      : envelope_(envelope), keyring_(keyring), message_(signed_bytes(envelope.statement)) {}

  Signers run(TrialBudget& budget) {
    std::vector<Signature> left;
    for (const Envelope::Signature& signature : envelope_.signatures) {
      const auto named = keyring_.by_name.find(signature.keyid);
      std::optional<std::uint32_t> hinted;
      if (named != keyring_.by_name.end()) hinted = named->second;
      if (!hinted || !is_by(*hinted, signature.bytes)) left.push_back({signature.bytes, hinted});
    }
    try_rest(left, budget);
    return std::move(found_);
  }

 private:
  struct Signature {
    std::string_view bytes;
    std::optional<std::uint32_t> hinted;  ///< tried already
  };

  void try_rest(const std::vector<Signature>& left, TrialBudget& budget) {
    // The most that it can take. What is neither free nor used comes back.
    const std::size_t pairs = left.size() * (keyring_.keys.size() - found_.keys.size());
    const std::size_t before = found_.verifications;
    const std::size_t free = free_verifications - std::min(free_verifications, before);
    const std::size_t extra = pairs - std::min(pairs, free);
    const bool granted = extra == 0 || budget.take(extra, std::chrono::steady_clock::now());
    most_ = before + (granted ? pairs : free);
    for (const Signature& signature : left) try_others(signature);
    const std::size_t used = found_.verifications - before;
    if (granted && extra > 0) budget.give_back(extra - (used - std::min(used, free)));
  }

  void try_others(const Signature& signature) {
    for (std::uint32_t key = 0; key < keyring_.keys.size(); ++key) {
      if (key == signature.hinted || has_signed(key)) continue;
      if (found_.verifications == most_) {
        found_.complete = false;
        return;
      }
      if (is_by(key, signature.bytes)) return;
    }
  }

  /// Whether a verification says that the signature is this key's. A key that has signed cannot add to the count, so
  /// that no verification is spent on it.
  bool is_by(std::uint32_t key, std::string_view signature) {
    if (has_signed(key)) return false;
    ++found_.verifications;
    if (!keyring_.keys[key].verify(message_, signature).ok()) return false;
    found_.keys.push_back(key);
    return true;
  }

  bool has_signed(std::uint32_t key) const {
    return std::find(found_.keys.begin(), found_.keys.end(), key) != found_.keys.end();
  }

  const Envelope& envelope_;
  const Keyring& keyring_;
  std::string message_;
  Signers found_;
  std::size_t most_ = 0;  ///< verifications that it may take
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

Signers find_signers(const Envelope& envelope, const Keyring& keyring, TrialBudget& budget) {
  return Search(envelope, keyring).run(budget);
}

}  // namespace openexec::approval
