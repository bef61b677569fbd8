// SPDX-License-Identifier: Apache-2.0
// Signs approvals, for the programs of approvers. The target OpenExec::signing implements it, and has no executor code.
// OpenExec::openexec and OpenExec::c have no signing code, so that a process which executes cannot approve.
//
// A function that returns a Result does not throw. It returns overloaded if memory could not be allocated. The formats
// are those of docs/formats.md, sections 4 and 10.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <openexec/clock.hpp>
#include <openexec/request.hpp>
#include <openexec/status.hpp>
#include <openexec/verifier.hpp>

namespace openexec::signing {

/// An approver's Ed25519 key. Copies share it. Thread-safe.
class ApproverKey {
 public:
  static Result<ApproverKey> generate();  ///< store_failed if the system gives no random bytes
  /// Exactly one PEM block: `PRIVATE KEY`, or `ENCRYPTED PRIVATE KEY` if a passphrase is given. Never prompts.
  /// invalid_argument says which rule the text breaks, and nothing of its content.
  static Result<ApproverKey> from_pem(std::string_view pem, std::string_view passphrase = {});

  /// PKCS#8, encrypted (PBES2, AES-256-CBC, scrypt) if a passphrase is given. The caller guards the text.
  [[nodiscard]] Result<std::string> to_pem(std::string_view passphrase = {}) const;
  [[nodiscard]] std::string public_pem() const;   ///< SubjectPublicKeyInfo, as executors and trust policies take it
  [[nodiscard]] std::string fingerprint() const;  ///< hex SHA-256 of the public key's 32 bytes

  struct Impl;
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit ApproverKey(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// The members of a clawshield-v1 approval besides the action and payload.
struct ClawshieldGrant {
  std::string_view tenant_id;    ///< UTF-8, not empty
  std::string_view approval_id;  ///< a UUID, never used before: see approval_id()
  Timestamp issued_at;
  Timestamp expires_at;  ///< later than issued_at
};

/// The members of a DSSE approval besides the steps that it approves. Empty texts are left out.
struct DsseGrant {
  std::string token_id;  ///< never used before in this tenant, such as an approval_id()
  std::string tenant_id;
  Timestamp issued_at;
  Timestamp expires_at;  ///< later than issued_at
  std::optional<Timestamp> not_before;
  std::string audience;
  std::string policy_bundle_hash;
  std::string constitution_version;
  std::string trace_id;
  std::string request_id;
  std::string approval_scope;
  Constraints constraints;
};

/// A random UUID (RFC 9562, version 4), for an approval. store_failed if the system gives no random bytes.
Result<std::string> approval_id();

/// The signed artifact for the proposal's action and payload, in RFC 8785 form. invalid_argument if the grant breaks
/// section 4 of docs/formats.md, so that no artifact is signed which every verifier refuses.
Result<std::string> sign_clawshield_v1(const ApproverKey& key, const Proposal& proposal, const ClawshieldGrant& grant);

/// The statement of an approval, in RFC 8785 form. invalid_argument, with the member in the detail, if the grant or the
/// plan breaks section 10 of docs/formats.md.
Result<std::string> dsse_statement(const Proposal& proposal, const DsseGrant& grant);
/// The statement of a plan: its steps are the proposals, in their order.
Result<std::string> dsse_statement(std::span<const Proposal> steps, StepOrder order, const DsseGrant& grant);

/// The envelope, in RFC 8785 form, with one signature. `keyid` is the key's id in the executors' policies; an empty one
/// stands for the key's fingerprint. invalid_argument if the statement cannot be read strictly, or is too large.
Result<std::string> sign_dsse(const ApproverKey& key, std::string_view keyid, std::string_view statement);

/// The envelope with one more signature, for approvers who sign in turn. Does not verify the existing
/// signatures. invalid_argument if the envelope or its statement is malformed, if this key has signed it already, or if
/// it has the maximum number of signatures.
Result<std::string> add_signature(const ApproverKey& key, std::string_view keyid, std::string_view envelope);

}  // namespace openexec::signing
