// SPDX-License-Identifier: Apache-2.0
// One ledger file under two names: whatever the names are, one executor at a time has it.
#include <unistd.h>

#include <filesystem>

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
  Place() {
    fs::create_directory(folder.file("a"));
    fs::create_directory(folder.file("b"));
    REQUIRE(spend(one, "earlier") == "fresh");
  }
  /// An executor in a process of its own, which has spent "n" and goes on.
  [[nodiscard]] auto running() const {
    return [path = one](const auto& say) {
      const auto ledger = sqlite_ledger(path);
      say(ledger.ok() ? spend(**ledger, "n") : ledger.status().detail());
      for (;;) ::pause();
    };
  }

  TemporaryFolder folder;
  const std::string one = folder.file("a/ledger.db");
  const std::string other = folder.file("b/ledger.db");
};

/// What a second executor of the same inode gets to hear. Its lock has another name.
void check_second(const Place& place) {
  fs::copy_file(place.one + ".log-key", place.other + ".log-key", fs::copy_options::skip_existing);
  CHECK_THAT(spend(place.other, "n"), Contains("in use") || Contains("hard links"));
}

}  // namespace

TEST_CASE("A ledger that is moved under its executor has no second executor") {
  const Place place;
  Child executor(place.running());
  REQUIRE(executor.line() == "fresh");
  fs::rename(place.one, place.other);
  check_second(place);
}

TEST_CASE("A hard link to a running ledger gives it no second executor, also when the first name is gone") {
  const Place place;
  Child executor(place.running());
  REQUIRE(executor.line() == "fresh");
  fs::create_hard_link(place.one, place.other);
  check_second(place);
  fs::remove(place.one);
  check_second(place);
}

TEST_CASE("A running ledger whose lock file is removed has no second executor") {
  const Place place;
  Child executor(place.running());
  REQUIRE(executor.line() == "fresh");
  fs::remove(place.one + ".lock");
  CHECK_THAT(spend(place.one, "n"), Contains("in use"));
}

TEST_CASE("Two openings in one process exclude each other, and the refused one drops no lock of the first") {
  const Place place;
  auto first = sqlite_ledger(place.one);
  REQUIRE(first.ok());
  REQUIRE(spend(**first, "n") == "fresh");
  fs::remove(place.one + ".lock");
  for (int i = 0; i < 3; ++i) CHECK_THAT(spend(place.one, "n"), Contains("in use"));
  {
    const auto reader = sqlite_ledger(place.one, {.read_only = true});
    REQUIRE(reader.ok());
    CHECK((*reader)->find("acme", "n").ok());
  }
  // A process that could take the file for its own would move the log and remove it.
  Child other([&](const auto& say) { say(spend(place.one, "n")); });
  CHECK_THAT(other.line(), Contains("in use"));
  CHECK(spend(**first, "n") == "known");
  CHECK(spend(**first, "later") == "fresh");
}

TEST_CASE("When the executor is gone, the file opens under its new name and remembers") {
  const Place place;
  { REQUIRE(spend(place.one, "n") == "fresh"); }
  fs::rename(place.one, place.other);
  fs::rename(place.one + ".log-key", place.other + ".log-key");
  CHECK(spend(place.other, "n") == "known");
}
