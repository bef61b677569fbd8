#include "witness/state.hpp"

#include <sys/stat.h>

#include <utility>

#include "merkle/hash.hpp"
#include "sqlite/descriptor.hpp"
#include "sqlite/sqlite_db.hpp"

namespace openexec::witness {
namespace {

using store::blob;
using store::Database;
using store::Rows;
using store::Statement;
using store::StoreFailure;

constexpr std::int64_t application_id = 0x4f587774;  // "OXwt"
constexpr std::int64_t schema_version = 1;

constexpr const char* tables = R"sql(
-- Whose memory this is: another key that signed by it would vouch for what it never saw.
CREATE TABLE witness (id INTEGER PRIMARY KEY CHECK (id = 1), verifier_key TEXT NOT NULL) STRICT;

-- One row a log: the newest tree, and the first note that contradicts it.
CREATE TABLE latest (
  origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, checkpoint TEXT NOT NULL, at INTEGER NOT NULL,
  conflict TEXT NOT NULL) STRICT, WITHOUT ROWID;
)sql";

constexpr const char* columns = "SELECT origin, size, root, checkpoint, at, conflict FROM latest";

Remembered row_of(const Rows& rows) {
  return {std::string(rows.bytes(0)),
          {static_cast<std::uint64_t>(rows.integer(1)), rows.digest(2)},
          std::string(rows.bytes(3)),
          {rows.integer(4)},
          std::string(rows.bytes(5))};
}

Remembered nothing_of(std::string_view origin) { return {std::string(origin), {0, merkle::empty_root()}, {}, {}, {}}; }

}  // namespace

struct State::Impl {
  struct Session {
    Database database;
    Statement begin, commit, rollback, of_origin, all, set, set_conflict;

    explicit Session(Database opened)
        : database(std::move(opened)),
          begin(database, "BEGIN IMMEDIATE"),
          commit(database, "COMMIT"),
          rollback(database, "ROLLBACK"),
          of_origin(database, std::string(columns) + " WHERE origin = ?1"),
          all(database, std::string(columns) + " ORDER BY origin"),
          set(database,
              "INSERT INTO latest VALUES (?1, ?2, ?3, ?4, ?5, '') ON CONFLICT (origin) DO UPDATE SET size = ?2, "
              "root = ?3, checkpoint = ?4, at = ?5"),
          set_conflict(database, "UPDATE latest SET conflict = ?2 WHERE origin = ?1 AND conflict = ''") {}

    Remembered latest(std::string_view origin) {
      Rows rows = of_origin.run(origin);
      return rows.next() ? row_of(rows) : nothing_of(origin);
    }
  };

  std::string path;
  const char* vfs = nullptr;
  bool read_only = false;
  std::string verifier_key;
  std::optional<Session> session;  ///< none after a failure: what the file holds is read anew

  Session& opened() {
    if (!session) session.emplace(open_database());
    return *session;
  }

  Database open_database() {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) store::fail("the state " + path);
    if (!S_ISREG(status.st_mode)) throw StoreFailure("the state " + path + " is not a regular file");
    const int access = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    Database database(path, access | SQLITE_OPEN_NOFOLLOW, vfs);
    database.harden();
    if (database.integer("PRAGMA application_id") != application_id)
      throw StoreFailure(path + " is not the state of a witness");
    if (database.integer("PRAGMA user_version") != schema_version)
      throw StoreFailure("the state " + path + " is of another version");
    if (read_only) {
      database.keep_log_on_close();
      database.execute("PRAGMA query_only = ON");
      return database;
    }
    if (database.text("PRAGMA journal_mode = WAL") != "wal")
      throw StoreFailure("the file system cannot hold a write-ahead log");
    database.execute("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON");
    if (database.integer("PRAGMA synchronous") != 2) throw StoreFailure("SQLite refused synchronous = FULL");
    // What a commit of unknown fate left in the system's cache becomes durable, or is found to be gone, before it
    // counts.
    if (!database.empty_log()) throw StoreFailure("a reader keeps the state from being moved out of its write-ahead log");
    return database;
  }

  /// Calls `f` with the session; after a failure nothing of it is trusted any more.
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
      Database database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, nullptr);
      database.harden();
      database.execute("PRAGMA synchronous = FULL; BEGIN");
      database.execute(tables);
      Statement(database, "INSERT INTO witness VALUES (1, ?1)").execute(verifier_key);
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

Result<State> State::open(const std::string& path, const char* vfs) { return open_as(path, vfs, false); }

Result<State> State::open_read_only(const std::string& path) { return open_as(path, nullptr, true); }

Result<State> State::open_as(const std::string& path, const char* vfs, bool read_only) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
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
    session.set.execute(std::string_view(to.origin), static_cast<std::int64_t>(to.head.size), blob(to.head.root),
                        std::string_view(to.checkpoint), to.at.micros);
    session.commit.execute();
    return Advance::done;
  });
}

Status State::keep_conflict(std::string_view origin, std::string_view note) {
  return impl_->with([&](Impl::Session& session) {
    session.set_conflict.execute(origin, note);
    return Status::success();
  });
}

}  // namespace openexec::witness
