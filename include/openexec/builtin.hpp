// SPDX-License-Identifier: Apache-2.0
// The supplied parts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openexec/clock.hpp>
#include <openexec/hasher.hpp>
#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>
#include <openexec/status.hpp>
#include <openexec/transparency_log.hpp>
#include <openexec/trust_policy.hpp>
#include <openexec/verifier.hpp>

namespace openexec {

// Stores. A ledger is a nonce store that is its own log, and the log keeps a tree and signs checkpoints over it.

class Ledger : public NonceStore, public ReceiptLog, public TransparencyLog {
 public:
  using NonceStore::find;
  using ReceiptLog::find;
  [[nodiscard]] ReceiptLog* log() noexcept final { return this; }
  [[nodiscard]] TransparencyLog* transparency() noexcept final { return this; }
};

/// Who a ledger's log is. Key and origin are recorded with the first opening, and stay the ledger's for its life.
struct LogOptions {
  /// The log's own Ed25519 key, PKCS#8 PEM without a passphrase; the two characters \n stand for a line break. Empty:
  /// the file PATH.log-key, which the first opening makes with mode 0600.
  std::string key_pem;
  /// The log's name, which no other log in the world should have, such as "example.com/payments": without white space
  /// and '+'. Empty: one made from the key.
  std::string origin;
  /// A file that holds the newest checkpoint and the end of the claims, replaced after each commit and before the
  /// handlers of its claims are entered. A ledger that does not reach as far, or has another history, was rolled back
  /// or replaced, and is not opened for writing. One writer has the anchor, and stops if
  /// another program changes it. Keep it where a restore of the ledger does not reach it, such as another disk. It is
  /// no wall against the executor's own user, which writes both. Empty: the ledger has no anchor, which is an error if
  /// it had one before.
  std::string anchor;
};

/// Forgets everything when it is destroyed. For tests and demonstrations. Its log has a new key and no name that
/// anybody knows.
std::shared_ptr<Ledger> memory_ledger();

struct SqliteOptions {
  /// Opens for reading only: beside a running executor, or an archived file. Claims, seals and appends then fail.
  bool read_only = false;
  LogOptions log;  ///< not looked at where the ledger is opened for reading only
  /// Refuses to create a ledger: a mistyped name would begin with an empty one, which has forgotten what was spent.
  bool must_exist = false;
  /// WEAK: opens a ledger that every user of the machine may write or replace, and only warns. For demonstrations.
  bool others_may_write = false;
  /// RISK: opens a ledger on NFS, SMB, FUSE, virtiofs or 9p, and only warns. Such a file system may give the lock to
  /// two executors, which then run every nonce twice, or may lose what it said was synced.
  bool unsafe_file_system = false;
  /// Told of each finding about the ledger's place that does not keep it from opening, such as a folder that a group
  /// may write. Called on the opening thread. May be empty; must not throw.
  std::function<void(const std::string& finding)> warn;
};

/// One file, one executor. store_failed where it is held ("in use by process N"), of a newer schema, not a ledger, or
/// where its log is not what its last checkpoint says; invalid_argument for options that are malformed.
Result<std::shared_ptr<Ledger>> sqlite_ledger(const std::string& path, const SqliteOptions& options = {});

/// By URL: sqlite:///relative.db, sqlite:////absolute.db, sqlite:// (memory). Names are percent-decoded, and a URL with a
/// query or a fragment is refused (docs/formats.md, section 8).
Result<std::shared_ptr<Ledger>> open_ledger(std::string_view url, const SqliteOptions& options = {});

// Verifiers.

/// WEAK: verifies nothing, so that everybody may run everything. For demonstrations.
class DemoVerifier final : public Verifier {
 public:
  using Verifier::verify;
  [[nodiscard]] std::string_view profile() const noexcept override { return {}; }
  [[nodiscard]] Result<Approval> verify(const Proposal&, Timestamp) const override { return Approval{}; }
};

struct ClawshieldOptions {
  /// SubjectPublicKeyInfo; the two characters \n stand for a line break, as environment variables spell it. Empty:
  /// every request is approval_key_missing.
  std::string public_key_pem;
  std::string tenant_id;                      ///< empty: every request is approval_tenant_mismatch
  std::chrono::seconds max_issued_ahead{60};  ///< how far in the future issued_at may lie; at most 24 hours
};

/// Section 4 of docs/formats.md. invalid_argument where a PEM is given that is not exactly one strict Ed25519 public
/// key.
Result<std::shared_ptr<const Verifier>> clawshield_v1(const ClawshieldOptions& options);

struct TrustPolicyOptions {
  std::optional<TrustPolicy> policy;          ///< absent: every request is approval_key_missing until one is loaded
  std::string executor = "openexec";          ///< Config::executor: the `audience` that approvals may name
  std::string tenant;                         ///< Config::tenant; empty: every request is approval_tenant_mismatch
  std::chrono::seconds max_issued_ahead{60};  ///< how far in the future issued_at may lie; at most 24 hours
  std::size_t cache_bytes = std::size_t{4} << 20;  ///< for envelopes that were verified; 0 keeps none
  std::shared_ptr<const Clock> clock;              ///< its monotonic() paces failed verifications; null: the system's
};

/// DSSE approvals, and clawshield-v1 artifacts where the policy accepts them (docs/formats.md, sections 10, 11 and 4).
/// The approval says which of the two it was.
class PolicyVerifier final : public Verifier {
 public:
  [[nodiscard]] std::string_view profile() const noexcept override { return "trust-policy"; }
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp now) const override;
  /// Counts again without the revoked keys: two good ones of three still make two.
  [[nodiscard]] Result<Approval> verify(const Proposal& proposal, Timestamp now,
                                        const Revocations& revocations) const override;
  [[nodiscard]] Status ready() const override;

  /// Puts another policy in force, at once and whole: each request is judged by the old one or the new one, and one
  /// that comes after reload() has returned, by the new one. Where it fails, the old one stays in force.
  [[nodiscard]] Status reload(TrustPolicy policy);
  /// The same from JSON text, which TrustPolicy::parse reads.
  [[nodiscard]] Status reload_json(std::string_view json);
  /// The policy in force.
  [[nodiscard]] std::optional<TrustPolicy> policy() const;
  /// How many signatures of DSSE envelopes were verified so far. For metrics and tests.
  [[nodiscard]] std::uint64_t verifications() const noexcept;

  ~PolicyVerifier() override;

  struct Impl;
  explicit PolicyVerifier(std::unique_ptr<Impl> impl) noexcept;  ///< trust_policy_verifier() makes it

 private:
  std::unique_ptr<Impl> impl_;
};

/// invalid_argument where an option is out of its bounds.
Result<std::shared_ptr<PolicyVerifier>> trust_policy_verifier(TrustPolicyOptions options);

// Hashers and clocks.

/// Section 3 of docs/formats.md; name "jcs-sha256".
std::shared_ptr<const Hasher> jcs_sha256();

std::shared_ptr<const Clock> system_clock();

}  // namespace openexec
