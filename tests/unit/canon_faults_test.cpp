// SPDX-License-Identifier: Apache-2.0
// Without memory no text is called malformed that is well-formed, and the process lives: not even the first text that a
// process reads ends it.
#include <sys/wait.h>
#include <unistd.h>

#include <new>
#include <string>

#include "canon/json.hpp"
#include "support/catch.hpp"
#include "support/failing_memory.hpp"

using namespace openexec;
using openexec::test::failing_memory;

namespace {

enum Ending : int { allowed = 0, wrong = 1, nothing_failed = 2 };

const std::string text = R"({"b":[1,2,{"x":"y"}],"a":"a text of a length that needs memory","n":null})";

Ending read(std::uint64_t nth, bool all_that_follow) {
  failing_memory().arm(nth, all_that_follow);
  Ending ending = allowed;
  try {
    const auto document = canon::parse(text);
    if (!document.ok() || canon::jcs(document->root()).size() != text.size()) ending = wrong;
  } catch (const std::bad_alloc&) {
  }
  failing_memory().disarm();
  if (ending == allowed && failing_memory().failed == 0) return nothing_failed;
  return ending;
}

}  // namespace

TEST_CASE("A process lives whose first text meets no memory") {
  for (const bool all_that_follow : {false, true}) {
    int status = 0;
    for (std::uint64_t nth = 1; !(WIFEXITED(status) && WEXITSTATUS(status) == nothing_failed); ++nth) {
      const pid_t child = ::fork();  // this process reads no text, so that each child's is the first
      if (child == 0) ::_exit(read(nth, all_that_follow));
      REQUIRE(::waitpid(child, &status, 0) == child);
      INFO("allocation " << nth << (all_that_follow ? " and all that follow" : " once"));
      REQUIRE(WIFEXITED(status));
      REQUIRE(WEXITSTATUS(status) != wrong);
    }
  }
}
