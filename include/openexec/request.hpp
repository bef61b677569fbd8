// SPDX-License-Identifier: Apache-2.0
// Requests, and the proposals that they become.
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

/// A request of a caller. It has views only, and nothing is copied before it is checked.
struct Request {
  std::string_view action;  ///< 1 to 128 bytes of [A-Za-z0-9_.:/-]
  /// JSON text of one object, of null, or of a string that holds one; empty means {}
  std::string_view payload;
  /// 1 to 255 bytes of UTF-8 without control characters; unique within the tenant, for ever
  std::string_view nonce;
  std::string_view approval_artifact;  ///< JSON text of one object; empty or null means none
};

/// A request after its strict parse, in canonical form. The bytes that are hashed here are approved, and the same bytes
/// run.
///
/// Verifiers receive it. Hosts that only hash or only verify create one themselves. Immutable. The views that the
/// accessors return are valid as long as the Proposal. Only one thread at a time may use a Proposal.
class Proposal {
 public:
  /// Reads the four parts. A breach of section 1 of docs/formats.md is malformed_request, with the place in the detail;
  /// http() is 413 for a request over max_bytes (the four parts together), 422 for a missing or mistyped field, else
  /// 400. Depth counts as in one JSON text: the payload is one level down. Returns overloaded if
  /// memory could not be allocated.
  static Result<Proposal> parse(const Request& request, std::string_view tenant, const RequestLimits& limits = {});
  /// Reads one JSON object with the members action, payload, nonce and approval_artifact, as POST /execute takes it;
  /// unknown members are refused, and an approval_artifact of null counts as absent. If `nonce` is given it is used for
  /// an absent member nonce, and a member with a different value is malformed.
  static Result<Proposal> parse_json(std::string_view text, std::string_view tenant, const RequestLimits& limits = {},
                                     std::optional<std::string_view> nonce = std::nullopt);

  [[nodiscard]] std::string_view tenant() const noexcept;
  [[nodiscard]] std::string_view action() const noexcept;
  [[nodiscard]] std::string_view nonce() const noexcept;
  /// The payload in RFC 8785 form, as the handler receives it.
  [[nodiscard]] std::string_view payload() const noexcept;
  /// The approval artifact in RFC 8785 form; empty if none was presented.
  [[nodiscard]] std::string_view artifact() const noexcept;

  /// SHA-256 of the clawshield-v1 form of {"action", "payload"}: what a clawshield-v1 artifact carries.
  [[nodiscard]] Digest action_hash() const;
  /// SHA-256 of payload(): what a DSSE statement carries.
  [[nodiscard]] Digest parameters_hash() const;
  /// SHA-256 of artifact(): identifies the spent artifact. Zero if none was presented.
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
