// SPDX-License-Identifier: Apache-2.0
// Memory fails at every allocation in turn, once and for a while, in an openexecd of its own.
//
// The service lives, answers the next request, and says nothing untrue of the one that was hit: its effect, a line that
// a command writes, is there once at most, and is there if the answer was ok.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <new>
#include <optional>
#include <string>
#include <thread>

#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/failing_memory.hpp"
#include "support/http.hpp"
#include "support/json.hpp"
#include "support/parts.hpp"

using namespace openexec;
using namespace openexec::test;

namespace {

/// The counters of a daemon, in a file that both processes map.
class Shared {
 public:
  explicit Shared(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(file >= 0);
    REQUIRE(::ftruncate(file, sizeof(FailingMemory)) == 0);
    place_ = ::mmap(nullptr, sizeof(FailingMemory), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    REQUIRE(place_ != MAP_FAILED);
    memory_ = new (place_) FailingMemory;
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(place_, sizeof(FailingMemory)); }
  FailingMemory* operator->() const { return memory_; }

 private:
  void* place_ = nullptr;
  FailingMemory* memory_ = nullptr;
};

/// A folder with all that a daemon needs. Its command writes the execution's id into a file.
struct House {
  House() : memory(folder.file("memory")) {
    std::ofstream(folder.file("handlers.json")) << R"({"pay": {"argv": ["/bin/sh", "-c", "echo $OPENEXEC_EXEC_ID >> )"
                                                << folder.file("effects") << R"(; echo '{\"paid\":true}'"]}})";
  }
  [[nodiscard]] std::vector<std::string> flags() const { return {"--db-url", "sqlite:///" + folder.file("ledger.db")}; }
  [[nodiscard]] Environment environment() const {
    return {{"LD_PRELOAD", FAILING_MEMORY},
            {failing_memory_file, folder.file("memory")},
            {"OPENEXEC_MODE", "demo"},
            {"OPENEXEC_HANDLERS", folder.file("handlers.json")}};
  }
  [[nodiscard]] std::ptrdiff_t effects_of(const std::string& exec_id) const {
    std::ifstream file(folder.file("effects"));
    std::ptrdiff_t count = 0;
    for (std::string line; std::getline(file, line);) count += line == exec_id ? 1 : 0;
    return count;
  }

  TemporaryFolder folder;
  Shared memory;
};

struct Answer {
  std::string code;
  std::string exec_id;
  std::string receipt;
  std::string detail;
  bool replayed = false;
};

std::optional<Answer> offer(const Daemon& daemon, const std::string& nonce) {
  HttpClient client(daemon.port());
  const HttpAnswer answer = client.post("/execute", R"({"action":"pay","payload":{"a":1},"nonce":")" + nonce + "\"}");
  const canon::Document document = answer.json();
  const auto text = [&](std::string_view key) {
    const auto value = document.root().find(key);
    return value && value->is(canon::Type::string) ? std::string(value->string()) : std::string();
  };
  const auto replayed = document.root().find("replayed");
  return Answer{text("code"), text("id"), text("receipt"), text("detail"),
                replayed && replayed->is(canon::Type::boolean) && replayed->boolean()};
}

/// Offers a request while memory fails. Nothing where the service cut it off.
std::optional<Answer> offer_starving(const House& house, const Daemon& daemon, const std::string& nonce,
                                     std::uint64_t nth, bool all_that_follow) {
  constexpr std::uint64_t enough = 200;
  std::optional<Answer> answer;
  std::atomic<bool> over{false};
  house.memory->arm(nth, all_that_follow);
  std::thread client([&] {
    try {
      answer = offer(daemon, nonce);
    } catch (const std::exception&) {
    }
    over = true;
  });
  while (!over && house.memory->failed < enough) std::this_thread::yield();
  house.memory->disarm();
  client.join();
  return answer;
}

bool nothing_ran(const std::string& code) {
  return code == "overloaded" || code == "halted" || code == "malformed_request" || code.starts_with("approval");
}

}  // namespace

TEST_CASE("openexecd lives through failed allocations, and its answers are true") {
  const House house;
  const Daemon daemon(house.flags(), house.environment());
  const std::optional<Answer> first = offer(daemon, "first");
  REQUIRE(first.has_value());
  REQUIRE(first->code == "ok");
  house.memory->arm(~std::uint64_t{0}, false);
  REQUIRE(offer(daemon, "second")->code == "ok");
  const std::uint64_t total = house.memory->seen;
  house.memory->disarm();
  INFO(total << " allocations a request");
  REQUIRE(total > 10);

  const std::uint64_t stride = std::max<std::uint64_t>(1, total / static_cast<std::uint64_t>(campaign(30, 1'000'000)));
  for (const bool all_that_follow : {false, true}) {
    for (std::uint64_t nth = 1; nth <= total; nth += stride) {
      INFO("allocation " << nth << (all_that_follow ? " and those that follow" : " once"));
      const std::string nonce = std::to_string(nth) + (all_that_follow ? "-on" : "-once");
      const std::optional<Answer> starved = offer_starving(house, daemon, nonce, nth, all_that_follow);
      const std::optional<Answer> again = offer(daemon, nonce);
      REQUIRE(again.has_value());
      INFO("answered " << (starved ? starved->code : "nothing") << ", then " << again->code << ": " << again->detail);
      CHECK((again->code == "ok" || again->code == "in_doubt" || again->code == "in_progress"));
      CHECK(house.effects_of(again->exec_id) <= 1);
      if (again->code == "ok") CHECK(house.effects_of(again->exec_id) == 1);
      if (!starved) continue;
      if (starved->code == "ok") CHECK((again->replayed && again->receipt == starved->receipt));
      if (nothing_ran(starved->code)) CHECK_FALSE(again->replayed);
    }
  }
}

TEST_CASE("openexecd starts or says why not, whichever allocation fails") {
  const House house;
  house.memory->waits_for_main = 1;
  house.memory->arm(~std::uint64_t{0}, false);
  { const Daemon daemon(house.flags(), house.environment()); }
  const std::uint64_t total = house.memory->seen;
  INFO(total << " allocations from start to end");
  REQUIRE(total > 100);

  const std::uint64_t stride = std::max<std::uint64_t>(1, total / static_cast<std::uint64_t>(campaign(12, 1'000'000)));
  int killed = 0;
  const std::uint64_t runs = (total + stride - 1) / stride;  // of one mode
  const auto [first, last] = campaign_part(2 * runs);
  for (std::uint64_t run = first; run < last; ++run) {
    const bool all_that_follow = run >= runs;
    const std::uint64_t nth = 1 + run % runs * stride;
    house.memory->waits_for_main = 1;
    house.memory->arm(nth, all_that_follow);
    int code = 0;
    std::string said;
    try {
      Daemon daemon(house.flags(), house.environment());
      house.memory->disarm();
      code = daemon.terminate();
    } catch (const std::runtime_error& ended) {
      said = ended.what();
      constexpr std::string_view mark = "openexecd ended with ";
      code = said.starts_with(mark) ? std::stoi(said.substr(mark.size())) : 128;
    }
    house.memory->disarm();
    if (code < 128) continue;
    ++killed;
    UNSCOPED_INFO("allocation " << nth << (all_that_follow ? " and those that follow" : " once") << ": " << said);
  }
  CHECK(killed == 0);
}
