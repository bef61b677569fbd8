// SPDX-License-Identifier: Apache-2.0
// What waits without a thread: deadlines in order, waits that end once, drivers that share.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "waiting/deadlines.hpp"
#include "waiting/inbox.hpp"
#include "waiting/single_flight.hpp"

using namespace openexec;
using namespace openexec::exec;
using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

namespace {

std::vector<Waiter*> all_of(Waiter* first) {
  std::vector<Waiter*> all;
  for (; first != nullptr; first = first->next) all.push_back(first);
  return all;
}

}  // namespace

TEST_CASE("Deadlines come in order, whatever was added and removed in between") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Waiter> waiters(1 + random() % 60);
    std::vector<Waiter*> in;
    Deadlines deadlines;
    for (int step = 0; step < 200; ++step) {
      Waiter& waiter = waiters[random() % waiters.size()];
      const auto place = std::find(in.begin(), in.end(), &waiter);
      if (place == in.end()) {
        waiter.until = SteadyClock::time_point(std::chrono::nanoseconds(random() % 40));
        deadlines.add(waiter);
        in.push_back(&waiter);
      } else {
        deadlines.remove(waiter);
        in.erase(place);
      }
      REQUIRE(deadlines.empty() == in.empty());
      if (in.empty()) continue;
      const auto first = std::min_element(in.begin(), in.end(), [](auto* a, auto* b) { return a->until < b->until; });
      REQUIRE(deadlines.first().until == (*first)->until);
    }
    while (!deadlines.empty()) {
      Waiter& first = deadlines.first();
      for (const Waiter* other : in) REQUIRE(first.until <= other->until);
      deadlines.remove(first);
      deadlines.remove(first);  // of one that is not in the heap: nothing
      in.erase(std::find(in.begin(), in.end(), &first));
    }
    REQUIRE(in.empty());
  }
}

TEST_CASE("A waiter is woken when the leader gives up its lease, and there is nothing to wait for without a leader") {
  SingleFlight flights;
  Inbox inbox;
  const Digest id{1};
  Waiter waiter;
  CHECK_FALSE(inbox.park(waiter, [&] { return flights.wait(id, waiter); }));
  SingleFlight::Lease lease = flights.lead(id);
  REQUIRE(lease.leads());
  CHECK_FALSE(flights.lead(id).leads());
  REQUIRE(inbox.park(waiter, [&] { return flights.wait(id, waiter); }));
  CHECK(inbox.take_ready() == nullptr);
  lease.finish();
  CHECK(inbox.wait() == &waiter);
  CHECK_FALSE(waiter.overdue);
}

TEST_CASE("A wait that is overdue ends, and its source forgets the waiter") {
  SingleFlight flights;
  Inbox inbox;
  const Digest id{1};
  SingleFlight::Lease lease = flights.lead(id);
  std::array<Waiter, 3> waiters;
  for (Waiter& waiter : waiters) {
    waiter.until = &waiter == &waiters[1] ? SteadyClock::now() : SteadyClock::time_point::max();
    REQUIRE(inbox.park(waiter, [&] { return flights.wait(id, waiter); }));
  }
  CHECK(inbox.wait() == &waiters[1]);
  CHECK(waiters[1].overdue);
  lease.finish();
  const std::vector<Waiter*> woken = all_of(inbox.take_ready());
  CHECK(woken.size() == 2);
  CHECK(std::find(woken.begin(), woken.end(), &waiters[1]) == woken.end());
  for (const Waiter* waiter : woken) CHECK_FALSE(waiter->overdue);
}

TEST_CASE("A wait ends exactly once, whether its source or its deadline is first") {
  SingleFlight flights;
  Inbox inbox;
  const Digest id{1};
  int overdue = 0;
  for (int round = 0; round < 3'000; ++round) {
    SingleFlight::Lease lease = flights.lead(id);
    std::array<Waiter, 4> waiters;
    for (Waiter& waiter : waiters) {
      waiter.until = SteadyClock::now() + std::chrono::microseconds(round % 50);
      REQUIRE(inbox.park(waiter, [&] { return flights.wait(id, waiter); }));
    }
    std::thread other([&] { lease.finish(); });
    std::vector<Waiter*> ended;
    while (ended.size() < waiters.size())
      for (Waiter* waiter : all_of(inbox.wait())) ended.push_back(waiter);
    other.join();
    std::sort(ended.begin(), ended.end());
    REQUIRE(std::unique(ended.begin(), ended.end()) == ended.end());
    REQUIRE(inbox.take_ready() == nullptr);
    for (const Waiter& waiter : waiters) overdue += waiter.overdue ? 1 : 0;
  }
  CHECK(overdue <= 12'000);
}

TEST_CASE("The end of all waits waits for the source that is waking one") {
  SingleFlight flights;
  for (int round = 0; round < 500; ++round) {
    Inbox inbox;
    const Digest id{2};
    SingleFlight::Lease lease = flights.lead(id);
    std::array<Waiter, 3> waiters;
    for (Waiter& waiter : waiters) REQUIRE(inbox.park(waiter, [&] { return flights.wait(id, waiter); }));
    std::thread other([&] { lease.finish(); });
    inbox.end_waits();
    CHECK(all_of(inbox.take_ready()).size() == waiters.size());
    other.join();
  }
}

TEST_CASE("Without a driver nothing is taken in; drivers share what is ready, and stop when they are told to") {
  Inbox inbox;
  std::array<Waiter, 9> waiters;
  CHECK_FALSE(inbox.submit(waiters[0]));
  {
    const Inbox::Driver one(inbox);
    const Inbox::Driver two(inbox);
    for (Waiter& waiter : waiters) REQUIRE(inbox.submit(waiter));
    std::stop_source stop;
    CHECK(all_of(inbox.take_share(64, true, stop.get_token())).size() == 5);
    CHECK(all_of(inbox.take_share(1, true, stop.get_token())).size() == 1);
    stop.request_stop();
    CHECK(inbox.take_share(64, true, stop.get_token()) == nullptr);
    inbox.give_back(waiters[0]);
    CHECK(inbox.take_ready(1) == waiters.data());
  }
  CHECK(all_of(inbox.take_ready()).size() == 3);
}
