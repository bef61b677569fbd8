// SPDX-License-Identifier: Apache-2.0
// Memory that runs out inside the service: the n-th allocation of its threads fails, once or from then on. It may cost
// the request that is served then, and nothing after it.
#include <atomic>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>

#include <openexec/openexec.hpp>
#include <openexec/service.hpp>

#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/http.hpp"

namespace {

thread_local bool spared = false;  // the test's own threads
std::atomic<bool> armed{false};
std::atomic<bool> lasting{false};
std::atomic<long> left{0};
std::atomic<long> failed{0};

bool fails() noexcept {
  if (spared || !armed.load()) return false;
  const long now = left.fetch_sub(1);
  if (now > 1 || (now < 1 && !lasting.load())) return false;
  ++failed;
  return true;
}

void arm(long n, bool from_then_on) {
  failed = 0;
  left = n;
  lasting = from_then_on;
  armed = true;
}

void* allocate(std::size_t size) {
  void* memory = fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return fails() ? nullptr : std::malloc(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return fails() ? nullptr : std::malloc(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

// Asio's operations come from here.
extern "C" void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
extern "C" void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return fails() ? nullptr : __real_aligned_alloc(alignment, size);
}

namespace openexec {
namespace {

using test::HttpClient;

HandlerResult echo(const Invocation& call) { return HandlerResult::result(std::string(call.payload)); }

struct House {
  House() {
    HandlerTable table;
    REQUIRE(table.add("echo", echo).ok());
    auto assembled = Executor::assemble({}, {.store = memory_ledger(), .verifier = std::make_shared<DemoVerifier>()},
                                        std::move(table));
    REQUIRE(assembled.ok());
    executor = std::make_unique<Executor>(*std::move(assembled));
    ServiceOptions options;
    options.port = 0;
    options.workers = 2;
    options.header_deadline = std::chrono::milliseconds(300);
    options.log = [](std::string_view) {};
    auto started = Service::start(*executor, options);
    REQUIRE(started.ok());
    service = std::make_unique<Service>(*std::move(started));
  }
  std::unique_ptr<Executor> executor;
  std::unique_ptr<Service> service;
};

int ask(const Service& service, const std::string& nonce) {
  HttpClient client(service.port());
  return client.post("/execute", R"({"action":"echo","payload":{},"nonce":")" + nonce + "\"}").status;
}

/// What a client whose header does not come whole is told: nothing tells it but the service's own timer.
int wait_for_a_deadline(const Service& service) {
  HttpClient client(service.port());
  client.send("GET /health HTTP/1.1\r\nHo");
  const auto answer = client.receive();
  return answer ? answer->status : 0;
}

/// One request while memory runs out. Returns whether it did.
bool starve(const Service& service, const std::string& nonce, long n, bool from_then_on) {
  std::atomic<bool> over{false};
  std::thread client([&] {
    spared = true;
    try {
      (void)ask(service, nonce);
    } catch (const std::exception&) {  // cut off
    }
    over = true;
  });
  arm(n, from_then_on);
  while (!over && failed < 5) std::this_thread::yield();
  armed = false;
  client.join();
  return failed > 0;
}

TEST_CASE("A failed allocation costs one request: accepting, deadlines, workers and the drain go on") {
  spared = true;
  for (const bool from_then_on : {false, true}) {
    const House house;
    int starved = 0;
    for (long n = 1; n <= test::campaign(60, 2000); ++n) {
      const std::string nonce = std::to_string(n);
      starved += starve(*house.service, nonce, n, from_then_on);
      INFO("allocation " << n << (from_then_on ? " and all after it" : ""));
      REQUIRE(ask(*house.service, "after-" + nonce) == 200);
      // What was starved is told as what it is: it ran, or may be asked again.
      const int again = ask(*house.service, nonce);
      REQUIRE((again == 200 || again == 409));
      if (n % 25 == 0) REQUIRE(wait_for_a_deadline(*house.service) == 408);
    }
    CHECK(starved > 10);
    CHECK(wait_for_a_deadline(*house.service) == 408);
    CHECK(house.service->drain() == 0);
  }
}

TEST_CASE("A service that cannot be had for want of memory says so in a status, whichever allocation fails") {
  spared = false;  // this thread's allocations fail here
  const House house;
  int refused = 0;
  for (const bool from_then_on : {false, true}) {
    for (long n = 1, none = 0; none < 3 && n < 100'000; n += test::campaign(3, 1)) {
      INFO("allocation " << n << (from_then_on ? " and all after it" : ""));
      ServiceOptions options;
      options.port = 0;
      options.workers = 2;
      std::optional<Result<Service>> started;
      arm(n, from_then_on);
      try {
        started.emplace(Service::start(*house.executor, std::move(options)));
      } catch (const std::exception&) {  // told below, with memory
      }
      armed = false;
      none = failed == 0 ? none + 1 : 0;
      REQUIRE(started.has_value());
      if (started->ok()) continue;
      ++refused;
      CHECK((started->code() == Code::overloaded || started->code() == Code::invalid_argument));
      CHECK_FALSE(started->status().detail().empty());
    }
  }
  CHECK(refused > 20);
  CHECK(ask(*house.service, "after all of that") == 200);
}

}  // namespace
}  // namespace openexec
