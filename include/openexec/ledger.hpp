// SPDX-License-Identifier: Apache-2.0
// The supplied stores: a ledger in one SQLite file, and one in memory.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <openexec/nonce_store.hpp>
#include <openexec/receipt_log.hpp>
#include <openexec/status.hpp>
#include <openexec/transparency_log.hpp>

namespace openexec {

/// A nonce store that is its own log. The log keeps a Merkle tree over its entries, and signs checkpoints of it.
class Ledger : public NonceStore, public ReceiptLog, public TransparencyLog {
 public:
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

}  // namespace openexec
