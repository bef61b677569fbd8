// SPDX-License-Identifier: Apache-2.0
// A ledger without its write-ahead log, with a torn end, or beside a reader that does not let go: nothing that was
// spent runs again, and nothing that is whole is refused.
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <openexec/ledger.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/nonces.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

using Catch::Matchers::Contains;

struct Place {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");

  /// Spends "n" in a process that is killed then.
  void spend_and_die(int more = 0) const {
    Child executor([&](const auto& say) {
      const auto ledger = sqlite_ledger(path);
      for (int i = 0; i < more; ++i) (void)spend(**ledger, "more-" + std::to_string(i));
      say(ledger.ok() ? spend(**ledger, "n") : ledger.status().detail());
      for (;;) ::pause();
    });
    REQUIRE(executor.line() == "fresh");
  }
  void lose_log() const {
    fs::remove(path + "-wal");
    fs::remove(path + "-shm");
  }
};

/// Another program's connection with an open transaction, as a backup has it.
class BackupReader {
 public:
  explicit BackupReader(const std::string& path) {
    REQUIRE(sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
    sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    REQUIRE(sqlite3_exec(db_, "BEGIN; SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  BackupReader(const BackupReader&) = delete;
  BackupReader& operator=(const BackupReader&) = delete;
  ~BackupReader() { sqlite3_close(db_); }

 private:
  sqlite3* db_ = nullptr;
};

/// The same in a process of its own, which goes on until it is killed.
auto backup_of(const std::string& path) {
  return [path](const auto& say) {
    const BackupReader reader(path);
    say("reading");
    for (;;) ::pause();
  };
}

}  // namespace

TEST_CASE("A ledger whose write-ahead log is lost after a kill is refused") {
  const Place place;
  REQUIRE(spend(place.path, "earlier") == "fresh");
  SECTION("with everything in the log") { place.spend_and_die(); }
  SECTION("after the log was moved many times") { place.spend_and_die(600); }
  place.lose_log();
  CHECK_THAT(spend(place.path, "n"), Contains("write-ahead log is lost"));
  CHECK_THAT(spend(place.path, "n"), Contains("write-ahead log is lost"));  // an attempt changes nothing
  CHECK(sqlite_ledger(place.path, {.read_only = true}).ok());
  CHECK_THAT(spend(place.path, "n"), Contains("write-ahead log is lost"));  // a reader makes an empty log
}

TEST_CASE("A ledger whose first process was killed and whose log is lost is refused") {
  const Place place;
  place.spend_and_die();
  place.lose_log();
  CHECK_THAT(spend(place.path, "n"), Contains("write-ahead log is lost"));
}

TEST_CASE("An emptied write-ahead log is a lost one") {
  const Place place;
  place.spend_and_die();
  fs::resize_file(place.path + "-wal", 0);
  CHECK_THAT(spend(place.path, "n"), Contains("write-ahead log is lost"));
}

TEST_CASE("A copy of a running ledger's main file alone is refused") {
  const Place place;
  REQUIRE(spend(place.path, "earlier") == "fresh");
  const auto ledger = sqlite_ledger(place.path);
  REQUIRE(ledger.ok());
  REQUIRE(spend(**ledger, "n") == "fresh");
  const std::string copy = place.folder.file("copy.db");
  fs::copy_file(place.path, copy);
  fs::copy_file(place.path + ".log-key", copy + ".log-key");
  CHECK_THAT(spend(copy, "n"), Contains("write-ahead log is lost"));
}

TEST_CASE("After a clean stop everything is in the main file") {
  const Place place;
  {
    const auto ledger = sqlite_ledger(place.path);
    REQUIRE(ledger.ok());
    REQUIRE(spend(**ledger, "n") == "fresh");
    REQUIRE((*ledger)->find("acme", "n").ok());  // its reader has a connection too
  }
  place.lose_log();
  CHECK(spend(place.path, "n") == "known");
}

TEST_CASE("A kill alone loses nothing") {
  const Place place;
  place.spend_and_die(600);
  CHECK(spend(place.path, "n") == "known");
  CHECK(spend(place.path, "more-0") == "known");
}

TEST_CASE("A last page that is torn is completed from the write-ahead log") {
  const Place place;
  REQUIRE(spend(place.path, "earlier") == "fresh");
  place.spend_and_die(500);
  std::ofstream(place.path, std::ios::app | std::ios::binary) << std::string(1234, 'x');
  CHECK(spend(place.path, "n") == "known");
  CHECK(fs::file_size(place.path) % 4096 == 0);
}

TEST_CASE("A last page that is torn is refused where no log has it") {
  const Place place;
  REQUIRE(spend(place.path, "n") == "fresh");
  fs::resize_file(place.path, fs::file_size(place.path) - 1234);
  CHECK_THAT(spend(place.path, "n"), Contains("within a page"));
}

TEST_CASE("A ledger starts beside a backup that reads it, after a clean stop and after a kill") {
  const Place place;
  REQUIRE(spend(place.path, "earlier") == "fresh");
  SECTION("the reader saw the ledger before the last commits") {
    Child backup([&](const auto& say) { backup_of(place.path)(say); });
    REQUIRE(backup.line() == "reading");
    place.spend_and_die(50);
    CHECK(spend(place.path, "n") == "known");
    CHECK(spend(place.path, "after") == "fresh");
    backup.kill();
    CHECK(spend(place.path, "after") == "known");
  }
  SECTION("the reader saw what a killed process left") {
    place.spend_and_die(50);
    Child backup([&](const auto& say) { backup_of(place.path)(say); });
    REQUIRE(backup.line() == "reading");
    CHECK(spend(place.path, "later") == "fresh");
  }
  CHECK(spend(place.path, "n") == "known");
}

TEST_CASE("The open mark is in the main file before the first claim, also beside a backup") {
  const Place place;
  REQUIRE(spend(place.path, "earlier") == "fresh");
  Child backup([&](const auto& say) { backup_of(place.path)(say); });
  REQUIRE(backup.line() == "reading");
  place.spend_and_die();
  backup.kill();
  place.lose_log();
  CHECK_THAT(spend(place.path, "n"), Contains("write-ahead log is lost"));
}
