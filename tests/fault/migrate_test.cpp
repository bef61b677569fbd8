// SPDX-License-Identifier: Apache-2.0
// A ledger of schema 3 becomes one of this library's schema: nothing that it knew is lost, and whatever ends it early,
// the old ledger is whole.
//
// tests/vectors/ledger_schema_3.sql is the dump of a ledger that the library of commit 90e5cf2 wrote through its public
// interface, with small blocks: 124 claims of two tenants, of which 4 are open, others sealed, failed, in doubt, or
// settled after a doubt; refusals under the same exec_ids, a result of 7 KB, pruned results, a revocation, a halt, and
// an index of six levels with merges under way.
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>

#include <openexec/ledger.hpp>

#include "crypto/sha256.hpp"
#include "fault/told.hpp"
#include "ledger/sqlite.hpp"
#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/fault_vfs.hpp"
#include "support/keys.hpp"
#include "support/parts.hpp"
#include "support/vectors.hpp"
#include "upkeep/log_audit.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

using Catch::Matchers::Contains;

FaultVfs* watching = nullptr;  // of a child that is going to fail

}  // namespace

// The linker leads the library's calls here (--wrap): what it does past SQLite fails, and is killed, as SQLite's calls.
extern "C" {
ssize_t __real_write(int fd, const void* bytes, size_t size);
int __real_rename(const char* from, const char* to);
int __real_fsync(int fd);
int __real_unlink(const char* path);
ssize_t __wrap_write(int fd, const void* bytes, size_t size);
int __wrap_rename(const char* from, const char* to);
int __wrap_fsync(int fd);
int __wrap_unlink(const char* path);

int as_system_call(const std::function<int()>& real) {
  int done = 0;
  if (watching->step([&] { done = real(); })) return done;
  errno = EIO;
  return -1;
}
ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
  if (watching == nullptr) return __real_write(fd, bytes, size);
  return as_system_call([&] { return static_cast<int>(__real_write(fd, bytes, size)); });
}
int __wrap_rename(const char* from, const char* to) {
  if (watching == nullptr) return __real_rename(from, to);
  return as_system_call([&] { return __real_rename(from, to); });
}
int __wrap_fsync(int fd) {
  if (watching == nullptr) return __real_fsync(fd);
  return as_system_call([] { return 0; });
}
int __wrap_unlink(const char* path) {
  if (watching == nullptr) return __real_unlink(path);
  return as_system_call([&] { return __real_unlink(path); });
}
}

namespace {

constexpr std::int32_t application = 0x4f784c67;

void sql(const std::string& path, const std::string& text) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) == SQLITE_OK);
  char* error = nullptr;
  const int code = sqlite3_exec(db, text.c_str(), nullptr, nullptr, &error);
  INFO((error != nullptr ? error : ""));
  CHECK(code == SQLITE_OK);
  sqlite3_free(error);
  sqlite3_close(db);
}

void make_old(const std::string& path) {
  fs::remove(path);
  sql(path, "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;" + read_file(vectors() / "ledger_schema_3.sql"));
  sql(path, "PRAGMA application_id = " + std::to_string(application) + "; PRAGMA user_version = 3");
}

std::uint32_t schema_in_header(const std::string& path) {
  const std::string bytes = read_file(path);
  REQUIRE(bytes.size() > 64);
  return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[63]));
}

SqliteOptions its_log() {
  SqliteOptions options;
  options.log.key_pem = must(key_of("the log of an old ledger").to_pem(), "the key");
  return options;
}

store::SqliteInternals small() {
  store::SqliteInternals internals;
  internals.keys = {.leaf = 3, .fences = 2, .flush = 5, .generation = 15, .growth = 2};
  return internals;
}

std::string tenant_of(int i) { return i % 5 == 0 ? "beta" : "acme"; }
std::string approval_of(int i) { return i % 7 == 3 ? "" : "approval-" + std::to_string(i); }

/// The nonce's own request, again.
struct Again {
  explicit Again(int i) : tenant(tenant_of(i)), nonce("nonce-" + std::to_string(i)), approval(approval_of(i)) {
    claim.tenant = tenant;
    claim.nonce = nonce;
    claim.action = i % 2 != 0 ? "pay" : "echo";
    claim.exec_id = digest_of("exec " + std::to_string(i));
    claim.request_hash = digest_of("request " + std::to_string(i));
    claim.approval_id = approval;
    claim.approval = "null";
    claim.at = {1};
  }
  std::string tenant, nonce, approval;
  Claim claim;
};

NonceState state_of(int i) {
  if (i >= 120) return NonceState::claimed;
  return i % 9 != 8 && i % 16 == 15 && i != 15 ? NonceState::in_doubt : NonceState::sealed;
}

std::string result_of(int i, const std::string& stored) {
  if (i >= 120) return "";
  if (i % 9 == 8) return "null";
  if (i == 15) return R"({"settled":15})";
  if (i % 16 == 15) return "null";
  if (i == 40) return stored.size() == 7'002 ? stored : "the large result";
  if (stored.empty()) return "";  // pruned; which ones is checked by their number
  return R"({"paid":)" + std::to_string(i) + "}";
}

void check_everything_is_known(Ledger& ledger) {
  int pruned = 0;
  for (int i = 0; i < 124; ++i) {
    const Again again(i);
    INFO(again.nonce);
    const auto answer = must(ledger.claim(again.claim), "claim");
    REQUIRE(answer.kind == ClaimAnswer::Kind::exists);
    REQUIRE(answer.record);
    CHECK(answer.record->state == state_of(i));
    CHECK(answer.record->result == result_of(i, answer.record->result));
    CHECK(must(ledger.find(again.tenant, again.nonce), "find")->state == state_of(i));
    if (i < 120 && answer.record->result.empty()) ++pruned;
    Claim other = again.claim;
    other.nonce = "another nonce";
    other.exec_id = digest_of("another");
    if (again.approval.empty()) continue;
    CHECK(must(ledger.claim(other), "another").kind == ClaimAnswer::Kind::approval_spent);
  }
  CHECK(pruned == 11);
  CHECK(must(ledger.size(), "size") == 155);
  CHECK(must(ledger.latest(), "latest").micros > 1'700'000'200'000'000);
  CHECK(must(ledger.controls(), "controls").size() == 2);
  CHECK(ledger.pin("hasher", "another").code() == Code::store_failed);
  CHECK(ledger.pin("hasher", "jcs-sha256").ok());
  // Refusals before the execution, and the execution: all of it is found, in order.
  const auto lines = must(ledger.find_entries(digest_of("exec 0"), 100), "find");
  REQUIRE(lines.size() == 4);
  CHECK_THAT(lines[2].json, Contains("\"seal\":0"));
  // An attempt that was logged before is not logged again.
  const NewEntry early{.json = "{}", .exec_id = digest_of("exec 0"), .attempt = digest_of("attempt early0"), .at = {1}};
  CHECK(must(ledger.append(early), "append") == 0);
  CHECK(must(ledger.size(), "size") == 155);
}

void check_audit(const std::string& path) {
  const auto audit = must(store::audit_log(path, {}), "audit");
  for (const auto& each : audit.differences) UNSCOPED_INFO(each.what);
  CHECK(audit.difference_count == 0);
  CHECK(audit.claims == 124);
}

}  // namespace

TEST_CASE("A ledger of schema 3 opens with everything that it knew, and stays what it became") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  make_old(path);
  REQUIRE(schema_in_header(path) == 3);
  {
    auto ledger = must(sqlite_ledger(path, its_log()), "open");
    CHECK(must(ledger->orphans(), "orphans").size() == 4);
    check_everything_is_known(*ledger);
  }
  CHECK(schema_in_header(path) == 4);  // which the library before refuses: "schema 4; this library reads schema 3"
  CHECK_FALSE(fs::exists(path + ".new"));
  check_audit(path);
  auto ledger = must(sqlite_ledger(path, its_log()), "open again");
  check_everything_is_known(*ledger);
  Seal seal;
  const Again open(121);
  seal.tenant = open.claim.tenant;
  seal.nonce = open.claim.nonce;
  seal.exec_id = open.claim.exec_id;
  seal.state = NonceState::in_doubt;
  seal.entry = "{}";
  seal.at = {1};
  CHECK(ledger->seal(seal).ok());
  CHECK(must(ledger->orphans(), "orphans").size() == 3);
}

TEST_CASE("Reading a ledger of schema 3 says what to do, and changes nothing") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  make_old(path);
  const std::string before = read_file(path);
  const auto refused = sqlite_ledger(path, {.read_only = true, .log = {}});
  CHECK(refused.code() == Code::store_failed);
  CHECK_THAT(refused.status().detail(), Contains("schema 3") && Contains("migrates"));
  CHECK(store::audit_log(path, {}).code() == Code::store_failed);
  CHECK(read_file(path) == before);
}

TEST_CASE("A ledger of schema 3 that is damaged, or that somebody reads, is left as it is") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  for (const char* damage :
       {"DELETE FROM claims WHERE id = 7", "DELETE FROM entries WHERE idx = 30", "DELETE FROM outcomes WHERE claim = 9",
        "UPDATE outcomes SET entry = 10000 WHERE claim = 9", "UPDATE entries SET json = '{}' WHERE idx = 30",
        "UPDATE head SET running = x''", "UPDATE entries SET json = '{}' WHERE idx = 154", "CREATE TABLE extra (x)"}) {
    make_old(path);
    sql(path, damage);
    INFO(damage);
    const auto refused = sqlite_ledger(path, its_log());
    CHECK(refused.code() == Code::store_failed);
    CHECK_THAT(refused.status().detail(), Contains("damaged"));
    CHECK(schema_in_header(path) == 3);
  }
  make_old(path);
  sqlite3* reader = nullptr;
  REQUIRE(sqlite3_open_v2(path.c_str(), &reader, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM claims", nullptr, nullptr, nullptr) == SQLITE_OK);
  CHECK_THAT(sqlite_ledger(path, its_log()).status().detail(), Contains("close its readers"));
  sqlite3_close(reader);
  CHECK(sqlite_ledger(path, its_log()).ok());
}

TEST_CASE("Whatever call fails, or is the last before a kill, a migration ends with the old ledger or the new one") {
  TemporaryFolder folder{folder_in_memory()};
  const std::string path = folder.file("ledger.db"), old = folder.file("old.db");
  make_old(old);
  const auto step = static_cast<std::uint64_t>(campaign(37, 1));
  FaultVfs vfs("openexec-migrate");
  store::SqliteInternals internals = small();
  internals.vfs = vfs.name();
  bool old_was_left = false, reached = true;
  for (std::uint64_t nth = 1; reached; nth += step) {
    for (const char* suffix : {".new", "-wal", "-shm", "-journal"}) fs::remove(path + suffix);
    fs::copy_file(old, path, fs::copy_options::overwrite_existing);
    vfs.forget_files();
    const Fault::How how = nth % 3 == 0 ? Fault::How::without_doing_it
                                        : (nth % 3 == 1 ? Fault::How::killed_before : Fault::How::killed_inside);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      watching = &vfs;
      vfs.arm({nth, how, Fault::for_ever, SQLITE_IOERR});
      (void)store::open_sqlite(path, its_log(), internals);
      watching = nullptr;
      const char said = vfs.reached() ? 'r' : 'n';
      ::_exit(::write(ends[1], &said, 1) == 1 ? 0 : 1);
    }
    ::close(ends[1]);
    char said = 'r';  // who was killed says nothing
    if (::read(ends[0], &said, 1) != 1) said = 'r';
    ::close(ends[0]);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    reached = said == 'r';
    INFO("call " << nth);
    const std::uint32_t schema = schema_in_header(path);
    REQUIRE((schema == 3 || schema == 4));
    old_was_left = old_was_left || schema == 3;
    auto ledger = must(store::open_sqlite(path, its_log(), small()), "open");
    check_everything_is_known(*ledger);
  }
  CHECK(old_was_left);
}
