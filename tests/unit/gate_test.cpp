// SPDX-License-Identifier: Apache-2.0
// The kill switch's gate, against passages that overlap without end.
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gate/limits.hpp"
#include "support/catch.hpp"

namespace openexec::exec {
namespace {

using Passage = std::unique_ptr<Gate::Passage>;
Passage pass(Gate& gate) { return Passage(new Gate::Passage(gate.pass())); }

TEST_CASE("A drain returns although there is no moment without a passage") {
  Gate gate;
  Passage last = pass(gate);
  std::atomic<bool> drained{false};
  std::thread drain([&] {
    for (int i = 0; i < 100; ++i) gate.drain();
    drained = true;
  });
  // Hand over hand: the next passage begins before the last one ends.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!drained && std::chrono::steady_clock::now() < give_up) {
    Passage next = pass(gate);
    last = std::move(next);
  }
  const bool in_time = drained;
  last.reset();
  drain.join();
  CHECK(in_time);
}

TEST_CASE("A drain waits for the passage that was there before it, and close for every passage") {
  for (const bool closes : {false, true}) {
    Gate gate;
    Passage before = pass(gate);
    std::atomic<bool> over{false};
    std::atomic<bool> early{false};
    std::thread waiting([&] {
      closes ? gate.close() : gate.drain();
      early = !over;
    });
    for (int i = 0; i < 1000; ++i) pass(gate);
    over = true;
    before.reset();
    waiting.join();
    CHECK_FALSE(early);
    CHECK(pass(gate)->open() == !closes);
  }
}

TEST_CASE("Eight threads pass while one drains and closes again and again, and nothing is lost") {
  Gate gate;
  std::atomic<bool> end{false};
  std::atomic<int> inside{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      while (!end) {
        const Gate::Passage passage = gate.pass();
        if (!passage.open()) continue;
        ++inside;
        --inside;
      }
    });
  }
  for (int i = 0; i < 2000; ++i) {
    gate.drain();
    gate.close();
    if (inside != 0) ++wrong;
    gate.open();
  }
  end = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace openexec::exec
