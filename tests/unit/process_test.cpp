// SPDX-License-Identifier: Apache-2.0
// What belongs to a process, and what a forked child does with a copy of it.
#include <sys/mman.h>
#include <unistd.h>

#include <openexec/ledger.hpp>

#include "base/process.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/nonces.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

bool old_kernel = false;

}  // namespace

extern "C" {
int __real_madvise(void* address, size_t size, int advice);
int __wrap_madvise(void* address, size_t size, int advice);
int __wrap_madvise(void* address, size_t size, int advice) {
  return old_kernel && advice == MADV_WIPEONFORK ? -1 : __real_madvise(address, size, advice);
}
}

namespace {

using Catch::Matchers::Contains;

void check_own_process() {
  const base::OwnProcess mine;
  CHECK(mine.here());
  CHECK(mine.number() == ::getpid());
  Child child([&](const auto& say) {
    const base::OwnProcess its_own;
    say(mine.here() ? "here" : "elsewhere");
    say(its_own.here() ? "here" : "elsewhere");
    Child grandchild([&](const auto& tell) { tell(mine.here() || its_own.here() ? "here" : "elsewhere"); });
    say(grandchild.line());
  });
  CHECK(child.line() == "elsewhere");
  CHECK(child.line() == "here");
  CHECK(child.line() == "elsewhere");
  CHECK(mine.here());
}

}  // namespace

TEST_CASE("A forked child is told from its parent, and from its own child") {
  SECTION("by a page that fork clears") { check_own_process(); }
  SECTION("by counting, on a kernel that clears no page") {
    old_kernel = true;
    check_own_process();
    old_kernel = false;
  }
}

TEST_CASE("A forked child has no memory ledger") {
  const auto ledger = memory_ledger();
  Child child([&](const auto& say) {
    say(spend(*ledger, "n"));
    say(ledger->ready().detail());
    say(ledger->size().status().detail());
    say(ledger->find_entries(Digest{1}, 1).status().detail());
    say(ledger->find_before(Digest{1}, 1, 1).status().detail());
  });
  for (int i = 0; i < 5; ++i) CHECK_THAT(child.line(), Contains("before fork()"));
  CHECK(spend(*ledger, "n") == "fresh");
}
