// SPDX-License-Identifier: Apache-2.0
// The same attacks on every server that speaks HTTP: service, admin socket, witness.
#include <cstdlib>
#include <string>
#include <vector>

#include "crypto/ed25519.hpp"
#include "merkle/note.hpp"
#include "service/wire_attacks.hpp"
#include "support/admin.hpp"
#include "support/catch.hpp"
#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/parts.hpp"

namespace openexec {
namespace {

using test::Daemon;
using test::HttpClient;
using test::Target;

/// A witness of one log.
struct WitnessHome {
  WitnessHome() {
    REQUIRE(std::system((std::string(OPENEXEC_WITNESS) + " init --quiet --name w.example --key " + folder.file("key") +
                         " --state " + folder.file("state") + " >" + folder.file("out"))
                            .c_str()) == 0);
  }
  [[nodiscard]] std::vector<std::string> flags() const {
    const auto key = crypto::PrivateKey::generate().value().public_key();
    const auto log = merkle::VerifierKey::make("log.example", merkle::KeyType::ed25519, key).value();
    return {"serve", "--key", folder.file("key"), "--state", folder.file("state"), "--log", log.write()};
  }
  test::TemporaryFolder folder;
};

/// The three of them, with short deadlines.
struct Three {
  static std::vector<std::string> with(std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--header-timeout-ms", "400", "--body-timeout-ms", "400"});
    return flags;
  }
  Three() {
    targets = {{"service", [this] { return HttpClient(service.port()); }, "/version", "/receipts/verify"},
               {"witness", [this] { return HttpClient(witness.port()); }, "/health", "/add-checkpoint"},
               {"admin", [this] { return HttpClient(place.socket()); }, "/status", "/halt", false, false}};
  }
  test::Place place{{"--idle-timeout-ms", "400"}};
  Daemon service{with(place.flags)};
  WitnessHome home;
  Daemon witness{with(home.flags()), {}, OPENEXEC_WITNESS};
  std::vector<Target> targets;
};

std::string get(const Target& target) { return test::http_request("GET", target.get); }

void check_served(const Target& target) {
  HttpClient client = target.connect();
  REQUIRE(client.send(get(target)));
  const auto answer = client.receive();
  REQUIRE(answer);
  CHECK(answer->status == 200);
}

TEST_CASE("Every server withstands the table of attacks, and serves the next client") {
  Three three;
  for (const Target& target : three.targets) {
    INFO(target.name);
    for (const std::string& fault : test::faults_of(target)) FAIL_CHECK(target.name << ": " << fault);
    check_served(target);
  }
  CHECK(three.place.orders().empty());
}

TEST_CASE("Slow heads and slow bodies are cut off by every server, with an answer") {
  Three three;
  for (const Target& target : three.targets) {
    INFO(target.name);
    std::vector<HttpClient> slow;
    for (int i = 0; i < 20; ++i) {
      slow.push_back(target.connect());
      slow.back().send("POST " + target.post + " HTTP/1.1\r\nHost: localhost\r\n" +
                       (i % 2 == 0 ? "X-" : "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"));
    }
    check_served(target);
    for (HttpClient& client : slow) {
      const auto answer = client.receive();
      REQUIRE(answer);
      CHECK(answer->status == 408);
      CHECK(answer->body.starts_with(R"({"error":{"code":"request_timeout")"));
      CHECK(answer->closes());
      CHECK(client.closed());
    }
  }
}

TEST_CASE("A silent connection is left by every server") {
  Three three;
  for (const Target& target : three.targets) {
    INFO(target.name);
    HttpClient silent = target.connect();
    if (target.keeps_alive) {
      CHECK(silent.closed());
      continue;
    }
    const auto answer = silent.receive();  // one request a connection: it had its time
    REQUIRE(answer);
    CHECK(answer->status == 408);
    CHECK(silent.closed());
  }
}

TEST_CASE("Pipelined requests are answered in their order, or the connection ends after the first") {
  Three three;
  for (const Target& target : three.targets) {
    INFO(target.name);
    HttpClient client = target.connect();
    // Empty lines in front of a request are passed over, as RFC 9112 says.
    REQUIRE(client.send("\r\n\r\n" + get(target) + "\r\n" + test::http_request("GET", "/no-such-path")));
    CHECK(client.receive()->status == 200);
    if (!target.keeps_alive) {
      CHECK(client.closed());
      continue;
    }
    const auto second = client.receive();
    REQUIRE(second);
    CHECK(second->status == 404);
    CHECK(second->body.starts_with(R"({"error":{"code":"not_found")"));
  }
}

TEST_CASE("A client that sends no more is still answered, byte by byte or at once") {
  Three three;
  for (const Target& target : three.targets) {
    INFO(target.name);
    HttpClient client = target.connect();
    for (const char part : get(target)) REQUIRE(client.send(std::string(1, part)));
    client.half_close();
    const auto answer = client.receive();
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(client.closed());
  }
}

TEST_CASE("Many silent connections hold up nobody") {
  Three three;
  for (const Target& target : three.targets) {
    INFO(target.name);
    std::vector<HttpClient> many;
    for (int i = 0; i < 100; ++i) many.push_back(target.connect());
    check_served(target);
  }
}

}  // namespace
}  // namespace openexec
