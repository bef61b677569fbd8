// SPDX-License-Identifier: Apache-2.0
// What an agent proposes.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openexec/bytes.hpp>
#include <openexec/status.hpp>

namespace openexec {

/// Bounds on one request, checked before memory is spent on it (docs/formats.md, section 1).
struct RequestLimits {
  std::size_t max_bytes = std::size_t{1} << 20;  ///< the whole request
  std::size_t max_depth = 128;                   ///< nesting of objects and arrays; at most 128
};

/// A request as its caller holds it: views only, nothing is copied until it has been checked.
struct Request {
  std::string_view action;  ///< 1 to 128 bytes of [A-Za-z0-9_.:/-]
  /// JSON text of one object, of null, or of a string that holds one; empty means {}
  std::string_view payload;
  /// 1 to 255 bytes of UTF-8 without control characters; unique within the tenant, for ever
  std::string_view nonce;
  std::string_view approval_artifact;  ///< JSON text of one object; empty or null means none
};

/// A request after its one strict parse: canonical, and hashed. What is hashed here is what is approved and what runs.
///
/// Verifiers receive it; hosts that only hash or only verify make one themselves. Immutable; the views that the
/// accessors return live as long as the Proposal. One Proposal belongs to one thread at a time.
class Proposal {
 public:
  /// Reads the four parts. A breach of section 1 of docs/formats.md is malformed_request, with the place in the detail;
  /// http() is 413 for a request over max_bytes (the four parts together), 422 for a missing or mistyped field, else
  /// 400. Depth counts as in one JSON text: the payload is one level down. overloaded where memory ends.
  static Result<Proposal> parse(const Request& request, std::string_view tenant, const RequestLimits& limits = {});
  /// Reads one JSON object with the members action, payload, nonce and approval_artifact, as POST /execute takes it;
  /// unknown members are refused, and an approval_artifact of null is none.
  /// `nonce`, where given, stands in for a member that is absent; a member that differs from it is malformed.
  static Result<Proposal> parse_json(std::string_view text, std::string_view tenant, const RequestLimits& limits = {},
                                     std::optional<std::string_view> nonce = std::nullopt);

  [[nodiscard]] std::string_view tenant() const noexcept;
  [[nodiscard]] std::string_view action() const noexcept;
  [[nodiscard]] std::string_view nonce() const noexcept;
  /// The payload in RFC 8785 form. This is what the handler gets.
  [[nodiscard]] std::string_view payload() const noexcept;
  /// The approval artifact in RFC 8785 form; empty where none was presented.
  [[nodiscard]] std::string_view artifact() const noexcept;

  /// SHA-256 of the clawshield-v1 form of {"action", "payload"}: what a clawshield-v1 artifact carries.
  [[nodiscard]] Digest action_hash() const;
  /// SHA-256 of payload(): what a DSSE statement carries.
  [[nodiscard]] Digest parameters_hash() const;
  /// SHA-256 of artifact(): which artifact was spent. Zero where none was presented.
  [[nodiscard]] Digest artifact_digest() const;

  Proposal(Proposal&&) noexcept;
  Proposal& operator=(Proposal&&) noexcept;
  ~Proposal();

  struct Parts;  // lib/approval/proposal.hpp: the parsed value itself, for the supplied verifiers
  [[nodiscard]] const Parts& parts() const noexcept { return *parts_; }

 private:
  explicit Proposal(std::unique_ptr<Parts> parts) noexcept;
  std::unique_ptr<Parts> parts_;
};

}  // namespace openexec
