// SPDX-License-Identifier: Apache-2.0
#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace openexec::base {
namespace {

#ifdef OPENEXEC_TEST_ASSERTIONS
constexpr bool for_tests = true;
std::atomic<int> survivors{0};
#else
constexpr bool for_tests = false;
#endif

}  // namespace

Status refusal(const Rule& rule) {
  return {Code::store_failed, "a rule of OpenExec's own was broken: " + std::string(rule.text) + " (" + rule.file +
                                  ":" + std::to_string(rule.line) +
                                  "); nothing runs until the ledger is opened anew, and this is worth a report"};
}

bool broke(const Rule& rule) noexcept {
#ifdef OPENEXEC_TEST_ASSERTIONS
  if (survivors.load() == 0) {
    (void)std::fprintf(stderr, "%s:%d: broken rule: %s\n", rule.file, rule.line, rule.text);
    std::abort();
  }
#else
  (void)rule;
#endif
  return false;
}

bool broke(const Rule& rule, Poison& poison) noexcept {
  poison.record(rule);
  return broke(rule);
}

void fail(const Rule& rule) {
  (void)broke(rule);
  throw Breach(rule);
}

void fail(const Rule& rule, Poison& poison) {
  (void)broke(rule, poison);
  throw Breach(rule);
}

bool checks_slow_rules() noexcept { return for_tests; }

#ifdef OPENEXEC_TEST_ASSERTIONS
BreachesSurvive::BreachesSurvive() noexcept { ++survivors; }
BreachesSurvive::~BreachesSurvive() { --survivors; }
#else
BreachesSurvive::BreachesSurvive() noexcept = default;
BreachesSurvive::~BreachesSurvive() = default;
#endif

}  // namespace openexec::base
