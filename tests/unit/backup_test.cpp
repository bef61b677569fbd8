// SPDX-License-Identifier: Apache-2.0
// A ledger's backup: made beside its executor, readable by its owner alone, whole, and of use when it is restored.
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include <openexec/hasher.hpp>
#include <openexec/ledger.hpp>

#include "conformance/suite.hpp"
#include "evidence/adoption.hpp"
#include "ledger/adopt.hpp"
#include "support/catch.hpp"
#include "support/parts.hpp"
#include "support/vectors.hpp"
#include "upkeep/backup.hpp"
#include "upkeep/log_audit.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

using Catch::Matchers::Contains;

Claim claim_of(const std::string& nonce) {
  Claim claim;
  claim.tenant = "acme";
  claim.nonce = nonce;
  claim.request_hash = jcs_sha256()->digest(nonce);
  claim.exec_id = jcs_sha256()->digest("id of " + nonce);
  claim.at = {1};
  return claim;
}

ClaimAnswer::Kind claimed(Ledger& ledger, const std::string& nonce) {
  return must(ledger.claim(claim_of(nonce)), "claim").kind;
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 0777U;
}

store::LogAudit audit(const std::string& path, const std::string& anchor) {
  store::AuditOptions options;
  options.well_formed = [](std::string_view, const Digest*) { return Status::success(); };
  options.anchor = anchor;
  return must(store::audit_log(path, options), "audit");
}

}  // namespace

TEST_CASE("A backup is made beside the executor, readable by its owner alone, and verifies with key and anchor") {
  TemporaryFolder folder;
  SqliteOptions options;
  options.log.anchor = folder.file("anchor");
  auto ledger = must(sqlite_ledger(folder.file("ledger.db"), options), "open");
  CHECK(claimed(*ledger, "before") == ClaimAnswer::Kind::fresh);
  const std::string text = "entry";
  REQUIRE(ledger->append({.json = text, .exec_id = {}, .attempt = jcs_sha256()->digest(text), .at = {1}}).ok());
  const std::string copy = folder.file("backup.db");
  const mode_t mask = ::umask(0);
  const auto copied = store::copy_ledger(folder.file("ledger.db"), copy, options.log.anchor);
  ::umask(mask);
  INFO(copied.status().detail());
  REQUIRE(copied.ok());
  CHECK(claimed(*ledger, "after") == ClaimAnswer::Kind::fresh);  // the executor goes on
  for (const char* suffix : {"", ".log-key", ".anchor"}) CHECK(mode_of(copy + suffix) == 0600);
  const auto found = audit(copy, copy + ".anchor");
  for (const auto& each : found.differences) UNSCOPED_INFO(each.what);
  CHECK(found.difference_count == 0);
  CHECK(found.entries == 1);
  CHECK(found.claims == 1);

  // It replaces nothing, and what it began is gone where it cannot be finished.
  CHECK_THAT(store::copy_ledger(folder.file("ledger.db"), copy).status().detail(), Contains("there already"));
  const std::string other = folder.file("other.db");
  CHECK_THAT(store::copy_ledger(folder.file("ledger.db"), other, folder.file("no-anchor")).status().detail(),
             Contains("no anchor"));
  CHECK_FALSE(fs::exists(other));
  CHECK_THAT(store::copy_ledger(folder.file("none.db"), other).status().detail(), Contains("no ledger"));
  CHECK_FALSE(fs::exists(other));
}

TEST_CASE("A restored backup opens once it is adopted, and what was spent before the backup stays spent") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db"), copy = folder.file("backup.db"),
                    again = folder.file("restored.db");
  auto ledger = must(sqlite_ledger(path), "open");
  CHECK(claimed(*ledger, "before") == ClaimAnswer::Kind::fresh);
  REQUIRE(store::copy_ledger(path, copy).ok());
  ledger.reset();
  REQUIRE(store::copy_ledger(copy, again).ok());
  CHECK_THAT(sqlite_ledger(again).status().detail(), Contains("adopt"));
  store::AdoptOptions adopting;
  adopting.entry = [](const std::string& identity, Timestamp floor, Timestamp now) {
    return exec::adoption_entry(
        {.kind = "adopt", .id = identity, .tenant = {}, .who = "ada", .why = "a test", .time = floor}, "acme",
        "openexec", now);
  };
  REQUIRE(store::adopt_ledger(again, adopting).ok());
  auto restored = must(sqlite_ledger(again), "open");
  CHECK(claimed(*restored, "before") != ClaimAnswer::Kind::fresh);
}

TEST_CASE("A backup is restored beside the key of the ledger that is gone, and never over another's") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db"), copy = folder.file("backup.db"), key = path + ".log-key";
  (void)must(sqlite_ledger(path), "open");
  REQUIRE(store::copy_ledger(path, copy).ok());
  fs::remove(path);
  const std::string mine = read_file(key);
  SECTION("the same key stays, also where the copy is removed again") {
    const auto made = must(store::copy_ledger(copy, path), "restore");
    CHECK(fs::exists(path));
    store::remove_copy(made);
    CHECK_FALSE(fs::exists(path));
    CHECK(read_file(key) == mine);
  }
  SECTION("another key is neither kept nor replaced") {
    std::ofstream(key, std::ios::trunc) << "another";
    CHECK_THAT(store::copy_ledger(copy, path).status().detail(), Contains("log-key is there already"));
    CHECK_FALSE(fs::exists(path));
    CHECK(read_file(key) == "another");
  }
  SECTION("a log of writes that the lost ledger left is not replayed into the backup") {
    std::ofstream(path + "-wal") << "what was written last";
    CHECK_THAT(store::copy_ledger(copy, path).status().detail(), Contains("-wal is there already"));
    CHECK_FALSE(fs::exists(path));
    CHECK(read_file(path + "-wal") == "what was written last");
  }
}

TEST_CASE("A backup that finds no room leaves nothing behind") {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db"), copy = folder.file("backup.db");
  (void)must(sqlite_ledger(path), "open");
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit small{8192, before.rlim_max};  // the key fits, the ledger does not
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto copied = store::copy_ledger(path, copy);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK_FALSE(copied.ok());
  for (const char* suffix : {"", "-wal", "-shm", "-journal", ".log-key"}) CHECK_FALSE(fs::exists(copy + suffix));
  CHECK(store::copy_ledger(path, copy).ok());
}
