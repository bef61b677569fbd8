// SPDX-License-Identifier: Apache-2.0
// Rules that the library keeps itself: preconditions of its functions, and invariants of its objects.
//
// A rule is checked in every build, unless checking it costs more than the step that it guards. A broken rule never
// ends the host's process, never leaves the API as an exception, and never lets an answer be `fresh`
// (docs/design/0064-a-broken-rule-poisons.md).
//
//  1. OPENEXEC_ASSERT throws Breach. Each room has a boundary where exceptions become a Status, and a call that fails
//     permits nothing.
//  2. The object that owns the state (a ledger, an executor) has a Poison. Its boundary watches for breaches and
//     records the first. From then on the owner refuses every call.
//  3. Where nothing may be thrown, OPENEXEC_HOLDS and OPENEXEC_KEEPS answer whether the rule holds, and the function
//     goes on in the way that permits nothing.
//
// Nothing here allocates memory. What a caller or a file may get wrong is no rule of the library's own: the call is
// refused, and nothing is asserted.
#pragma once

#include <atomic>
#include <exception>

#include <openexec/status.hpp>

namespace openexec::base {

/// One check in the source. `text` is a sentence about the code, and never names what a caller brought.
struct Rule {
  const char* text;
  const char* file;
  int line;
};

/// Thrown if a rule is broken.
class Breach final : public std::exception {
 public:
  explicit Breach(const Rule& rule) noexcept : rule_(&rule) {}
  [[nodiscard]] const char* what() const noexcept override { return rule_->text; }
  [[nodiscard]] const Rule& rule() const noexcept { return *rule_; }

 private:
  const Rule* rule_;
};

/// The answer to every call of an object with a broken rule: store_failed, with the rule.
Status refusal(const Rule& rule);

/// Whether the first rule of an object was broken, and which. Thread-safe. It never heals: the owner is opened anew.
class Poison {
 public:
  Poison() = default;
  Poison(const Poison&) = delete;
  Poison& operator=(const Poison&) = delete;

  /// The rule that was broken first. Null if none was.
  [[nodiscard]] const Rule* broken() const noexcept { return first_.load(std::memory_order_acquire); }
  /// Success if no rule was broken.
  [[nodiscard]] Status status() const { return broken() == nullptr ? Status::success() : refusal(*broken()); }
  void record(const Rule& rule) noexcept {
    const Rule* none = nullptr;
    first_.compare_exchange_strong(none, &rule, std::memory_order_acq_rel);
  }

  /// Calls `f` with the arguments. A Breach that leaves it is recorded on its way.
  template <class F, class... Arguments>
  auto watch(F&& f, Arguments&&... arguments) -> decltype(f(arguments...)) {
    try {
      return f(arguments...);
    } catch (const Breach& breach) {
      record(breach.rule());
      throw;
    }
  }

 private:
  std::atomic<const Rule*> first_{nullptr};
};

/// Tells of a broken rule: ends the process in builds for tests (OPENEXEC_TEST_ASSERTIONS), so that no suite passes
/// over one, and does nothing in any other. Returns false.
bool broke(const Rule& rule) noexcept;
bool broke(const Rule& rule, Poison& poison) noexcept;
[[noreturn]] void fail(const Rule& rule);
[[noreturn]] void fail(const Rule& rule, Poison& poison);

/// Whether rules are checked that cost more than the step that they guard: in builds for tests.
bool checks_slow_rules() noexcept;

/// In builds for tests: while one of these lives, a broken rule does what it does in every other build. Only a test
/// that breaks a rule on purpose has one.
class BreachesSurvive {
 public:
  BreachesSurvive() noexcept;
  BreachesSurvive(const BreachesSurvive&) = delete;
  BreachesSurvive& operator=(const BreachesSurvive&) = delete;
  ~BreachesSurvive();
};

}  // namespace openexec::base

#define OPENEXEC_RULE_HERE(sentence)                                                 \
  ([]() noexcept -> const ::openexec::base::Rule& {                                  \
    static constexpr ::openexec::base::Rule rule{sentence, __FILE_NAME__, __LINE__}; \
    return rule;                                                                     \
  }())

/// Throws Breach unless the condition holds.
#define OPENEXEC_ASSERT(condition, sentence)                \
  do {                                                      \
    if (!(condition)) [[unlikely]]                          \
      ::openexec::base::fail(OPENEXEC_RULE_HERE(sentence)); \
  } while (false)

/// The same where the condition is costly. It is evaluated in builds for tests only.
#define OPENEXEC_ASSERT_SLOW(condition, sentence)                           \
  do {                                                                      \
    if (::openexec::base::checks_slow_rules() && !(condition)) [[unlikely]] \
      ::openexec::base::fail(OPENEXEC_RULE_HERE(sentence));                 \
  } while (false)

/// Records the rule in a Poison and throws Breach unless the condition holds.
#define OPENEXEC_INVARIANT(poison, condition, sentence)             \
  do {                                                              \
    if (!(condition)) [[unlikely]]                                  \
      ::openexec::base::fail(OPENEXEC_RULE_HERE(sentence), poison); \
  } while (false)

/// For functions that do not throw: whether the condition holds.
#define OPENEXEC_HOLDS(condition, sentence) \
  (static_cast<bool>(condition) || ::openexec::base::broke(OPENEXEC_RULE_HERE(sentence)))

/// The same for the owner of a Poison, which records the rule.
#define OPENEXEC_KEEPS(poison, condition, sentence) \
  (static_cast<bool>(condition) || ::openexec::base::broke(OPENEXEC_RULE_HERE(sentence), poison))
