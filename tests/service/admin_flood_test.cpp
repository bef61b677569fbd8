// SPDX-License-Identifier: Apache-2.0
// The emergency stop under attack: whatever other peers of its socket do, a halt takes effect.
//
// Nothing here measures time to decide. The hostile peers are there from before the halt until after its answer, and
// openexec admin gives up on its own after a minute, which is the only clock that a failure runs into. What a halt took
// is printed.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <new>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <openexec/openexec.hpp>
#include <openexec/service.hpp>

#include "support/admin.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/parts.hpp"

namespace openexec {
namespace {

using test::admin;
using test::Daemon;
using test::has;
using test::Place;

using Clock = std::chrono::steady_clock;
constexpr uid_t unlisted = 65534;

int connect_to(const sockaddr_un& address, int flags = 0) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy_n(path.data(), std::min(path.size(), sizeof address.sun_path - 1), address.sun_path);
  return address;
}

/// Connections that say nothing, all held by this process.
class Silent {
 public:
  Silent(const std::string& path, int count) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = std::min(files.rlim_max, std::max<rlim_t>(files.rlim_cur, static_cast<rlim_t>(count) + 200));
    ::setrlimit(RLIMIT_NOFILE, &files);
    const sockaddr_un address = address_of(path);
    for (int i = 0; i < count; ++i)
      if (const int fd = connect_to(address, SOCK_NONBLOCK); fd >= 0) held_.push_back(fd);
  }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;
  ~Silent() {
    for (const int fd : held_) ::close(fd);
  }
  [[nodiscard]] std::size_t count() const { return held_.size(); }

 private:
  std::vector<int> held_;
};

/// Processes that do the same again and again until they are ended. They touch nothing but the socket.
class Looping {
 public:
  template <class Once>
  Looping(int processes, uid_t uid, Once once) {
    for (int i = 0; i < processes; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        if (uid != ::geteuid() && (::setgid(uid) != 0 || ::setuid(uid) != 0)) ::_exit(1);
        for (;;) once();
      }
      children_.push_back(child);
    }
  }
  Looping(const Looping&) = delete;
  Looping& operator=(const Looping&) = delete;
  ~Looping() {
    for (const pid_t child : children_) ::kill(child, SIGKILL);
    for (const pid_t child : children_) ::waitpid(child, nullptr, 0);
  }
  [[nodiscard]] bool all_run() const {
    return std::all_of(children_.begin(), children_.end(),
                       [](pid_t child) { return ::waitpid(child, nullptr, WNOHANG) == 0; });
  }

 private:
  std::vector<pid_t> children_;
};

/// A number that this process and those that it forks count up together.
class SharedCount {
 public:
  SharedCount()
      : shared_(::mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0)) {
    REQUIRE(shared_ != MAP_FAILED);
    ::new (shared_) std::atomic<std::uint64_t>(0);
  }
  SharedCount(const SharedCount&) = delete;
  SharedCount& operator=(const SharedCount&) = delete;
  ~SharedCount() { ::munmap(shared_, sizeof(std::atomic<std::uint64_t>)); }
  void add_one() const { ++count(); }
  [[nodiscard]] std::uint64_t value() const { return count(); }

 private:
  [[nodiscard]] std::atomic<std::uint64_t>& count() const { return *static_cast<std::atomic<std::uint64_t>*>(shared_); }
  void* shared_;
};

bool only_root_can() {
  if (::geteuid() == 0) return false;
  WARN("SKIPPED: only root can become another user");
  return true;
}

std::string order(const std::string& target) {
  return test::http_request("POST", target, R"({"who":"alice","why":"drill"})", {{"Content-Type", "application/json"}});
}

/// Halts and resumes so often by plain clients, and once by the command line. Checks that each order was carried out.
void drill(const Place& place, int rounds) {
  std::vector<std::int64_t> took;
  for (int i = 0; i < rounds; ++i) {
    const auto began = Clock::now();
    CHECK(has(test::ask_plainly(place.socket(), order("/halt")), R"("halted":true)"));
    took.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count());
    CHECK(has(test::ask_plainly(place.socket(), order("/resume")), R"("halted":false)"));
  }
  CHECK(admin(place, "halt --who alice --why drill").exit_code == 0);
  CHECK(has(admin(place, "status --json").text, R"("halted":true)"));
  CHECK(admin(place, "resume --who alice --why over").exit_code == 0);
  std::sort(took.begin(), took.end());
  std::cout << "halts, answered durably: median " << took[took.size() / 2] << " ms, slowest " << took.back() << " ms\n";
}

TEST_CASE("A halt takes effect while 1,000 silent connections of the service's own user are held") {
  const Place place;
  const Daemon daemon(place.flags);
  const Silent silent(place.socket(), 1000);
  REQUIRE(silent.count() == 1000);
  drill(place, 20);
  CHECK(place.orders().size() == 42);
}

TEST_CASE("A halt takes effect while processes of the service's own user connect, say nothing and connect again") {
  const Place place;
  const Daemon daemon(place.flags);
  const sockaddr_un address = address_of(place.socket());
  const Looping looping(8, ::geteuid(), [&] {
    int held[64];
    for (int& fd : held) fd = connect_to(address);
    for (const int fd : held) ::close(fd);
  });
  drill(place, 20);
  CHECK(looping.all_run());
}

TEST_CASE("A halt takes effect while processes of the service's own user ask for the status without end") {
  const Place place;
  const Daemon daemon(place.flags);
  const sockaddr_un address = address_of(place.socket());
  const std::string status = test::http_request("GET", "/status");
  const Looping looping(8, ::geteuid(), [&] {
    const int fd = connect_to(address);
    if (fd < 0) return;
    (void)::send(fd, status.data(), status.size(), MSG_NOSIGNAL);
    char chunk[1024];
    while (::recv(fd, chunk, sizeof chunk, 0) > 0) {
    }
    ::close(fd);
  });
  drill(place, 20);
  CHECK(looping.all_run());
}

TEST_CASE("A halt takes effect while users who are not listed connect without end, and few lines count them") {
  if (only_root_can()) return;
  const Place place({"--admin-uids", "4242"});
  ::chmod(place.folder.file("").c_str(), 0755);
  Daemon daemon(place.flags);
  const sockaddr_un address = address_of(place.socket());
  const SharedCount connected;
  const auto began = Clock::now();
  {
    const Looping looping(8, unlisted, [&] {
      const int fd = connect_to(address);
      if (fd < 0) return;
      ::close(fd);
      connected.add_one();
    });
    drill(place, 20);
    // A line comes once a second: what a slow drill wrote is outnumbered as well.
    const auto enough = [&] {
      return 200 * std::chrono::ceil<std::chrono::seconds>(Clock::now() - began).count() + 2000;
    };
    while (connected.value() < static_cast<std::uint64_t>(enough()) && looping.all_run()) std::this_thread::yield();
    CHECK(looping.all_run());
  }
  CHECK(daemon.terminate() == 0);  // the newest of them are counted in a line of their own, at the end
  std::istringstream log(daemon.log());
  std::uint64_t lines = 0;
  std::uint64_t counted = 0;
  for (std::string line; std::getline(log, line);) {
    constexpr std::string_view member = R"("unlisted":)";
    const std::size_t at = line.find(member);
    if (at == line.npos) continue;
    ++lines;
    counted += std::stoull(line.substr(at + member.size()));
  }
  CHECK(counted > 1000);
  CHECK(lines * 100 < counted);
}

TEST_CASE("No handler of a batch is entered after the halt was answered, though batches follow each other") {
  const test::TemporaryFolder folder;
  auto ledger = open_ledger("sqlite:///" + folder.file("ledger.db"), {});
  REQUIRE(ledger.ok());
  std::atomic<std::uint64_t> entered{0};
  HandlerTable table;
  const auto count = [&](const Invocation&) {
    ++entered;
    return HandlerResult::result("{}");
  };
  REQUIRE(table.add("count", count).ok());
  auto executor =
      Executor::assemble({}, {.store = *ledger, .verifier = std::make_shared<DemoVerifier>()}, std::move(table));
  REQUIRE(executor.ok());
  ServiceOptions options;
  options.port = 0;
  options.admin_socket = folder.file("admin");
  auto service = Service::start(*executor, options);
  REQUIRE(service.ok());

  constexpr std::size_t callers = 4;
  std::atomic<std::size_t> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      for (std::size_t batch = 0, halted = 0; halted < 3; ++batch) {
        std::vector<std::string> nonces;
        for (std::size_t i = 0; i < 64; ++i)
          nonces.push_back(std::to_string(caller) + "-" + std::to_string(batch) + "-" + std::to_string(i));
        std::vector<Call> calls;
        for (const std::string& nonce : nonces)
          calls.push_back({Request{.action = "count", .payload = "{}", .nonce = nonce}, {}});
        const auto outcomes = executor->execute_many(calls);
        const auto refused = std::count_if(outcomes.begin(), outcomes.end(),
                                           [](const Outcome& outcome) { return outcome.code == Code::halted; });
        const bool all = static_cast<std::size_t>(refused) == calls.size();
        if (halted > 0 && !all) ++wrong;
        halted += all;
      }
    });
  }
  while (entered < 1000) std::this_thread::yield();
  const Silent silent(options.admin_socket, 1000);
  REQUIRE(silent.count() == 1000);
  const auto ms = [](Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  };
  const auto began = Clock::now();
  Clock::time_point effective;
  std::thread watching([&] {
    while (!executor->halted()) std::this_thread::yield();
    effective = Clock::now();
  });
  const std::string said = test::ask_plainly(options.admin_socket, order("/halt"));
  const std::uint64_t at_halt = entered;
  const auto answered = Clock::now();
  watching.join();
  std::cout << "a halt during execute_many: in effect after " << ms(effective - began) << " ms, answered durably after "
            << ms(answered - began) << " ms\n";
  for (std::thread& thread : threads) thread.join();
  CHECK(has(said, R"("halted":true)"));
  CHECK(entered - at_halt <= callers);  // let through before, and counted after
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace openexec
