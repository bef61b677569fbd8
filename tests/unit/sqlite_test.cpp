// SPDX-License-Identifier: Apache-2.0
// The SQLite ledger as a file: whose it is, who may have it, and what it refuses.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <openexec/ledger.hpp>

#include "conformance/suite.hpp"
#include "ledger/sqlite.hpp"
#include "rows/schema.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/vectors.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

using Catch::Matchers::Contains;

const SqliteOptions read_only{.read_only = true};

std::shared_ptr<Ledger> open(const std::string& path, const SqliteOptions& options = {}) {
  return must(sqlite_ledger(path, options), "open");
}

std::string refusal(const std::string& path, const SqliteOptions& options = {}) {
  auto ledger = sqlite_ledger(path, options);
  CHECK(ledger.code() == Code::store_failed);
  return ledger.status().detail();
}

Claim claim_of(std::string_view nonce) {
  Claim claim;
  claim.tenant = "acme";
  claim.nonce = nonce;
  claim.action = "echo";
  claim.exec_id[0] = 1;
  claim.approval = "null";
  claim.at = {1};
  return claim;
}

bool is_fresh(const Result<ClaimAnswer>& answer) { return answer.ok() && answer->kind == ClaimAnswer::Kind::fresh; }

NewEntry entry_of(std::string_view json) { return {.json = json, .exec_id = {}, .attempt = {}, .at = {1}}; }

/// SQL on a file, as a stranger would run it.
void sql(const std::string& path, const std::string& text) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) == SQLITE_OK);
  INFO(sqlite3_errmsg(db));
  CHECK(sqlite3_exec(db, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

std::string made(const TemporaryFolder& folder, int claims = 1) {
  const std::string path = folder.file("ledger.db");
  auto ledger = open(path);
  for (int i = 0; i < claims; ++i) REQUIRE(is_fresh(ledger->claim(claim_of("n-" + std::to_string(i)))));
  REQUIRE(ledger->append(entry_of("{}")).ok());
  return path;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

/// What a child process says: it runs `what` and its answer comes back through a pipe.
template <class What>
std::string in_child(What&& what) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string said = what();
    const bool sent = ::write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size());
    ::_exit(sent ? 0 : 1);
  }
  ::close(ends[1]);
  std::string said;
  char buffer[512];
  for (ssize_t size; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<std::size_t>(size));
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  return said;
}

class Here {
 public:
  explicit Here(const std::string& folder) : before_(fs::current_path()) { fs::current_path(folder); }
  ~Here() { fs::current_path(before_); }

 private:
  fs::path before_;
};

}  // namespace

TEST_CASE("A ledger's files are its owner's alone, whatever the umask") {
  TemporaryFolder folder;
  const mode_t before = ::umask(0);
  const std::string path = folder.file("ledger.db");
  auto ledger = open(path);
  REQUIRE(is_fresh(ledger->claim(claim_of("n"))));
  ::umask(before);
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) CHECK(mode_of(path + suffix) == 0600);
  CHECK_FALSE(fs::exists(path + ".new"));
  ledger.reset();
  CHECK_FALSE(fs::exists(path + "-wal"));
}

TEST_CASE("A second opening is told which process holds the ledger") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  auto held = open(path);
  const std::string in_use = "in use by process " + std::to_string(::getpid());
  CHECK_THAT(refusal(path), Contains(in_use));
  const std::string from_child = in_child([&] { return sqlite_ledger(path).status().detail(); });
  CHECK_THAT(from_child, Contains(in_use));
  fs::create_directory(folder.file("sub"));
  fs::create_symlink(path, folder.file("sub/alias.db"));
  CHECK_THAT(refusal(folder.file("sub/alias.db")), Contains(in_use));
  CHECK_THAT(refusal(folder.file("sub/../ledger.db")), Contains(in_use));
  CHECK(is_fresh(held->claim(claim_of("later"))));
  held.reset();
  CHECK(sqlite_ledger(path).ok());
}

TEST_CASE("A ledger whose process was killed opens at once") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto ledger = sqlite_ledger(path);
    const char opened = ledger.ok() ? 'y' : 'n';
    if (::write(ready[1], &opened, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char opened = 0;
  REQUIRE(::read(ready[0], &opened, 1) == 1);
  CHECK(opened == 'y');
  CHECK_THAT(refusal(path), Contains("in use by process " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(sqlite_ledger(path).ok());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("A forked child cannot use its parent's ledger, nor harm it by letting it go") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  auto ledger = open(path);
  const std::string said = in_child([&] {
    std::string details = ledger->claim(claim_of("child")).status().detail() + "|" +
                          ledger->find("acme", "n-0").status().detail() + "|" + ledger->ready().detail() + "|";
    ledger.reset();
    return details;
  });
  CHECK(std::count(said.begin(), said.end(), '|') == 3);
  std::size_t named = 0;
  for (std::size_t at = said.find("before fork()"); at != std::string::npos; at = said.find("before fork()", at + 1))
    ++named;
  CHECK(named == 3);
  CHECK(is_fresh(ledger->claim(claim_of("child"))));
  CHECK_THAT(refusal(path), Contains("in use"));
}

TEST_CASE("What is not a ledger is refused and left as it is") {
  TemporaryFolder folder;
  const std::string path = folder.file("other.db");
  std::string expected;
  SECTION("a text") {
    std::ofstream(path) << std::string(5000, 'x');
    expected = "not an SQLite database";
  }
  SECTION("a short file") {
    std::ofstream(path) << "SQLite format 3";
    expected = "shorter than";
  }
  SECTION("an empty file, which may have been a ledger") {
    std::ofstream(path).flush();
    expected = "empty";
  }
  SECTION("another application's database") {
    sql(path, "CREATE TABLE t (x); PRAGMA application_id = 77");
    expected = "another application";
  }
  SECTION("a database of no application") {
    sql(path, "CREATE TABLE t (x)");
    expected = "another application";
  }
  SECTION("another application's database with a log that waits to be written back") {
    // Copied while it is open, as after a crash.
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(folder.file("live.db").c_str(), &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)", nullptr,
                         nullptr, nullptr) == SQLITE_OK);
    fs::copy_file(folder.file("live.db"), path);
    fs::copy_file(folder.file("live.db-wal"), path + "-wal");
    sqlite3_close(db);
    expected = "not a ledger";
  }
  const std::string before = read_file(path);
  CHECK_THAT(refusal(path), Contains(expected));
  CHECK_THAT(refusal(path, read_only), Contains(expected));
  CHECK(read_file(path) == before);
}

TEST_CASE("A ledger of another schema is refused, with both numbers") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  sql(path, "PRAGMA user_version = 5");
  CHECK_THAT(refusal(path), Contains("schema 5") && Contains("schema 4"));
  sql(path, "PRAGMA user_version = 0");
  CHECK_THAT(refusal(path), Contains("schema 0"));
}

TEST_CASE("A ledger with foreign tables, triggers or lost indexes is refused") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  for (const char* change :
       {"CREATE TABLE extra (x)", "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM claims; END",
        "CREATE VIEW v AS SELECT 1", "CREATE INDEX i ON claims (count)", "DROP TABLE blocks"}) {
    fs::remove(folder.file("copy.db"));
    fs::copy_file(path, folder.file("copy.db"));
    sql(folder.file("copy.db"), change);
    INFO(change);
    CHECK_THAT(refusal(folder.file("copy.db")), Contains("damaged"));
    CHECK_THAT(refusal(folder.file("copy.db"), read_only), Contains("damaged"));
  }
}

TEST_CASE("A ledger that was cut short is refused") {
  TemporaryFolder folder;
  const std::string path = made(folder, 200);
  const auto size = fs::file_size(path);
  REQUIRE(size > 3 * 4096);
  for (auto cut : {size - 1, size - 4096, size / 2, std::uintmax_t{4096}, std::uintmax_t{4095}, std::uintmax_t{99}}) {
    const std::string copy = folder.file("copy.db");
    fs::copy_file(path, copy, fs::copy_options::overwrite_existing);
    fs::resize_file(copy, cut);
    INFO(cut);
    CHECK_FALSE(refusal(copy).empty());
  }
}

TEST_CASE("A log without its ledger is not taken for a new one") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  auto ledger = open(path);
  REQUIRE(is_fresh(ledger->claim(claim_of("n"))));
  fs::copy_file(path + "-wal", folder.file("lost.db-wal"));
  CHECK_THAT(refusal(folder.file("lost.db")), Contains("gone"));
}

TEST_CASE("A ledger that is moved or replaced under its executor takes no more claims") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  auto ledger = open(path);
  REQUIRE(is_fresh(ledger->claim(claim_of("before"))));
  fs::rename(path, folder.file("elsewhere.db"));
  auto answer = ledger->claim(claim_of("after"));
  CHECK(answer.code() == Code::store_failed);
  CHECK_THAT(answer.status().detail(), Contains("moved"));
  fs::rename(folder.file("elsewhere.db"), path);
  CHECK(ledger->claim(claim_of("after")).code() == Code::store_failed);
  CHECK(ledger->find("acme", "before").code() == Code::store_failed);
  CHECK(ledger->ready().code() == Code::store_failed);
}

TEST_CASE("A lock that was taken away lets nobody in, since the file itself is locked") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  auto first = open(path);
  REQUIRE(is_fresh(first->claim(claim_of("k"))));
  fs::remove(path + ".lock");
  CHECK_THAT(refusal(path), Contains("in use"));
  CHECK_THAT(in_child([&] { return sqlite_ledger(path).status().detail(); }), Contains("in use"));
  CHECK(is_fresh(first->claim(claim_of("m"))));
  first.reset();
  CHECK(is_fresh(open(path)->claim(claim_of("n"))));
}

TEST_CASE("An executor that finds a later opening stops writing") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  auto first = open(path);
  REQUIRE(is_fresh(first->claim(claim_of("k"))));
  {
    store::Database other(path, SQLITE_OPEN_READWRITE, nullptr);
    store::ReadQueries reads(other);
    store::WriteQueries writes(other, reads);
    writes.begin();
    store::Head head = reads.head();
    writes.add_opening({.path = path}, head);
    writes.set_head(head);
    writes.commit();
  }
  auto answer = first->claim(claim_of("m"));
  CHECK(answer.code() == Code::store_failed);
  CHECK_THAT(answer.status().detail(), Contains("another process"));
}

TEST_CASE("A hard link would give a ledger two locks, and is refused") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  fs::create_hard_link(path, folder.file("link.db"));
  CHECK_THAT(refusal(folder.file("link.db")), Contains("hard links"));
}

TEST_CASE("Reading only works beside a running executor and sees what it commits") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  auto writer = open(path);
  auto reader = open(path, read_only);
  for (int i = 0; i < 5; ++i) {
    const std::string nonce = "later-" + std::to_string(i);
    REQUIRE(is_fresh(writer->claim(claim_of(nonce))));
    REQUIRE(writer->append(entry_of("{}")).ok());
    CHECK(must(reader->find("acme", nonce), "find").has_value());
    CHECK(must(reader->size(), "size") == must(writer->size(), "size"));
    CHECK(must(reader->read(0, 100), "read").size() == must(reader->size(), "size"));
  }
  const std::string elsewhere = in_child([&] {
    auto ledger = sqlite_ledger(path, read_only);
    return ledger.ok() ? std::to_string((*ledger)->size().value()) : ledger.status().detail();
  });
  CHECK(elsewhere == "6");
}

TEST_CASE("What is opened for reading only cannot be written, and says so") {
  TemporaryFolder folder;
  const std::string path = made(folder);
  auto ledger = open(path, read_only);
  const Claim claim = claim_of("n-0");
  Seal seal;
  seal.tenant = claim.tenant;
  seal.nonce = claim.nonce;
  seal.exec_id = claim.exec_id;
  seal.entry = "{}";
  for (const Status& status : {ledger->claim(claim_of("n")).status(), ledger->seal(seal).status(),
                               ledger->append(entry_of("{}")).status(), ledger->pin("key", "value"), ledger->ready()}) {
    CHECK(status.code() == Code::store_failed);
    CHECK_THAT(status.detail(), Contains("reading only"));
  }
  CHECK(must(ledger->orphans(), "orphans").empty());
  CHECK(must(ledger->latest(), "latest").micros == 1);
  CHECK_THAT(refusal(folder.file("absent.db"), read_only), Contains("no ledger"));
  CHECK_FALSE(fs::exists(folder.file("absent.db")));
}

TEST_CASE("Odd characters in a path are a file's name and nothing else") {
  TemporaryFolder folder;
  for (const char* name : {"a?mode=memory", "a#b", "a%41", "a b", "'a\"", "file:a", "-a", ":memory:", "\xC3\xA9"}) {
    const std::string path = folder.file(name);
    INFO(path);
    { REQUIRE(is_fresh(open(path)->claim(claim_of("n")))); }
    CHECK(fs::exists(path));
    CHECK(must(open(path, read_only)->find("acme", "n"), "find").has_value());
  }
  CHECK(sqlite_ledger("").code() == Code::store_failed);
  CHECK(sqlite_ledger(folder.file("")).code() == Code::store_failed);
  CHECK(sqlite_ledger(folder.file(std::string("a\0b", 3))).code() == Code::store_failed);
  CHECK(sqlite_ledger(folder.file("no/such/folder.db")).code() == Code::store_failed);
  CHECK(sqlite_ledger("/dev/null").code() == Code::store_failed);
}

TEST_CASE("A ledger is opened by URL") {
  TemporaryFolder folder;
  const Here here(folder.file(""));
  REQUIRE(open_ledger("sqlite:///relative.db").ok());
  CHECK(fs::exists(folder.file("relative.db")));
  REQUIRE(open_ledger("sqlite:///" + folder.file("absolute.db")).ok());
  CHECK(fs::exists(folder.file("absolute.db")));
  REQUIRE(open_ledger("sqlite:///a%3Fb%23c%2541%20%c3%a9.db").ok());
  CHECK(fs::exists(folder.file("a?b#c%41 \xc3\xa9.db")));
  auto memory = must(open_ledger("sqlite://"), "memory");
  CHECK(is_fresh(memory->claim(claim_of("n"))));
  CHECK(must(open_ledger("sqlite:///relative.db", read_only), "read only")->ready().code() == Code::store_failed);
  for (const char* url : {"",
                          "sqlite:",
                          "sqlite:/",
                          "sqlite:///",
                          "sqlite://relative.db",
                          "sqlite:///:memory:",
                          "sqlite:///%3Amemory:",
                          "sqlite:///a%",
                          "sqlite:///a%4",
                          "sqlite:///a%4g",
                          "sqlite:///a%00.db",
                          "sqlite:///relative.db?",
                          "sqlite:///relative.db?timeout=5",
                          "sqlite:///relative.db?mode=ro",
                          "sqlite:///relative.db#",
                          "sqlite:///new.db#x?y",
                          "sqlite://?timeout=5",
                          "postgres://user:secret@host/db",
                          "SQLITE:///x.db",
                          "relative.db",
                          "/absolute.db"}) {
    INFO(url);
    auto refused = open_ledger(url);
    CHECK(refused.code() == Code::invalid_argument);
    CHECK(refused.status().detail().find("secret") == std::string::npos);
  }
  CHECK(open_ledger("sqlite://", read_only).code() == Code::invalid_argument);
  for (const auto& entry : fs::directory_iterator(folder.file(""))) {
    INFO(entry.path());
    const std::string name = entry.path().filename().string();
    CHECK((name.starts_with("relative.db") || name.starts_with("absolute.db") || name.starts_with("a?b#c%41")));
  }
}

TEST_CASE("A ledger's URL never leads to an empty ledger beside the one that earlier versions found by it") {
  TemporaryFolder folder;
  const Here here(folder.file(""));
  for (const char* name : {"l.db?timeout=5", "l%41.db", "l.db#1"}) {
    INFO(name);
    { REQUIRE(is_fresh(must(sqlite_ledger(name), "by its name")->claim(claim_of("spent")))); }
    for (const SqliteOptions& options : {SqliteOptions{}, read_only}) {
      const auto refused = open_ledger("sqlite:///" + std::string(name), options);
      CHECK(refused.code() == Code::invalid_argument);
      CHECK(refused.status().detail().find(name) != std::string::npos);
      CHECK(refused.status().detail().find(std::string(name) == "l%41.db" ? "\"lA.db\"" : "\"l.db\"") !=
            std::string::npos);
    }
  }
  CHECK_FALSE(fs::exists("l.db"));
  CHECK_FALSE(fs::exists("lA.db"));
  CHECK_FALSE(is_fresh(must(open_ledger("sqlite:///l.db%3Ftimeout=5"), "encoded")->claim(claim_of("spent"))));
}

TEST_CASE("A ledger that must exist is not created") {
  TemporaryFolder folder;
  const SqliteOptions must_exist{.must_exist = true};
  const std::string path = folder.file("ledger.db");
  for (const std::string& url : {"sqlite:///" + path, std::string("sqlite://")})
    CHECK_FALSE(open_ledger(url, must_exist).ok());
  CHECK(fs::is_empty(folder.file("")));
  CHECK(sqlite_ledger(path).ok());
  CHECK(sqlite_ledger(path, must_exist).ok());
}

TEST_CASE("Every query over the ledger goes by a key") {
  TemporaryFolder folder;
  store::Database database(made(folder), SQLITE_OPEN_READWRITE, nullptr);
  store::ReadQueries reads(database);
  const store::WriteQueries writes(database, reads);
  int checked = 0;
  for (sqlite3_stmt* each = nullptr; (each = sqlite3_next_stmt(database.handle(), each)) != nullptr;) {
    store::Statement plan(database, std::string("EXPLAIN QUERY PLAN ") + sqlite3_sql(each));
    store::Rows rows = plan.run();
    while (rows.next()) {
      const std::string step(rows.bytes(3));
      INFO(sqlite3_sql(each) << ": " << step);
      // In the order of the row number a scan stops at LIMIT or at the epoch's handful of running claims.
      const bool ends = std::string(sqlite3_sql(each)).find("LIMIT 1") != std::string::npos ||
                        step.find("SCAN r") == 0 || step.find("SCAN CONSTANT") == 0;
      CHECK((step.find("SCAN") == std::string::npos || ends));
      CHECK(step.find("TEMP B-TREE") == std::string::npos);
    }
    if (++checked > 100) break;
  }
  CHECK(checked >= 20);
}
