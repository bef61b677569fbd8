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

/// The identity of a ledger's log. The first opening records key and origin, and they never change.
struct LogOptions {
  /// The log's own Ed25519 key, PKCS#8 PEM without a passphrase; the two characters \n stand for a line break. Empty:
  /// the file PATH.log-key, which the first opening creates with mode 0600.
  std::string key_pem;
  /// The log's globally unique name, such as "example.com/payments", without white space and '+'. Empty: a name derived
  /// from the key.
  std::string origin;
  /// The path of the anchor: a file with the newest checkpoint and the position of the last claim, replaced after each
  /// commit and before the handlers of its claims are entered. A ledger that ends before this checkpoint, or
  /// contradicts it, was rolled back or replaced, and is not opened for writing. Only one writer at a time may use the
  /// anchor, and it stops if another program changes the file. Keep it on storage that is not restored together with
  /// the ledger, such as another disk. It does not protect against the executor's own user, who can write both files.
  /// Empty: the ledger has no anchor, which is an error if it had one before.
  std::string anchor;
};

/// Makes a ledger in memory, whose content is lost when it is destroyed. For tests and demonstrations. Its log has a
/// new key and a name derived from it.
std::shared_ptr<Ledger> memory_ledger();

/// How a ledger in one SQLite file is opened.
struct SqliteOptions {
  /// Opens for reading only, beside a running executor or an archived file. Claims, seals and appends then fail.
  bool read_only = false;
  LogOptions log;  ///< ignored if the ledger is opened for reading only
  /// Refuses to create a ledger. A mistyped path would otherwise create an empty ledger, in which no nonce is spent.
  bool must_exist = false;
  /// WEAK: opens a ledger that every user of the machine can write or replace, and only warns. For demonstrations.
  bool others_may_write = false;
  /// RISK: opens a ledger on NFS, SMB, FUSE, virtiofs or 9p, and only warns. Such a file system may grant the lock
  /// to two executors, which then run a nonce twice, or may lose data after a successful sync.
  bool unsafe_file_system = false;
  /// Called with each warning about the ledger's location that does not prevent opening, such as a folder that a group
  /// can write. Called on the opening thread. May be empty. Must not throw.
  std::function<void(const std::string& finding)> warn;
};

/// Opens a ledger in a file, which only one executor at a time can use. Returns store_failed if the file is in use ("in
/// use by process N"), has a newer schema, is not a ledger, or if its log does not match its last checkpoint. Returns
/// invalid_argument for malformed options.
Result<std::shared_ptr<Ledger>> sqlite_ledger(const std::string& path, const SqliteOptions& options = {});

/// Opens a ledger by URL: sqlite:///relative.db, sqlite:////absolute.db, sqlite:// (memory). Names are percent-decoded,
/// and a URL with a query or a fragment is refused (docs/formats.md, section 8).
Result<std::shared_ptr<Ledger>> open_ledger(std::string_view url, const SqliteOptions& options = {});

}  // namespace openexec
