// SPDX-License-Identifier: Apache-2.0
// What large requests cost in memory while they are served, and what stays of it.
#include <atomic>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "support/campaign.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/json.hpp"
#include "support/parts.hpp"

namespace openexec {
namespace {

using test::Daemon;
using test::HttpClient;

/// A value of /proc/PID/status in MiB: VmRSS, or VmHWM for the highest so far.
std::size_t mebibytes(const Daemon& daemon, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(daemon.pid()) + "/status");
  for (std::string word; status >> word;) {
    std::size_t kibibytes = 0;
    if (word == name + ":" && status >> kibibytes) return kibibytes >> 10;
  }
  return 0;
}

/// The text whose values are most expensive to hold: half a million of them in 1 MiB.
std::string large_request(const std::string& nonce) {
  std::string body = R"({"action":"echo","nonce":")" + nonce + R"(","payload":{"a":[1)";
  while (body.size() + 5 < std::size_t{1} << 20) body += ",1";
  return body + "]}}";
}

/// So many clients at once, each with a large request that is sent again while the service says that it is busy.
std::size_t served(const Daemon& daemon, std::size_t clients) {
  std::atomic<std::size_t> done{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < clients; ++i) {
    threads.emplace_back([&, i] {
      try {
        const std::string body = large_request(std::to_string(i));
        HttpClient client(daemon.port());
        int status = 429;
        while (status == 429) status = client.post("/execute", body).status;
        done += status == 200;
      } catch (const std::exception&) {
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return done;
}

TEST_CASE("Many requests of 1 MiB at once are served within a bound, and their memory is given back") {
  const test::TemporaryFolder folder;
  Daemon daemon({"--db-url", "sqlite:///" + folder.file("ledger.db")});
  const auto many = static_cast<std::size_t>(test::campaign(24, 64));
  CHECK(served(daemon, 1) == 1);
  const std::size_t one = mebibytes(daemon, "VmHWM");
  CHECK(served(daemon, many) == many);
  const std::size_t highest = mebibytes(daemon, "VmHWM");
  // Small ones go on, and each of them finds what is left a little smaller, until it is as it was.
  HttpClient client(daemon.port());
  std::size_t after = highest;
  for (int i = 0; i < 2000 && after > 2 * one; ++i) {
    REQUIRE(client.post("/execute", R"({"action":"echo","payload":{},"nonce":"small"})").status == 200);
    after = mebibytes(daemon, "VmRSS");
  }
  std::cout << "one request of 1 MiB: " << one << " MiB; " << many << " at once: " << highest << " MiB, of which "
            << after << " stay\n";
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return;  // a sanitizer keeps what is freed
#endif
  CHECK(highest < 12 * one);
  CHECK(after < 4 * one);
}

TEST_CASE("Small requests are served while large ones wait, and too many large ones are told to come back") {
  Daemon daemon({"--db-url", "sqlite://", "--large-body-budget", "1"});
  std::atomic<std::size_t> told{0};
  std::atomic<std::size_t> ran{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      try {
        HttpClient client(daemon.port());
        const auto answer = client.post("/execute", large_request(std::to_string(i)));
        if (answer.status == 200) ++ran;
        if (answer.status == 429 && answer.headers.at("retry-after") == "1" &&
            test::text_at(answer.json().root(), "code") == "overloaded")
          ++told;
      } catch (const std::exception&) {
      }
    });
  }
  HttpClient client(daemon.port());
  for (int i = 0; i < 20; ++i)
    CHECK(client.post("/execute", R"({"action":"echo","payload":{},"nonce":")" + std::to_string(1000 + i) + "\"}")
              .status == 200);
  for (std::thread& thread : threads) thread.join();
  CHECK(ran >= 1);
  CHECK(ran + told == 16);
  CHECK(daemon.terminate() == 0);
}

}  // namespace
}  // namespace openexec
