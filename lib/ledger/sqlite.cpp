// SPDX-License-Identifier: Apache-2.0
#include "ledger/sqlite.hpp"
#include "base/mutex.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/process.hpp"
#include "ledger/commit_queue.hpp"
#include "ledger/sqlite_writer.hpp"
#include "rows/rules.hpp"
#include "session/key_search.hpp"
#include "session/ledger_file.hpp"
#include "session/log_key.hpp"
#include "session/migrate.hpp"
#include "session/sqlite_session.hpp"
#include "sqlite/guard.hpp"
#include "tlog/log_proofs.hpp"
#include "tlog/note_file.hpp"

namespace openexec {
namespace store {
namespace {

std::optional<std::string> pinned_in(ReadSession& session, std::string_view key) {
  const Snapshot snapshot(session.read);
  return session.read.pinned(key, session.read.head().pins);
}

/// Returns a file's size without opening the file. Closing a second descriptor of a ledger would release SQLite's
/// locks.
std::optional<std::uint64_t> size_of(const std::string& file) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(file, error);
  return error ? std::nullopt : std::optional<std::uint64_t>(bytes);
}

/// The parts of a ledger that is opened for writing, besides its reader. The lock is released last.
struct Writing {
  Writing(const LedgerPath& path, LedgerLock held, const LogOptions& log, std::size_t queue_capacity)
      : lock(std::move(held)),
        writer(path, newest, log, lock.identity()),
        queue([this](std::span<Member* const> batch) { writer.write(batch); }, queue_capacity) {}

  LedgerLock lock;
  KeyTable newest;
  SqliteWriter writer;
  CommitQueue queue;
};

/// The parts that hold descriptors and locks of one process.
struct Opened {
  explicit Opened(const LedgerPath& at) : path(at), reader(path) {}

  LedgerPath path;
  std::optional<HeldFile> file;    ///< if the ledger is opened for reading only; outlives the connections
  std::optional<Writing> writing;  ///< nullopt if the ledger is opened for reading only
  Reader reader;                   ///< closes first, so that the writer's close is the last and leaves one file
  std::optional<merkle::VerifierKey> log_key;
  base::Mutex judging;
  std::optional<SignedCheckpoint> cosigned
      OPENEXEC_GUARDED_BY(judging);  ///< the content of the cosigned file when it was last verified
};

class SqliteLedger final : public Ledger {
 public:
  explicit SqliteLedger(std::unique_ptr<Opened> opened)
      : opened_(std::move(opened)), verifier_key_(opened_->log_key->write()) {}

  // SQLite's connections and locks do not survive fork(). The child drops them without touching the files.
  ~SqliteLedger() override {
    if (!process_.here()) (void)opened_.release();
  }

  Result<ClaimAnswer> claim(const Claim& claim) override {
    return guarded([&]() -> Result<ClaimAnswer> {
      if (Status status = check(claim); !status.ok()) return status;
      Member member{&claim};
      if (Status status = write(member); !status.ok()) return status;
      return std::move(member.claim);
    });
  }

  Result<std::optional<std::uint64_t>> seal(const Seal& seal) override {
    return guarded([&]() -> Result<std::optional<std::uint64_t>> {
      if (Status status = check(seal); !status.ok()) return status;
      Member member{&seal};
      if (Status status = write(member); !status.ok()) return status;
      return std::optional(member.entry);
    });
  }

  Result<std::uint64_t> append(const NewEntry& entry) override {
    return guarded([&]() -> Result<std::uint64_t> {
      if (Status status = check(entry); !status.ok()) return status;
      Member member{&entry};
      if (Status status = write(member); !status.ok()) return status;
      return member.entry;
    });
  }

  void submit(std::span<Operation> asked) override {
    const Status failed = guarded([&]() -> Status {
      if (Status status = may_write(); !status.ok()) return status;
      if (asked.size() == 1) {
        submit_one(asked.front());
        return Status::success();
      }
      std::vector<Member> members;
      std::vector<Operation*> askers;
      members.reserve(asked.size());
      askers.reserve(asked.size());
      for (Operation& one : asked) {
        one.status = std::visit([](const auto* what) { return check(*what); }, one.what);
        if (!one.status.ok()) continue;
        members.push_back(member_of(one));
        askers.push_back(&one);
      }
      opened_->writing->queue.submit(members);
      for (std::size_t i = 0; i < members.size(); ++i) answer(*askers[i], members[i]);
      return Status::success();
    });
    if (failed.ok()) return;
    for (Operation& one : asked) one.status = failed;
  }

  Status pin(std::string_view key, std::string_view value) override {
    return guarded([&]() -> Status {
      if (Status status = check_pin(key, value); !status.ok()) return status;
      const auto known = read([&](ReadSession& session) { return pinned_in(session, key); });
      if (!known.ok()) return known.status();
      if (*known) return **known == value ? Status::success() : pinned_otherwise(key);
      Member member{Pin{key, value}};
      return write(member);
    });
  }

  Status ready() override {
    return guarded([&]() -> Status {
      Member probe{Probe{}};
      if (Status status = write(probe); !status.ok()) return status;
      check_free_space(opened_->path);
      return show([&](LedgerLog& log) -> Result<std::uint64_t> {
               log.doubt();
               return check_tree(log, log.checkpoint().size, *opened_->log_key).size();
             })
          .status();
    });
  }

  Result<StoreMeasures> measures() override {
    return read([&](ReadSession& session) {
      StoreMeasures measures;
      measures.claims = static_cast<std::uint64_t>(session.read.head().claim_count());
      measures.file_bytes = size_of(opened_->path.database);
      measures.wal_bytes = size_of(opened_->path.wal());
      if (opened_->writing) opened_->writing->writer.read(measures);
      return measures;
    });
  }

  Result<std::optional<NonceRecord>> find(std::string_view tenant, std::string_view nonce) override {
    return read([&](ReadSession& session) { return find_claim(session, newest(), tenant, nonce); });
  }

  /// A ledger that is opened for reading only recovers nothing: its executor may be running.
  Result<std::vector<NonceRecord>> orphans() override {
    return guarded([&]() -> Result<std::vector<NonceRecord>> {
      std::vector<NonceRecord> found;
      if (!opened_->writing) return found;
      Member member{FindOrphans{&found}};
      if (Status status = write(member); !status.ok()) return status;
      return found;
    });
  }

  bool keeps_terms() const noexcept override { return true; }
  bool keeps_attempts() const noexcept override { return true; }

  Result<std::optional<std::uint64_t>> control(const ControlChange& change) override {
    return guarded([&]() -> Result<std::optional<std::uint64_t>> {
      if (Status status = check(change); !status.ok()) return status;
      Member member{&change};
      if (Status status = write(member); !status.ok()) return status;
      return std::optional(member.entry);
    });
  }

  Result<std::vector<ControlName>> controls() override {
    return read([](ReadSession& session) {
      const Snapshot snapshot(session.read);
      return session.read.controls(session.read.head().controls);
    });
  }

  Result<std::vector<NonceRecord>> doubts(std::optional<std::uint64_t> after, std::size_t count) override {
    return read([&](ReadSession& session) { return find_doubts(session, after, count); });
  }

  Result<std::uint64_t> doubt_count() override {
    return read([](ReadSession& session) { return session.read.head().doubts.count; });
  }

  Result<std::optional<Timestamp>> floor() override {
    return read([](ReadSession& session) { return session.read.head().floor; });
  }

  Result<bool> was_used(std::string_view tenant) override {
    return read([&](ReadSession& session) {
      const Snapshot snapshot(session.read);
      return session.read.has_claims_of(tenant, session.read.head().adopted_claims);
    });
  }

  Result<Timestamp> latest() override {
    return read([](ReadSession& session) { return session.read.head().latest; });
  }

  Result<std::uint64_t> size() override {
    return read([](ReadSession& session) { return session.read.head().entry_count(); });
  }

  Result<std::vector<LogLine>> read(std::uint64_t first, std::size_t count) override {
    return read([&](ReadSession& session) {
      const Snapshot snapshot(session.read);
      return session.read.lines(first, count);
    });
  }

  Result<std::vector<LogLine>> find_entries(const Digest& exec_id, std::size_t count) override {
    return read([&](ReadSession& session) { return find_lines(session, newest(), exec_id, count); });
  }

  Result<std::vector<LogLine>> find_before(const Digest& exec_id, std::uint64_t before, std::size_t count) override {
    return read([&](ReadSession& session) { return find_lines_before(session, newest(), exec_id, before, count); });
  }

  const std::string& verifier_key() const noexcept override { return verifier_key_; }

  Result<SignedCheckpoint> checkpoint() override {
    return show([](LedgerLog& log) -> Result<SignedCheckpoint> { return log.checkpoint(); });
  }

  Result<std::optional<SignedCheckpoint>> cosigned_checkpoint() override {
    return show([&](LedgerLog& log) -> Result<std::optional<SignedCheckpoint>> { return kept_cosigned(log); });
  }

  Result<std::string> prove(std::uint64_t index) override {
    return show([&](LedgerLog& log) { return store::prove(log, index, kept_cosigned(log)); });
  }

  Result<std::vector<Digest>> prove_consistency(std::uint64_t from, std::uint64_t to) override {
    return show([&](LedgerLog& log) { return store::prove_consistency(log, from, to); });
  }

  Result<std::optional<std::string>> resource(std::string_view path) override {
    return show([&](LedgerLog& log) { return store::resource(log, path); });
  }

  /// The file is locked before the log is read. So a checkpoint that another process kept is never newer than the log
  /// as this call reads it.
  Status keep_cosigned(std::string_view note) override {
    return guarded([&]() -> Status {
      if (Status status = in_own_process(); !status.ok()) return status;
      const NoteLock file = NoteLock::acquire(opened_->path.cosigned());
      return show([&](LedgerLog& log) -> Result<bool> {
               Result<SignedCheckpoint> added = check_cosigned(log, note, *opened_->log_key);
               if (!added.ok()) return added.status();
               if (const auto before = kept_cosigned(log)) added = merge_cosigned(*before, *std::move(added));
               if (!added.ok()) return added.status();
               file.replace(added->note);
               return true;
             })
          .status();
    });
  }

 private:
  /// Returns the kept cosigned checkpoint if it verifies for this log. Returns nullopt for anything else in the file.
  std::optional<SignedCheckpoint> kept_cosigned(LedgerLog& log) {
    const std::optional<std::string> note = read_note_file(opened_->path.cosigned());
    if (!note) return std::nullopt;
    const base::Lock lock(opened_->judging);
    std::optional<SignedCheckpoint>& known = opened_->cosigned;
    if (known && known->note == *note) return known;
    const auto checked = check_cosigned(log, *note, *opened_->log_key);
    if (!checked.ok()) return std::nullopt;
    known = *checked;
    return known;
  }

  /// Calls `query`, which returns a Result, with the log as of one moment.
  template <class Query>
  auto show(Query&& query) -> decltype(query(std::declval<LedgerLog&>())) {
    auto shown = read([&](ReadSession& session) {
      const Snapshot snapshot(session.read);
      LedgerLog log(session.read, session.edge);
      return query(log);
    });
    if (!shown.ok()) return shown.status();
    return *std::move(shown);
  }

  Status in_own_process() const {
    if (process_.here()) return Status::success();
    return {Code::store_failed, "the ledger was opened before fork(); the child has to open its own"};
  }

  /// Reads are refused as well after a broken invariant, since what a broken index finds or misses is not reliable.
  Status sound() const {
    if (!opened_->writing) return Status::success();
    if (Status status = opened_->writing->writer.poison().status(); !status.ok()) return status;
    return opened_->writing->queue.poison().status();
  }

  Status may_write() const {
    if (Status status = in_own_process(); !status.ok()) return status;
    if (!opened_->writing) return {Code::store_failed, "the ledger was opened for reading only"};
    return Status::success();
  }

  Status write(Member& member) {
    if (Status status = may_write(); !status.ok()) return status;
    opened_->writing->queue.submit({&member, 1});
    return member.status;
  }

  static Member member_of(const Operation& asked) {
    return {std::visit([](const auto* what) -> decltype(Member::what) { return what; }, asked.what)};
  }
  static void answer(Operation& asked, Member& member) {
    asked.status = std::move(member.status);
    asked.claim = std::move(member.claim);
    asked.entry = member.entry;
  }
  void submit_one(Operation& asked) {
    asked.status = std::visit([](const auto* what) { return check(*what); }, asked.what);
    if (!asked.status.ok()) return;
    Member member = member_of(asked);
    opened_->writing->queue.submit({&member, 1});
    answer(asked, member);
  }

  [[nodiscard]] const KeyTable* newest() const noexcept {
    return opened_->writing ? &opened_->writing->newest : nullptr;
  }

  template <class Query>
  auto read(Query&& query) -> Result<decltype(query(std::declval<ReadSession&>()))> {
    using Answer = Result<decltype(query(std::declval<ReadSession&>()))>;
    return guarded([&]() -> Answer {
      if (Status status = in_own_process(); !status.ok()) return status;
      if (Status status = sound(); !status.ok()) return status;
      if (opened_->writing && !opened_->writing->writer.knows_its_ledger()) {
        Member find_out{Probe{}};
        if (Status status = write(find_out); !status.ok()) return status;
      }
      return opened_->reader.read(query);
    });
  }

  const base::OwnProcess process_;
  std::unique_ptr<Opened> opened_;
  const std::string verifier_key_;
};

/// Returns the verifier key of the log, as the ledger records it.
merkle::VerifierKey recorded_key(const std::optional<std::string>& pinned) {
  if (!pinned) throw StoreFailure("the ledger was never opened for writing: it does not say whose log it is");
  const auto key = merkle::VerifierKey::parse(*pinned);
  if (!key.ok()) throw StoreFailure("the ledger is damaged: " + key.status().detail());
  return *key;
}

}  // namespace

Result<std::shared_ptr<Ledger>> open_sqlite(const std::string& path, const SqliteOptions& options,
                                            const SqliteInternals& internals) {
  return guarded([&]() -> Result<std::shared_ptr<Ledger>> {
    if (sqlite3_threadsafe() == 0) return Status(Code::store_failed, "this SQLite was built without thread safety");
    LedgerPath at = resolve(path, internals.vfs);
    at.checkpoint_pages = internals.checkpoint_pages;
    at.keys = internals.keys;
    at.any_file = internals.any_file;
    auto opened = std::make_unique<Opened>(at);
    if (options.read_only) {
      if (!inspect(opened->path)) return Status(Code::store_failed, "no ledger is there to read");
      opened->file.emplace(opened->path.database, HeldFile::Access::read);
      opened->log_key =
          recorded_key(opened->reader.read([](ReadSession& session) { return pinned_in(session, log_pin); }));
    } else {
      if (Status status = check(options.log); !status.ok()) return status;
      if (options.must_exist && !inspect(opened->path))
        return Status(Code::store_failed, "no ledger is there, and it must exist");
      const PathRules rules{options.others_may_write, options.unsafe_file_system, options.warn};
      check_place(opened->path, rules);
      LedgerLock lock = LedgerLock::acquire(opened->path);
      if (schema_of(opened->path) == older_schema) migrate(opened->path);
      if (!inspect(opened->path)) create(opened->path);
      lock.hold(opened->path);
      opened->writing.emplace(opened->path, std::move(lock), options.log, internals.queue_capacity);
      opened->log_key = opened->writing->writer.verifier_key();
    }
    return std::shared_ptr<Ledger>(std::make_shared<SqliteLedger>(std::move(opened)));
  });
}

}  // namespace store

Result<std::shared_ptr<Ledger>> sqlite_ledger(const std::string& path, const SqliteOptions& options) {
  return store::open_sqlite(path, options, {});
}

}  // namespace openexec
