// SPDX-License-Identifier: Apache-2.0
// kill -9 while a thousand attempts wait for their handlers: each is in doubt once after reopening, and none runs twice.
#include <openexec/openexec.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

constexpr int attempts = 1'000;

std::string nonce_of(int i) { return "n-" + std::to_string(i); }

/// `later` leaves a line in the world outside, and its token open. `now` leaves a line and ends.
HandlerTable table(const std::string& world, std::atomic<int>& parked, std::vector<Pending>& tokens,
                   std::mutex& mutex) {
  const auto leave_a_line = [world](const Invocation& call) {
    const int file = ::open(world.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const std::string line = std::string(call.exec_id) + "\n";
    if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
    ::close(file);
  };
  HandlerTable handlers;
  (void)handlers.add("later",
                     {.run = nullptr,
                      .reconcile = nullptr,
                      .deadline = std::chrono::minutes(10),
                      .start = [&parked, &tokens, &mutex, leave_a_line](const Invocation& call, Pending pending) {
                        leave_a_line(call);
                        const std::lock_guard lock(mutex);
                        tokens.push_back(std::move(pending));
                        ++parked;
                      }});
  return handlers;
}

Config wide() {
  Config config;
  config.limits.max_in_flight = 4 * attempts;
  return config;
}

std::map<std::string, int> world_of(const std::string& path) {
  std::map<std::string, int> effects;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) ++effects[line];
  return effects;
}

Executor open(const std::string& path, HandlerTable handlers) {
  auto ledger = sqlite_ledger(path);
  REQUIRE(ledger.ok());
  return assemble({.store = *ledger, .log = nullptr, .verifier = std::make_shared<ScriptedVerifier>()},
                  std::move(handlers), wide());
}

/// Submits all, and says when so many are parked.
template <class Say>
void live(const std::string& path, const std::string& world, int until, Say&& say) {
  std::atomic<int> parked{0};
  std::vector<Pending> tokens;
  std::mutex mutex;
  Executor executor = open(path, table(world, parked, tokens, mutex));
  std::jthread one([&](const std::stop_token& stop) { (void)executor.drive(stop); });
  std::jthread two([&](const std::stop_token& stop) { (void)executor.drive(stop); });
  for (int i = 0; i < attempts;) {
    const std::string nonce = nonce_of(i);
    const std::string artifact = "{\"id\":\"" + nonce + "\"}";
    const Request request{.action = "later", .payload = "{}", .nonce = nonce, .approval_artifact = artifact};
    if (executor.submit({request, {}}, [](const Outcome&) {}).ok())
      ++i;
    else
      std::this_thread::yield();  // no driver yet
  }
  while (parked < until) std::this_thread::yield();
  say("parked");
  for (;;) ::pause();
}

}  // namespace

TEST_CASE(
    "a process that is killed while a thousand handlers are pending leaves each in doubt once, and none runs twice") {
  std::mt19937 random(11);
  const int rounds = campaign(2, 60);
  for (int round = 0; round < rounds; ++round) {
    const TemporaryFolder folder;
    const std::string path = folder.file("ledger.db");
    const std::string world = folder.file("world");
    const int until = round == 0 ? attempts : static_cast<int>(random() % attempts);
    {
      Child child([&](const auto& say) { live(path, world, until, say); });
      REQUIRE(child.line() == "parked");
      child.kill();
    }
    const std::map<std::string, int> before = world_of(world);
    REQUIRE(before.size() >= static_cast<std::size_t>(until));

    std::atomic<int> parked{0};
    std::vector<Pending> tokens;
    std::mutex mutex;
    Executor executor = open(path, table(world, parked, tokens, mutex));
    const std::size_t doubtful = executor.recovered().in_doubt;
    CHECK(doubtful >= before.size());  // claimed, and killed before it was entered, is in doubt too
    CHECK(executor.doubt_count().value() == doubtful);
    std::size_t told = 0;
    for (int i = 0; i < attempts; ++i) {
      const std::string nonce = nonce_of(i);
      const std::string artifact = "{\"id\":\"" + nonce + "\"}";
      CallOptions soon;
      soon.max_wait = std::chrono::milliseconds(0);
      if (told == doubtful) break;  // the rest was never claimed
      const Outcome outcome = [&] {
        std::jthread release([&](const std::stop_token& stop) {  // what was not claimed runs now, once
          while (!stop.stop_requested()) {
            {
              const std::lock_guard lock(mutex);
              for (Pending& token : tokens) (void)token.complete(HandlerResult::result("1"));
              tokens.clear();
            }
            std::this_thread::yield();
          }
        });
        return executor.execute({.action = "later", .payload = "{}", .nonce = nonce, .approval_artifact = artifact},
                                soon);
      }();
      told += outcome.verdict == Verdict::in_doubt ? 1 : 0;
    }
    CHECK(told == doubtful);
    for (const auto& [exec_id, times] : world_of(world)) CHECK(times == 1);
  }
}
