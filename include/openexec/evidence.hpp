// SPDX-License-Identifier: Apache-2.0
// Whether a portable receipt is genuine: offline, by anybody, with nothing but the log's public key.
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

/// The answer. Only `pass` is one to rely on, and it is not what a zeroed struct says.
enum class EvidenceVerdict : std::uint8_t {
  fail,        ///< something does not hold
  incomplete,  ///< nothing failed, but something that was needed was not given
  pass,        ///< everything that was asked holds
};

/// What is looked at, in this order. Each is found out by itself, so far as the ones before leave something to look at.
enum class EvidenceStep : std::uint8_t {
  proof,          ///< the text is a tlog-proof, and holds a well-formed checkpoint
  entry,          ///< it carries an entry, in the one form of section 6 of docs/formats.md
  inclusion,      ///< the entry is at its index in the tree of the checkpoint
  log_signature,  ///< the log signed the checkpoint
  cosignatures,   ///< so many witnesses cosigned it as the policy wants, and no cosignature of theirs is false
  exec_id,        ///< what the caller holds is what the entry names: from here on
  action,
  nonce,
  tenant,
  payload,
  result,
  receipt,
  approval,
};
inline constexpr std::size_t evidence_steps = 13;

enum class Finding : std::uint8_t {
  unreached,  ///< an earlier step left nothing to look at
  failed,
  incomplete,  ///< needed, and not given; or asked about, and the entry says nothing of it
  not_asked,   ///< the caller did not ask
  passed,
};

std::string_view name(EvidenceVerdict verdict) noexcept;  ///< "FAIL", "INCOMPLETE", "PASS"
std::string_view name(EvidenceStep step) noexcept;        ///< "log_signature", ...
std::string_view name(Finding finding) noexcept;          ///< "not_asked", ...

/// Whom the caller trusts. Absent is not the same as empty: an empty policy is a malformed one.
struct EvidenceTrust {
  /// The log's verifier key, `name+id+key`, without a line end. Absent: one of the policy's logs has to have signed.
  std::optional<std::string_view> log_key;
  /// A C2SP tlog-policy. Absent: cosignatures are not asked for. Where it lists logs, `log_key` has to be one of them.
  std::optional<std::string_view> policy;
};

/// What the caller holds, and wants to know of: is it what the entry names? Absent: not asked.
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

/// What one step found.
struct EvidenceCheck {
  Finding finding = Finding::unreached;
  std::string detail;  ///< why, where it failed or is incomplete; for a person
};

/// A witness's cosignature that verified.
struct Cosignature {
  std::string witness;     ///< its name in the policy
  std::uint64_t time = 0;  ///< when the witness says it signed: seconds since 1970
};

struct EvidenceReport {
  EvidenceVerdict verdict = EvidenceVerdict::fail;
  /// The first step that failed, or else the first that is incomplete. Of no meaning where the verdict is pass.
  EvidenceStep step = EvidenceStep::proof;
  std::array<EvidenceCheck, evidence_steps> checks;  ///< by step

  /// One step's check: of the one that decided, `report.at(report.step)`.
  [[nodiscard]] const EvidenceCheck& at(EvidenceStep which) const { return checks[static_cast<std::size_t>(which)]; }

  // What the text says. Believe it where the verdict is pass, and not otherwise.
  std::optional<Entry> entry;
  std::string entry_json;
  std::uint64_t index = 0;
  std::string origin;      ///< the log's name
  std::uint64_t size = 0;  ///< of the tree in the checkpoint
  Digest root{};
  std::vector<Cosignature> cosignatures;  ///< those that verified, in the order of the policy's witnesses
  std::size_t witnesses = 0;              ///< how many the policy knows
};

/// Reads and verifies a portable receipt (`.tlog-proof`, docs/formats.md section 9). Needs no executor, no network and
/// no clock: the same arguments give the same report, always. Thread-safe.
///
/// The report is the answer about the evidence, whatever the evidence is. A Status instead is about the caller's own
/// arguments: invalid_argument for a key or a policy that is malformed; overloaded where memory ends.
///
/// Hashes are those of the supplied hasher (jcs_sha256). Evidence of an executor with another hasher fails the payload
/// step.
Result<EvidenceReport> verify_evidence(std::string_view proof, const EvidenceTrust& trust,
                                       const EvidenceHeld& held = {});

}  // namespace openexec
