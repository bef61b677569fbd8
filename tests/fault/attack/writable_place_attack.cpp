// SPDX-License-Identifier: Apache-2.0
// A ledger that others may write, or that lies on a file system that is not this machine's: refused, with what to do.
#include <sys/stat.h>
#include <sys/statfs.h>

#include <filesystem>
#include <optional>
#include <vector>

#include <openexec/ledger.hpp>

#include "sqlite/path_check.hpp"
#include "support/catch.hpp"
#include "support/nonces.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

std::optional<long> pretended_magic;

}  // namespace

// The linker leads the library's calls here (--wrap): no test mounts a network file system.
extern "C" {
int __real_statfs(const char* path, struct statfs* status);
int __wrap_statfs(const char* path, struct statfs* status);
int __wrap_statfs(const char* path, struct statfs* status) {
  const int answer = __real_statfs(path, status);
  if (pretended_magic) status->f_type = *pretended_magic;
  return answer;
}
}

namespace {

using Catch::Matchers::Contains;

struct Place {
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  std::vector<std::string> warnings;
  SqliteOptions options;

  Place() {
    REQUIRE(spend(path, "n") == "fresh");
    options.warn = [this](const std::string& finding) { warnings.push_back(finding); };
  }
  void mode(const std::string& name, mode_t mode) const { REQUIRE(::chmod(folder.file(name).c_str(), mode) == 0); }
};

}  // namespace

TEST_CASE("A ledger that every user may write or replace is refused, and in a demonstration warned about") {
  Place place;
  SECTION("its folder") { place.mode("", 0777); }
  SECTION("its file") { place.mode("ledger.db", 0666); }
  SECTION("its log's key") { place.mode("ledger.db.log-key", 0602); }
  CHECK_THAT(spend(place.path, "n", place.options), Contains("every user may write") && Contains("chmod o-w"));
  CHECK(place.warnings.empty());
  place.options.others_may_write = true;
  CHECK(spend(place.path, "n", place.options) == "known");
  REQUIRE(place.warnings.size() == 1);
  CHECK_THAT(place.warnings[0], Contains("every user may write"));
}

TEST_CASE("A new ledger in a folder that every user may write is not made") {
  TemporaryFolder folder;
  REQUIRE(::chmod(folder.file("").c_str(), 0777) == 0);
  CHECK_THAT(spend(folder.file("new.db"), "n"), Contains("every user may write"));
  CHECK(fs::is_empty(folder.file("")));
}

TEST_CASE("A folder with the sticky bit is the system's folder for such things, and serves") {
  Place place;
  place.mode("", 01777);
  CHECK(spend(place.path, "n", place.options) == "known");
  CHECK(place.warnings.empty());
}

TEST_CASE("What a group may write is warned about") {
  Place place;
  place.mode("", 0770);
  place.mode("ledger.db", 0660);
  CHECK(spend(place.path, "n", place.options) == "known");
  REQUIRE(place.warnings.size() >= 2);
  CHECK_THAT(place.warnings[0], Contains("its group may write"));
  CHECK(spend(place.path, "n") == "known");  // nobody asked to be told
}

TEST_CASE("A ledger on a file system that is shared or answered for by a program is refused, unless told") {
  Place place;
  struct Reset {
    ~Reset() { pretended_magic.reset(); }
  } reset;
  for (const auto& [magic, name] : std::vector<std::pair<long, std::string>>{{0x6969, "NFS"},
                                                                             {0x517b, "SMB"},
                                                                             {0xff534d42, "CIFS"},
                                                                             {static_cast<int>(0xff534d42), "CIFS"},
                                                                             {0xfe534d42, "SMB2"},
                                                                             {0x65735546, "FUSE or virtiofs"},
                                                                             {0x01021997, "9p"}}) {
    INFO(name);
    pretended_magic = magic;
    place.options = {};
    CHECK_THAT(spend(place.path, "n", place.options), Contains(name) && Contains("local file system"));
    std::vector<std::string> told;
    place.options.unsafe_file_system = true;
    place.options.warn = [&](const std::string& finding) { told.push_back(finding); };
    CHECK(spend(place.path, "n", place.options) == "known");
    REQUIRE(told.size() == 1);
    CHECK_THAT(told[0], Contains(name));
  }
  pretended_magic = 0xef53;  // ext4
  CHECK(spend(place.path, "n") == "known");
}
