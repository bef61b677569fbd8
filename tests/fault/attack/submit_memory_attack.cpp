// SPDX-License-Identifier: Apache-2.0
// Memory fails at every allocation in turn, once and from there on, while attempts are submitted, driven and completed.
//
// Each run is a process of its own. Then: it did not crash and did not hang; what was taken is answered once, and what was
// not taken is not answered; no answer is untrue; asked again when there is memory, nothing runs twice.
#include <openexec/openexec.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/failing_memory.hpp"
#include "support/forked.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

enum Ending : int { kept = 0, broken = 1, hung = 2 };

constexpr std::size_t calls = 5;
constexpr unsigned seconds_until_it_hangs = 60;

// The world outside, in memory that is not allocated.
std::array<std::atomic<int>, calls> effects;
std::array<std::atomic<int>, calls> answers;
std::array<Outcome, calls> outcomes;
std::array<std::optional<Pending>, calls> tokens;
std::array<std::atomic<bool>, calls> given;

const std::array<std::string, calls> actions = {"now", "later", "now", "later", "never"};
// The third is the first again.
const std::array<std::string, calls> nonces = {
    "nonce-a-of-a-length-that-is-allocated", "nonce-b-of-a-length-that-is-allocated",
    "nonce-a-of-a-length-that-is-allocated", "nonce-d-of-a-length-that-is-allocated",
    "nonce-e-of-a-length-that-is-allocated"};

std::size_t number_of(std::string_view payload) { return static_cast<std::size_t>(payload[payload.size() - 2] - '0'); }

const std::array<std::string, calls> payloads = {R"({"n":0})", R"({"n":1})", R"({"n":0})", R"({"n":3})", R"({"n":4})"};
const std::array<std::string, calls> artifacts = {R"({"id":"id-a"})", R"({"id":"id-b"})", R"({"id":"id-a"})",
                                                  R"({"id":"id-d"})", R"({"id":"id-e"})"};

Request request(std::size_t i) {
  return {.action = actions[i], .payload = payloads[i], .nonce = nonces[i], .approval_artifact = artifacts[i]};
}

HandlerTable table() {
  HandlerTable handlers;
  (void)handlers.add("now", [](const Invocation& call) {
    ++effects[number_of(call.payload)];
    return HandlerResult::result("1");
  });
  (void)handlers.add("later", AsyncHandler([](const Invocation& call, Pending pending) {
                       const std::size_t i = number_of(call.payload);
                       ++effects[i];
                       tokens[i].emplace(std::move(pending));
                       given[i] = true;
                     }));
  (void)handlers.add("never", {.run = nullptr,
                               .reconcile = nullptr,
                               .deadline = std::chrono::milliseconds(5),
                               .start = [](const Invocation& call, Pending pending) {
                                 ++effects[number_of(call.payload)];
                                 tokens[4].emplace(std::move(pending));
                               }});
  return handlers;
}

bool complain(const char* what, std::size_t i, const Outcome& outcome) {
  std::fprintf(stderr, "%s: %s %zu: %s %s, ran %d\n", what, actions[i].c_str(), i,
               std::string(name(outcome.code)).c_str(), std::string(name(outcome.verdict)).c_str(), effects[i].load());
  return false;
}

bool is_true(std::size_t i, const Outcome& outcome) {
  const std::size_t which = i == 2 ? 0 : i;
  if (effects[which] > 1) return complain("it ran twice", which, outcome);
  if (outcome.ok() && effects[which] == 0) return complain("executed, and it did not run", which, outcome);
  if (effects[which] == 1 && outcome.effect == Effect::none && !outcome.replayed && i != 2 &&
      outcome.verdict != Verdict::refused)
    return complain("it ran, and is told as without effect", which, outcome);
  return true;
}

Ending live(std::uint64_t nth, bool all_that_follow, const std::string& file) {
  ::alarm(seconds_until_it_hangs);
  auto ledger = sqlite_ledger(file);
  if (!ledger.ok()) return broken;
  Executor executor =
      assemble({.store = *ledger, .log = nullptr, .verifier = std::make_shared<ScriptedVerifier>()}, table());
  std::array<std::jthread, 2> drivers;
  std::atomic<int> driving{0};
  for (std::jthread& driver : drivers)
    driver = std::jthread([&](const std::stop_token& stop) {
      ++driving;
      (void)executor.drive(stop);
    });
  std::atomic<bool> probed{false};
  while (!executor.submit({std::string_view("probe"), {}}, [&](const Outcome&) { probed = true; }).ok())
    std::this_thread::yield();
  while (!probed) std::this_thread::yield();

  std::array<bool, calls> taken{};
  const CallOptions options;  // a cancellation is memory of the caller
  failing_memory().arm(nth, all_that_follow);
  for (std::size_t i = 0; i < calls; ++i)
    taken[i] = executor
                   .submit({request(i), options},
                           [i](Outcome outcome) {
                             outcomes[i] = std::move(outcome);
                             ++answers[i];
                           })
                   .ok();
  for (const std::size_t i : {std::size_t{1}, std::size_t{3}}) {
    while (taken[i] && !given[i] && answers[i] == 0) std::this_thread::yield();
    if (given[i]) (void)tokens[i]->complete(HandlerResult::result({}));
  }
  for (std::size_t i = 0; i < calls; ++i)
    while (taken[i] && answers[i] == 0) std::this_thread::yield();
  failing_memory().disarm();

  bool good = true;
  for (std::size_t i = 0; i < calls; ++i) {
    if (answers[i] != (taken[i] ? 1 : 0)) good = complain("answered more or less than once", i, outcomes[i]);
    if (taken[i]) good = is_true(i, outcomes[i]) && good;
  }
  for (std::optional<Pending>& token : tokens) token.reset();
  for (std::size_t i = 0; i < calls; ++i) {  // with memory: whatever ran does not run again
    if (effects[i == 2 ? 0 : i] == 0) continue;
    const Outcome again = executor.execute(request(i));
    good = is_true(i, again) && good;
  }
  for (std::jthread& driver : drivers) driver = {};
  return good ? kept : broken;
}

int run_in_child(std::uint64_t nth, bool all_that_follow, std::string& said, std::uint64_t* seen = nullptr) {
  const TemporaryFolder folder(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  const int status = run_forked(said, [&] {
    const Ending ending = live(nth, all_that_follow, folder.file("ledger.db"));
    if (seen != nullptr) std::fprintf(stderr, "%llu", static_cast<unsigned long long>(failing_memory().seen.load()));
    return ending;
  });
  if (seen != nullptr) *seen = std::strtoull(said.c_str(), nullptr, 10);
  return status;
}

}  // namespace

TEST_CASE("memory fails while attempts are submitted, driven and completed") {
  std::string said;
  std::uint64_t total = 0;
  const int undisturbed = run_in_child(~std::uint64_t{0}, false, said, &total);
  INFO(total << " allocations; " << said);
  REQUIRE(WIFEXITED(undisturbed));
  REQUIRE(WEXITSTATUS(undisturbed) == kept);
  REQUIRE(total > 0);
  const std::uint64_t stride = std::max<std::uint64_t>(1, total / static_cast<std::uint64_t>(campaign(40, 1'000'000)));
  int crashes = 0;
  for (const bool all_that_follow : {false, true}) {
#ifdef __SANITIZE_ADDRESS__
    if (all_that_follow) {
      WARN("SKIPPED under the address sanitizer: it asks for memory itself when an exception is thrown");
      break;
    }
#endif
    for (std::uint64_t nth = 1; nth <= total + stride; nth += stride) {
      std::string complaint;
      const int status = run_in_child(nth, all_that_follow, complaint);
      if (WIFEXITED(status) && WEXITSTATUS(status) == kept) continue;
      ++crashes;
      UNSCOPED_INFO("allocation " << nth << (all_that_follow ? " and all that follow" : " once") << ": "
                                  << (WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status)) : "broken")
                                  << "\n"
                                  << complaint.substr(0, 2000));
    }
  }
  CHECK(crashes == 0);
}
