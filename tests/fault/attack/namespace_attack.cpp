// SPDX-License-Identifier: Apache-2.0
// What containers make possible: a file that is mounted under two names, and a child that has its parent's process
// number. Needs the right to make namespaces; says SKIPPED without it.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

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

/// Whether a child may make such a namespace. Tried in a child, so that the test stays where it is.
bool may_unshare(int flags) {
  Child child([&](const auto& say) { say(::unshare(flags) == 0 ? "yes" : std::strerror(errno)); });
  const std::string answer = child.line();
  if (answer == "yes") return true;
  std::cout << "SKIPPED: this machine makes no namespace: " << answer << "\n";
  return false;
}

/// In a mount namespace of its own: mounts the file over another file.
bool mount_file(const std::string& file, const std::string& over) {
  std::ofstream(over).flush();
  return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount(file.c_str(), over.c_str(), nullptr, MS_BIND, nullptr) == 0;
}

/// Calls `what` in a child that has this process's number, which is 1 in a namespace of its own.
template <class What>
void in_child_of_same_number(const What& what) {
  if (::unshare(CLONE_NEWPID) != 0) return;
  Child same(what);
  (void)same.line();
  same.wait();
}

/// The process with number 1 of a new namespace. It says what its child of the same number could do, and what it can do
/// after that.
auto twins(const std::function<std::shared_ptr<Ledger>()>& open) {
  return [open](const auto& say) {
    if (::unshare(CLONE_NEWPID) != 0) return;
    Child first([&](const auto&) {
      const auto ledger = open();
      in_child_of_same_number([&](const auto& done) {
        say(::getpid() == 1 ? "equal" : "different");
        say(spend(*ledger, "n"));
        const auto found = ledger->find("acme", "n");
        say(found.ok() ? "found" : found.status().detail());
        done("done");
      });
      say(spend(*ledger, "n"));
    });
    first.wait();
  };
}

void check_twins(const std::function<std::shared_ptr<Ledger>()>& open) {
  Child parent(twins(open));
  REQUIRE(parent.line() == "equal");
  CHECK_THAT(parent.line(), Contains("before fork()"));
  CHECK_THAT(parent.line(), Contains("before fork()"));
  CHECK(parent.line() == "fresh");
}

}  // namespace

TEST_CASE("A ledger that is mounted as a single file is refused, for reading too") {
  if (!may_unshare(CLONE_NEWNS)) return;
  TemporaryFolder folder;
  for (const char* each : {"a", "b"}) fs::create_directory(folder.file(each));
  const std::string one = folder.file("a/ledger.db");
  const std::string other = folder.file("b/ledger.db");
  REQUIRE(spend(one, "earlier") == "fresh");
  fs::copy_file(one + ".log-key", other + ".log-key");
  Child container([&](const auto& say) {
    say(mount_file(one, other) ? "mounted" : std::strerror(errno));
    Child first([&](const auto& tell) {
      const auto ledger = sqlite_ledger(one);
      tell(ledger.ok() ? spend(**ledger, "n") : ledger.status().detail());
      for (;;) ::pause();
    });
    say(first.line());
    say(spend(other, "n"));
    const auto reader = sqlite_ledger(other, {.read_only = true});
    say(reader.ok() ? "read" : reader.status().detail());
  });
  REQUIRE(container.line() == "mounted");
  CHECK(container.line() == "fresh");
  CHECK_THAT(container.line(), Contains("mount point"));
  CHECK_THAT(container.line(), Contains("mount point"));
}

TEST_CASE("A ledger in a folder that is mounted twice has one executor") {
  if (!may_unshare(CLONE_NEWNS)) return;
  TemporaryFolder folder;
  for (const char* each : {"a", "b"}) fs::create_directory(folder.file(each));
  const std::string one = folder.file("a/ledger.db");
  REQUIRE(spend(one, "earlier") == "fresh");
  Child container([&](const auto& say) {
    const bool mounted = ::unshare(CLONE_NEWNS) == 0 &&
                         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         ::mount(folder.file("a").c_str(), folder.file("b").c_str(), nullptr, MS_BIND, nullptr) == 0;
    say(mounted ? "mounted" : std::strerror(errno));
    {
      const auto first = sqlite_ledger(one);
      say(first.ok() ? spend(**first, "n") : first.status().detail());
      say(spend(folder.file("b/ledger.db"), "n"));
    }
    say(spend(folder.file("b/ledger.db"), "n"));
  });
  REQUIRE(container.line() == "mounted");
  CHECK(container.line() == "fresh");
  CHECK_THAT(container.line(), Contains("in use"));
  CHECK(container.line() == "known");
}

TEST_CASE("A forked child with its parent's number has no memory ledger") {
  if (!may_unshare(CLONE_NEWPID)) return;
  check_twins([] { return memory_ledger(); });
}

TEST_CASE("A forked child with its parent's number has no SQLite ledger") {
  if (!may_unshare(CLONE_NEWPID)) return;
  TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  check_twins([&] { return sqlite_ledger(path).value(); });
}
