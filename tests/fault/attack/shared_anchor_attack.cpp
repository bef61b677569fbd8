// SPDX-License-Identifier: Apache-2.0
// Two forks of one ledger with one anchor: it belongs to one writer, and no writer overwrites what another wrote.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <openexec/ledger.hpp>

#include "support/catch.hpp"
#include "support/keys.hpp"
#include "support/log.hpp"
#include "support/nonces.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;
namespace fs = std::filesystem;

namespace {

using Catch::Matchers::Contains;

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Status append(Ledger& ledger, const std::string& json) {
  return ledger.append({.json = json, .exec_id = {}, .attempt = {}, .at = {1}}).status();
}

/// Two ledgers of one log: the second is what the first was before its first entry.
struct Forks {
  TemporaryFolder folder;
  SqliteOptions options;
  std::string first = folder.file("one.db");
  std::string second = folder.file("two.db");

  Forks() {
    options.log.origin = "example.com/log";
    options.log.anchor = folder.file("anchor");
    { REQUIRE(sqlite_ledger(first, options).ok()); }
    fs::copy_file(first + ".log-key", second + ".log-key");
  }
};

}  // namespace

TEST_CASE("A second fork does not get the anchor as long as the first runs") {
  Forks forks;
  const auto one = sqlite_ledger(forks.first, forks.options);
  REQUIRE(one.ok());
  const auto two = sqlite_ledger(forks.second, forks.options);
  CHECK(two.code() == Code::store_failed);
  CHECK_THAT(two.status().detail(), Contains("anchor is in use"));
  CHECK(append(**one, "{}").ok());
}

TEST_CASE("A writer whose anchor another program changed stops, and leaves it as it is") {
  Forks forks;
  const auto one = sqlite_ledger(forks.first, forks.options);
  REQUIRE(one.ok());
  REQUIRE(append(**one, "{}").ok());
  const std::string before = content(forks.options.log.anchor);
  REQUIRE(append(**one, "{}").ok());
  SECTION("back to what it was") { std::ofstream(forks.options.log.anchor, std::ios::trunc) << before; }
  SECTION("back to what it was, under the same name") {
    std::ofstream(forks.folder.file("other")) << before;
    fs::rename(forks.folder.file("other"), forks.options.log.anchor);
  }
  SECTION("longer") { std::ofstream(forks.options.log.anchor, std::ios::app) << "more\n"; }
  SECTION("removed") { fs::remove(forks.options.log.anchor); }
  SECTION("to something else") { std::ofstream(forks.options.log.anchor, std::ios::trunc) << "another\n"; }
  const std::string theirs = content(forks.options.log.anchor);
  // The commit that finds out may have taken place; nothing comes after it.
  (void)append(**one, "{}");
  const Status after = append(**one, "{}");
  CHECK(after.code() == Code::store_failed);
  CHECK_THAT(after.detail(), Contains("anchor was changed"));
  CHECK_FALSE(spend(**one, "n") == "fresh");
  CHECK(content(forks.options.log.anchor) == theirs);
}

TEST_CASE("An anchor that was put back as it was goes on under its name, and not in the file that is gone") {
  Forks forks;
  const auto one = sqlite_ledger(forks.first, forks.options);
  REQUIRE(one.ok());
  REQUIRE(append(**one, "{}").ok());
  fs::copy_file(forks.options.log.anchor, forks.folder.file("copy"));
  fs::rename(forks.folder.file("copy"), forks.options.log.anchor);
  REQUIRE(append(**one, "{}").ok());
  CHECK_THAT(content(forks.options.log.anchor), Contains("\n2\n"));  // the size of the tree
}

TEST_CASE("An anchor is free again when its writer has closed") {
  Forks forks;
  for (int i = 0; i < 3; ++i) {
    const auto one = sqlite_ledger(forks.first, forks.options);
    REQUIRE(one.ok());
    CHECK(append(**one, "{}").ok());
  }
}
