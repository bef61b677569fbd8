// SPDX-License-Identifier: Apache-2.0
// A broken rule throws inside the library, is recorded by whoever owns the state, and never heals.
#include <string>
#include <thread>
#include <vector>

#include "base/assert.hpp"
#include "support/catch.hpp"

using namespace openexec;
using base::Breach;
using base::BreachesSurvive;
using base::Poison;

namespace {

int checked(int value) {
  OPENEXEC_ASSERT(value >= 0, "the value is not negative");
  return value;
}

int checked(Poison& poison, int value) {
  OPENEXEC_INVARIANT(poison, value >= 0, "the owner's value is not negative");
  return value;
}

}  // namespace

TEST_CASE("A rule that holds costs an answer nothing, and a broken one throws what it says") {
  const BreachesSurvive survive;
  CHECK(checked(1) == 1);
  try {
    (void)checked(-1);
    FAIL("the broken rule went unnoticed");
  } catch (const Breach& breach) {
    CHECK(std::string(breach.what()) == "the value is not negative");
    CHECK(std::string(breach.rule().file) == "assert_test.cpp");
    CHECK(breach.rule().line > 0);
  }
}

TEST_CASE("An owner is poisoned by its first broken rule, and stays so") {
  const BreachesSurvive survive;
  Poison poison;
  CHECK(poison.broken() == nullptr);
  CHECK(poison.status().ok());
  CHECK(checked(poison, 0) == 0);
  CHECK(poison.broken() == nullptr);
  CHECK_THROWS_AS(checked(poison, -1), Breach);
  REQUIRE(poison.broken() != nullptr);
  const base::Rule* const first = poison.broken();
  CHECK(poison.status().code() == Code::store_failed);
  CHECK(poison.status().detail().find("the owner's value is not negative (assert_test.cpp:") != std::string::npos);
  CHECK_FALSE(OPENEXEC_KEEPS(poison, false, "another rule"));
  CHECK(checked(poison, 1) == 1);
  CHECK(poison.broken() == first);
}

TEST_CASE("A boundary that watches records a breach on its way, and nothing else") {
  const BreachesSurvive survive;
  Poison poison;
  CHECK(poison.watch([] { return checked(7); }) == 7);
  CHECK_THROWS_AS(poison.watch([]() -> int { throw std::string("no breach"); }), std::string);
  CHECK(poison.broken() == nullptr);
  CHECK_THROWS_AS(poison.watch([] { return checked(-1); }), Breach);
  CHECK(poison.broken() != nullptr);
}

TEST_CASE("Where nothing may be thrown, a broken rule is an answer") {
  const BreachesSurvive survive;
  CHECK(OPENEXEC_HOLDS(true, "a rule"));
  CHECK_FALSE(OPENEXEC_HOLDS(false, "a rule"));
}

TEST_CASE("Of rules that are broken at once one is recorded") {
  const BreachesSurvive survive;
  Poison poison;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { (void)OPENEXEC_KEEPS(poison, false, "a rule of all threads"); });
  for (std::thread& thread : threads) thread.join();
  REQUIRE(poison.broken() != nullptr);
  CHECK(std::string(poison.broken()->text) == "a rule of all threads");
}

TEST_CASE("A costly condition is evaluated in builds for tests only") {
  const BreachesSurvive survive;
  bool evaluated = false;
  const auto condition = [&] { return evaluated = true; };
  OPENEXEC_ASSERT_SLOW(condition(), "a costly rule");
  CHECK(evaluated == base::checks_slow_rules());
}
