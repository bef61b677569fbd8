// SPDX-License-Identifier: Apache-2.0
#include "witness/state.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "merkle/hash.hpp"
#include "sqlite/descriptor.hpp"
#include "sqlite/held_file.hpp"
#include "sqlite/open_mark.hpp"
#include "sqlite/path_check.hpp"
#include "sqlite/sqlite_db.hpp"

namespace openexec::witness {
namespace {

using store::blob;
using store::Database;
using store::Rows;
using store::Statement;
using store::StoreFailure;

constexpr std::int64_t application_id = 0x4f587774;  // "OXwt"
constexpr std::int64_t schema_version = 2;
constexpr const char* what = "the state of a witness";

constexpr const char* tables = R"sql(
-- Whose memory this is: another key that signed by it would vouch for what it never saw. And which file it is in.
CREATE TABLE witness (id INTEGER PRIMARY KEY CHECK (id = 1), verifier_key TEXT NOT NULL) STRICT;

-- One row a log: the newest tree, and the first note that contradicts it.
CREATE TABLE latest (
  origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, checkpoint TEXT NOT NULL, at INTEGER NOT NULL,
  conflict TEXT NOT NULL) STRICT, WITHOUT ROWID;
)sql";

// Brings the tables of version 1 to version 2. A log is confirmed if its number equals the number of adoptions.
constexpr const char* tables_of_2 = R"sql(
ALTER TABLE witness ADD COLUMN identity TEXT NOT NULL DEFAULT '';
ALTER TABLE witness ADD COLUMN adoptions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE latest ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
CREATE TABLE adoptions (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, why TEXT NOT NULL, identity TEXT NOT NULL) STRICT;
)sql";

constexpr const char* columns =
    "SELECT origin, size, root, checkpoint, at, conflict, confirmed = (SELECT adoptions FROM witness) FROM latest";

Remembered row_of(const Rows& rows) {
  return {std::string(rows.bytes(0)), {static_cast<std::uint64_t>(rows.integer(1)), rows.digest(2)},
          std::string(rows.bytes(3)), {rows.integer(4)},
          std::string(rows.bytes(5)), rows.integer(6) != 0};
}

std::string full_path(const std::string& path) {
  std::error_code error;
  const auto full = std::filesystem::canonical(path, error);
  return error ? path : full.string();
}

/// Examines the file before SQLite opens it.
void check_file(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) store::fail("the state " + path);
  if (!S_ISREG(status.st_mode)) throw StoreFailure("the state " + path + " is not a regular file");
  if (status.st_nlink > 1) throw StoreFailure("the state " + path + " has more than one name (hard links)");
  store::check_mount("the state", path);
}

/// Takes the file's lock, which one process at a time may hold to write the file.
store::HeldFile held_alone(const std::string& path) {
  store::HeldFile file(path, store::HeldFile::Access::write);
  if (!file.lock()) throw StoreFailure("the state " + path + " is in use by another process");
  return file;
}

/// Throws if the file is of another application or of a newer version.
store::Header checked_header(Database& database, const std::string& path) {
  const store::Header header = store::read_header(database, what);
  if (header.application_id != application_id) throw StoreFailure(path + " is not the state of a witness");
  if (header.user_version != 1 && header.user_version != schema_version)
    throw StoreFailure("the state " + path + " is of another version");
  return header;
}

void use_log(Database& database) {
  if (database.text("PRAGMA journal_mode = WAL") != "wal")
    throw StoreFailure("the file system cannot hold a write-ahead log");
  database.execute("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON");
  if (database.integer("PRAGMA synchronous") != 2) throw StoreFailure("SQLite refused synchronous = FULL");
  store::recover(database, what);
}

/// Brings a file of version 1 to version 2. Version 1 records no identity, so the identity that the file has now is
/// recorded.
void bring_up(Database& database, const store::FileIdentity& identity) {
  if ((database.integer("PRAGMA user_version") & ~std::int64_t{store::open_mark}) == schema_version) return;
  database.execute("BEGIN IMMEDIATE");
  database.execute(tables_of_2);
  Statement(database, "UPDATE witness SET identity = ?1").execute(std::string_view(identity.write()));
  database.execute(("PRAGMA user_version = " + std::to_string(schema_version)).c_str());
  database.execute("COMMIT");
}

void check_identity(Database& database, const store::FileIdentity& identity) {
  const auto recorded = store::FileIdentity::parse(database.text("SELECT identity FROM witness"));
  if (!recorded) throw StoreFailure("the state is damaged: its file's identity");
  if (!recorded->is_same_file(identity))
    throw StoreFailure("the state is a copy of another file, which may remember more; run openexec-witness adopt");
}

}  // namespace

struct State::Impl {
  struct Session {
    Database database;
    Statement begin, commit, rollback, of_origin, all, adoptions, set, set_conflict;

    explicit Session(Database opened)
        : database(std::move(opened)),
          begin(database, "BEGIN IMMEDIATE"),
          commit(database, "COMMIT"),
          rollback(database, "ROLLBACK"),
          of_origin(database, std::string(columns) + " WHERE origin = ?1"),
          all(database, std::string(columns) + " ORDER BY origin"),
          adoptions(database, "SELECT adoptions FROM witness"),
          set(database,
              "INSERT INTO latest VALUES (?1, ?2, ?3, ?4, ?5, '', (SELECT adoptions FROM witness)) ON CONFLICT (origin) "
              "DO UPDATE SET size = ?2, root = ?3, checkpoint = ?4, at = ?5, confirmed = (SELECT adoptions FROM witness)"),
          set_conflict(database, "UPDATE latest SET conflict = ?2 WHERE origin = ?1 AND conflict = ''") {}

    Remembered latest(std::string_view origin) {
      Rows rows = of_origin.run(origin);
      if (rows.next()) return row_of(rows);
      Rows adopted = adoptions.run();
      return {std::string(origin), {0, merkle::empty_root()}, {}, {}, {}, adopted.next() && adopted.integer(0) == 0};
    }

    void put(const Remembered& to) {
      set.execute(std::string_view(to.origin), static_cast<std::int64_t>(to.head.size), blob(to.head.root),
                  std::string_view(to.checkpoint), to.at.micros);
    }
  };

  std::string path;
  const char* vfs = nullptr;
  bool read_only = false;
  std::string verifier_key;
  std::optional<store::HeldFile> file;  ///< outlives the session
  std::optional<Session> session;       ///< empty after a failure, so that the file is read anew

  ~Impl() {
    if (!session || read_only) return;
    try {
      (void)store::unmark(session->database);
    } catch (...) {  // the file is left as a crash leaves it
    }
  }

  Session& opened() {
    if (!session) session.emplace(open_database());
    return *session;
  }

  Database open_database() {
    check_file(path);
    if (!file && read_only) file.emplace(path, store::HeldFile::Access::read);
    if (!file) file.emplace(held_alone(path));
    const int access = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    Database database(path, access | SQLITE_OPEN_NOFOLLOW, vfs);
    const store::Header header = checked_header(database, path);
    database.harden();
    if (read_only) {
      if (header.user_version != schema_version)
        throw StoreFailure("the state " + path + " is of version 1, which openexec-witness serve brings up to date");
      database.keep_log_on_close();
      database.execute("PRAGMA query_only = ON");
      return database;
    }
    store::check_log_is_there(header, path, what);
    use_log(database);
    bring_up(database, file->identity());
    check_identity(database, file->identity());
    store::mark(database, what);
    return database;
  }

  /// Calls `f` with the session. After a failure the session is dropped, since its state is not known.
  template <class F>
  auto with(F&& f) -> decltype(f(std::declval<Session&>())) {
    auto answer = store::guarded([&]() -> decltype(f(std::declval<Session&>())) {
      try {
        return f(opened());
      } catch (...) {
        session.reset();
        throw;
      }
    });
    return answer;
  }
};

State::State(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
State::State(State&&) noexcept = default;
State& State::operator=(State&&) noexcept = default;
State::~State() = default;

Status State::create(const std::string& path, std::string_view verifier_key) {
  return store::guarded([&]() -> Status {
    if (!store::create_file(path, {})) throw StoreFailure(path + " exists and is not overwritten");
    try {
      const store::HeldFile file = held_alone(path);
      Database database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, nullptr);
      database.harden();
      database.execute("PRAGMA synchronous = FULL; BEGIN");
      database.execute(tables);
      database.execute(tables_of_2);
      Statement(database, "INSERT INTO witness VALUES (1, ?1, ?2, 0)")
          .execute(verifier_key, std::string_view(file.identity().write()));
      database.execute(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
      database.execute(("PRAGMA user_version = " + std::to_string(schema_version)).c_str());
      database.execute("COMMIT");
    } catch (...) {
      store::remove_if_there(path);
      throw;
    }
    return Status::success();
  });
}

Status State::adopt(const std::string& given, std::string_view why, Timestamp now) {
  return store::guarded([&]() -> Status {
    if (why.empty()) throw StoreFailure("the reason for the adoption is empty");
    const std::string path = full_path(given);
    check_file(path);
    const store::HeldFile file = held_alone(path);
    const std::string identity = file.identity().write();
    Database database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, nullptr);
    (void)checked_header(database, path);
    database.harden();
    use_log(database);
    bring_up(database, file.identity());
    store::mark(database, what);
    database.execute("BEGIN IMMEDIATE");
    Statement(database, "UPDATE witness SET identity = ?1, adoptions = adoptions + 1")
        .execute(std::string_view(identity));
    Statement(database, "INSERT INTO adoptions (at, why, identity) VALUES (?1, ?2, ?3)")
        .execute(now.micros, why, std::string_view(identity));
    database.execute("COMMIT");
    if (!store::unmark(database))
      throw StoreFailure("adopted, but a reader kept the state open; it opens after a crash too");
    return Status::success();
  });
}

Result<State> State::open(const std::string& path, const char* vfs) { return open_as(path, vfs, false); }

Result<State> State::open_read_only(const std::string& path) { return open_as(path, nullptr, true); }

Result<State> State::open_as(const std::string& path, const char* vfs, bool read_only) {
  auto impl = std::make_unique<Impl>();
  impl->path = full_path(path);
  impl->vfs = vfs;
  impl->read_only = read_only;
  const Status opened = impl->with([&](Impl::Session& session) {
    impl->verifier_key = session.database.text("SELECT verifier_key FROM witness");
    return Status::success();
  });
  if (!opened.ok()) return opened;
  return State(std::move(impl));
}

const std::string& State::verifier_key() const noexcept { return impl_->verifier_key; }

Result<Remembered> State::latest(std::string_view origin) {
  return impl_->with([&](Impl::Session& session) -> Result<Remembered> { return session.latest(origin); });
}

Result<std::vector<Remembered>> State::all() {
  return impl_->with([](Impl::Session& session) -> Result<std::vector<Remembered>> {
    std::vector<Remembered> all;
    Rows rows = session.all.run();
    while (rows.next()) all.push_back(row_of(rows));
    return all;
  });
}

Result<State::Advance> State::advance(const merkle::TreeHead& from, const Remembered& to) {
  return impl_->with([&](Impl::Session& session) -> Result<Advance> {
    session.begin.execute();
    if (session.latest(to.origin).head != from) {
      session.rollback.execute();
      return Advance::stale;
    }
    session.put(to);
    session.commit.execute();
    return Advance::done;
  });
}

Status State::confirm(const Remembered& newest) {
  return impl_->with([&](Impl::Session& session) -> Status {
    const Remembered known = session.latest(newest.origin);
    if (newest.head.size < known.head.size)
      throw StoreFailure("the checkpoint is older than the tree of size " + std::to_string(known.head.size) +
                         " that the state remembers");
    if (newest.head.size == known.head.size && newest.head.root != known.head.root)
      throw StoreFailure("the checkpoint contradicts the tree of equal size that the state remembers");
    Remembered confirmed = newest;
    confirmed.at = std::max(newest.at, known.at);
    session.put(confirmed);
    return Status::success();
  });
}

Status State::keep_conflict(std::string_view origin, std::string_view note) {
  return impl_->with([&](Impl::Session& session) {
    session.set_conflict.execute(origin, note);
    return Status::success();
  });
}

}  // namespace openexec::witness
