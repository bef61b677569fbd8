// SPDX-License-Identifier: Apache-2.0
// Offline verification of portable receipts, which needs only the public key of the log.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <openexec/bytes.hpp>
#include <openexec/receipt.hpp>
#include <openexec/status.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace openexec {

/// The verdict of a verification. Only `pass` is evidence, and a zeroed struct does not say `pass`.
enum class EvidenceVerdict : std::uint8_t {
  fail,        ///< a check failed
  incomplete,  ///< no check failed, but a check lacked an input
  pass,        ///< every requested check passed
};

/// The steps of a verification, in this order. Each has a finding of its own, unless an earlier failure makes it
/// impossible to run.
enum class EvidenceStep : std::uint8_t {
  proof,          ///< the text is a tlog-proof, and holds a well-formed checkpoint
  entry,          ///< it carries an entry in the canonical form of section 6 of docs/formats.md
  inclusion,      ///< the entry is at its index in the tree of the checkpoint
  log_signature,  ///< the log signed the checkpoint
  cosignatures,   ///< as many witnesses cosigned as the policy requires, and every cosignature of theirs is valid
  exec_id,        ///< from here on: the value in EvidenceHeld equals that of the entry
  action,
  nonce,
  tenant,
  payload,
  result,
  receipt,
  approval,
};
inline constexpr std::size_t evidence_steps = 13;

/// The finding of one step.
enum class Finding : std::uint8_t {
  unreached,  ///< an earlier step failed, so that this one could not run
  failed,
  incomplete,  ///< an input is missing, or the entry lacks the member to compare
  not_asked,   ///< the caller did not request it
  passed,
};

std::string_view name(EvidenceVerdict verdict) noexcept;  ///< "FAIL", "INCOMPLETE", "PASS"
std::string_view name(EvidenceStep step) noexcept;        ///< "log_signature", ...
std::string_view name(Finding finding) noexcept;          ///< "not_asked", ...

/// The keys and witnesses that the caller trusts. Absent and empty differ: an empty policy is malformed.
struct EvidenceTrust {
  /// The log's verifier key, `name+id+key`, without a line end. Absent: a log of the policy must have signed.
  std::optional<std::string_view> log_key;
  /// A C2SP tlog-policy. Absent: no cosignature is required. If it lists logs, `log_key` has to be one of them.
  std::optional<std::string_view> policy;
};

/// Values that the caller has, each compared with the entry. Absent: not compared.
struct EvidenceHeld {
  std::optional<std::string_view> exec_id;  ///< 64 hex digits
  std::optional<std::string_view> action;
  std::optional<std::string_view> nonce;
  std::optional<std::string_view> tenant;
  std::optional<std::string_view> payload;   ///< JSON in any spacing, as a request carries it; up to 1 GiB
  std::optional<std::string_view> result;    ///< JSON in any spacing; up to 64 MiB
  std::optional<std::string_view> receipt;   ///< 64 hex digits
  std::optional<std::string_view> approval;  ///< the artifact: JSON in any spacing; up to 64 MiB
};

/// The result of one step.
struct EvidenceCheck {
  Finding finding = Finding::unreached;
  std::string detail;  ///< why it failed or is incomplete, for people
};

/// A witness's cosignature that verified.
struct Cosignature {
  std::string witness;     ///< its name in the policy
  std::uint64_t time = 0;  ///< when the witness states that it signed: seconds since 1970
};

struct EvidenceReport {
  EvidenceVerdict verdict = EvidenceVerdict::fail;
  /// The first step that failed, or else the first that is incomplete. Has no meaning if the verdict is pass.
  EvidenceStep step = EvidenceStep::proof;
  std::array<EvidenceCheck, evidence_steps> checks;  ///< by step

  /// The check of one step. `report.at(report.step)` is the one that decided.
  [[nodiscard]] const EvidenceCheck& at(EvidenceStep which) const { return checks[static_cast<std::size_t>(which)]; }

  // The content of the text. Rely on it only if the verdict is pass.
  std::optional<Entry> entry;
  std::string entry_json;
  std::uint64_t index = 0;
  std::string origin;      ///< the log's name
  std::uint64_t size = 0;  ///< of the tree in the checkpoint
  Digest root{};
  std::vector<Cosignature> cosignatures;  ///< those that verified, in the order of the policy's witnesses
  std::size_t witnesses = 0;              ///< the number of witnesses in the policy
};

/// Reads and verifies a portable receipt (`.tlog-proof`, docs/formats.md section 9). Needs no executor, network or
/// clock: the same arguments always give the same report. Thread-safe.
///
/// Returns a report for every evidence, malformed evidence included. Returns invalid_argument for a malformed key or
/// policy, and overloaded if memory could not be allocated.
///
/// Hashes are those of the supplied hasher (jcs_sha256). Evidence of an executor with another hasher fails the payload
/// step.
Result<EvidenceReport> verify_evidence(std::string_view proof, const EvidenceTrust& trust,
                                       const EvidenceHeld& held = {});

}  // namespace openexec
